"""Results as tables: for pandas, and numbers with the digits that matter."""

from collections.abc import Iterable
from math import floor, isfinite, log10
from typing import TYPE_CHECKING, Any, Protocol

from fixlip.errors import MissingExtraError

if TYPE_CHECKING:
    import pandas

MOST = 12  # decimals
TINY = 1e-5  # errors below it are written with an exponent


class Framed(Protocol):
    """A result that pandas can have as a table."""

    def to_pandas(self) -> "pandas.DataFrame":
        """The table."""


class Tabular:
    """A result that every library of tables takes: ``pyarrow.table(found)``, ``polars.DataFrame(found)``."""

    def __arrow_c_stream__(self: Framed, requested_schema: Any = None) -> Any:
        """The table of `to_pandas` in the C interface of Arrow.

        Raises:
            MissingExtraError: pandas or pyarrow is not installed.
        """
        table = self.to_pandas()
        try:
            return table.__arrow_c_stream__(requested_schema)
        except ImportError as error:
            raise MissingExtraError("A table of Arrow needs pyarrow: pip install pyarrow.") from error


def frame(rows: Iterable[Any]) -> "pandas.DataFrame":
    """Return rows (dictionaries or named tuples) as a table of pandas.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("A table of pandas needs pandas: pip install pandas.") from error
    return pandas.DataFrame([row._asdict() if isinstance(row, tuple) else row for row in rows])  # type: ignore[attr-defined]


def decimals(values: Iterable[float], errors: Iterable[float] = (), *, least: int = 2) -> int:
    """Return the number of decimals for a column: three digits of its largest value, and one of a typical error.

    Args:
        values: the numbers of the column; NaN is ignored.
        errors: their standard errors.
        least: fewest decimals.

    Example:
        >>> decimals([12.3, 0.02]), decimals([0.031, -0.002], [0.0011, 0.0009]), decimals([2.5], [0.003, 0.004])
        (2, 4, 3)
    """
    sizes, spread = (sorted(abs(v) for v in numbers if isfinite(v) and v) for numbers in (values, errors))
    needed = [least]
    needed += [2 - floor(log10(sizes[-1]))] if sizes else []
    needed += [-floor(log10(spread[len(spread) // 2]))] if spread else []
    return min(max(needed), MOST)


def signed(value: float, error: float = float("nan"), places: int | None = None) -> str:
    """Write a value with its sign, and its standard error where there is one.

    Args:
        value, error: the numbers; NaN for no error.
        places: number of decimals; as many as `decimals` says when None.

    Example:
        >>> signed(2.849, 0.04), signed(-0.0312), signed(0.5, 0.003, 2), signed(0.5, 1e-9, 2)
        ('+2.85 ± 0.04', '-0.0312', '+0.50 ± 0.003', '+0.50 ± 1e-09')
    """
    if not isfinite(value):
        return "–"
    places = decimals([value], [error]) if places is None else places
    text = f"{value:+z.{places}f}"
    if not isfinite(error):
        return text
    if 0 < error < 0.5 * 10**-places:  # more digits than the others
        return f"{text} ± {error:.0e}" if error < TINY else f"{text} ± {error:.{-floor(log10(error))}f}"
    return f"{text} ± {error:.{places}f}"


def percent(share: float) -> str:
    """Write a share as a percentage with at least two digits that are not 0.

    Example:
        >>> percent(0.982), percent(0.0), percent(0.000067)
        ('98.2%', '0.0%', '0.0067%')
    """
    return f"{share:.1%}" if share >= 0.001 or share == 0 else f"{100 * share:.2g}%"
