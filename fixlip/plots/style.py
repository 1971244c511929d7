"""The common style of figures: scale, text, new figures, and files."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args

import numpy as np

from fixlip.errors import InputError, OptionError, unknown
from fixlip.io.files import write_atomically
from fixlip.plots import colours
from fixlip.plots.fonts import mend, readable
from fixlip.runtime.threads import shared

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colorbar import Colorbar
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

INK, SOFT, GRID = "#1d1f23", "#5f656e", "#e3e1dc"
COLOURS = ("#e4610f", "#1f6fc9", "#3f8f84", "#8a63c9", "#b98a2d", "#c2407a", "#6b8e23", "#8b9099")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # in addition to the colours, for colour-blind eyes and grey paper
DPI = 150
FORMATS = (".pdf", ".png", ".svg")
Kind = Literal["screen", "paper"]  # of a figure: on a page, or in a column of a paper
COLUMN = 3.25  # inches, of a paper with two columns
WRITTEN: Any = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "fixlip"}
Function = TypeVar("Function", bound=Callable[..., Any])
Drawn = TypeVar("Drawn", bound="Axes | Figure | list[Axes]")


def draws(kind: type) -> Callable[[Function], Function]:
    """Make a function that draws a kind of result refuse anything else, and say the order of its arguments."""

    def checked(function: Function) -> Function:
        names = [p.name for p in signature(function).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        call = f"fixlip.plots.{function.__name__}({', '.join(names[:2])})"

        @wraps(function)
        def draw(*arguments: Any, **options: Any) -> Any:
            result = arguments[0] if arguments else options.get(names[0])
            if not isinstance(result, kind):
                raise InputError(f"{call} takes {article(kind)} first, got {article(type(result))}.")
            return function(*arguments, **options)

        return cast(Function, draw)

    return checked


def article(kind: type) -> str:
    """Return the name of a type with its article."""
    return f"{'an' if kind.__name__[0] in 'AEIOaeio' else 'a'} {kind.__name__}"


def colormap() -> "Colormap":
    """Return the scale from blue over white to orange."""
    from matplotlib.colors import LinearSegmentedColormap

    scale = [colours.NEGATIVE_DARK, colours.NEGATIVE, "#ffffff", colours.POSITIVE, colours.POSITIVE_DARK]
    return LinearSegmentedColormap.from_list("fixlip", scale)


def new_figure(width: float, height: float) -> "Figure":
    """Return a figure without a window or global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, facecolor="white")


def axes(ax: "Axes | None", width: float = 4.0, height: float = 4.0, *, fitted: bool = False) -> "Axes":
    """Return the Axes given, or those of a new figure; `fitted` leaves enough room for labels."""
    if ax is not None:
        return ax
    figure = new_figure(width, height)
    if fitted:
        figure.set_layout_engine("constrained")
    return figure.add_subplot()


def sizes(kind: Kind, width: float, height: float) -> tuple[float, float]:
    """Return the size of a new figure in inches: as given, or with the proportions given and as wide as a column.

    Raises:
        OptionError: another kind.
    """
    if kind not in get_args(Kind):
        raise OptionError(unknown("kind of figure", kind, get_args(Kind)))
    return (width, height) if kind == "screen" else (COLUMN, COLUMN * height / width)


def plain(text: str) -> str:
    """Prepare text for matplotlib: a dollar sign does not start mathematics, and a font has all characters."""
    return readable(text).replace("$", r"\$")


def panel(ax: "Axes", *, lines: "str | None" = "both", size: float = 8) -> "Axes":
    """Remove the frame and the ticks of Axes, and draw thin grid `lines` ("x", "y", "both" or None)."""
    ax.tick_params(which="both", length=0, labelsize=size, labelcolor=INK)
    ax.spines[:].set_visible(False)
    if lines:
        ax.grid(axis=lines, color=GRID, linewidth=0.7)  # type: ignore[arg-type]
        ax.set_axisbelow(True)
    return ax


def log_axis(axis: "Axis", *, named: bool = True) -> None:
    """Set a logarithmic scale; if `named`, it labels 1, 2 and 5 of each decade."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})  # type: ignore[attr-defined]
    if named:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def limit_of(values: np.ndarray, limit: float | None) -> float:
    """Return the end of a symmetric scale: the given limit, or the largest absolute value."""
    if limit is not None:
        return limit
    return float(np.nanmax(np.abs(values), initial=0.0)) or 1.0


def end_of(values: np.ndarray) -> str:
    """Return the end of a scale, for the title of a map with a separate scale."""
    return f"  (colours to ±{limit_of(values, None):.2g})"


def short(label: str, longest: int) -> str:
    """Return a label, shortened to at most `longest` letters."""
    return label if len(label) <= longest else label[: longest - 1] + "…"


def colour_bar(figure: "Figure", place: tuple[float, float, float, float], limit: float, unit: str) -> None:
    """Draw the scale from -limit to limit; `place` is left, bottom, width, height in fractions of the figure."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    ax = figure.add_axes(place)
    bar = figure.colorbar(ScalarMappable(Normalize(-limit, limit), colormap()), cax=ax, orientation="horizontal")
    name_scale(bar, limit, unit)


def name_scale(bar: "Colorbar", limit: float, unit: str) -> None:
    """Write the ends of a scale and its unit at a colour bar."""
    bar.set_ticks([-limit, 0, limit], labels=[f"−{limit:.2g}", "0", f"+{limit:.2g} {unit}"])
    bar.ax.tick_params(labelsize=7.5, length=0, labelcolor=SOFT)
    bar.outline.set_visible(False)  # type: ignore[operator]


def save(drawn: "Drawn", path: str | Path) -> None:
    """Write a figure for print, completely or not at all; it stays vectors, with fonts embedded as TrueType.

    Args:
        drawn: a figure, its Axes, or a list of Axes; the whole figure is written.
        path: a path that ends in .pdf, .png (150 dots per inch) or .svg. The same figure gives the same bytes.

    Raises:
        InputError: another ending, or the path cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"The file of a figure must end in {', '.join(FORMATS)}, got {str(path)!r}.")
    write_atomically(path, to_bytes(_figure(drawn), suffix[1:]))


def finish(drawn: "Drawn", path: str | Path | None = None) -> "Drawn":
    """Finish a figure: find fonts for all its text, and `save` it if there is a path."""
    from matplotlib.text import Text

    parts: Any = drawn if isinstance(drawn, list) else [drawn]
    mend(text for part in parts for text in part.findobj(Text))
    if path is not None:
        save(drawn, path)
    return drawn


def to_png(figure: "Figure") -> bytes:
    """Return the figure as PNG."""
    return to_bytes(figure, "png")


def to_bytes(figure: "Figure", kind: str, **options: Any) -> bytes:
    """Return the figure as "pdf", "png" or "svg", with `options` of `Figure.savefig`."""
    dated = {"pdf": "CreationDate", "svg": "Date"}
    buffer = io.BytesIO()
    with _written():
        metadata = {dated[kind]: None} if kind in dated else {}
        figure.savefig(buffer, format=kind, dpi=DPI, metadata=metadata, **options)
    return buffer.getvalue()


@shared
def _written() -> AbstractContextManager[None]:
    from matplotlib import rc_context

    return rc_context(WRITTEN)


def _figure(drawn: Any) -> "Figure":
    part = drawn[0] if isinstance(drawn, list) else drawn
    return part.get_figure(root=True) or part
