"""Test of what a model makes of a caption in which two like words have changed places."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from fixlip.results.contrast import Contrast
from fixlip.results.equality import ByValue
from fixlip.results.summary import listed, number
from fixlip.results.tables import Tabular, frame

if TYPE_CHECKING:
    import pandas


class Swap(NamedTuple):
    """Two words that changed places, the caption with both exchanged, and by how much the true one fits better."""

    words: tuple[str, str]
    caption: str
    difference: float


@dataclass(frozen=True, eq=False)
class SwapTest(ByValue, Tabular):
    """A caption against the same with two like words exchanged, for each two of them.

    A model that takes a caption for a bag of words finds both equally similar.

    Attributes:
        words: the two words of each exchange, as the true caption has them.
        contrasts: for each, why the true caption fits better, or worse.
    """

    words: tuple[tuple[str, str], ...]
    contrasts: tuple[Contrast, ...]

    def swaps(self) -> list[Swap]:
        """Return the exchanges, the one that costs most first."""
        found = [
            Swap(words, contrast.captions[1], float(contrast.difference.full_value))
            for words, contrast in zip(self.words, self.contrasts, strict=True)
        ]
        return sorted(found, key=lambda swap: -swap.difference)

    def summary(self) -> str:
        """Say how many exchanges the model tells from the true caption, and by how much."""
        swaps, unit = self.swaps(), self.contrasts[0].first.value_unit
        told = [swap for swap in swaps if swap.difference > 0]
        costs = listed([f"“{a}” and “{b}” {number(d, sign=True)}" for (a, b), _, d in swaps])
        return (
            f"The true caption fits better than {len(told)} of {len(swaps)} with two words exchanged; exchanging "
            f"{costs} ({unit}, true minus exchanged)."
        )

    def __repr__(self) -> str:
        return f"SwapTest({self.summary()})"

    def __str__(self) -> str:
        return self.summary()

    def to_pandas(self) -> "pandas.DataFrame":
        """Return `swaps` as a table of pandas.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame(self.swaps())
