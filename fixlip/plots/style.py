"""What the figures share: the scale, the text, a figure where none is given."""

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

from fixlip import colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

INK, SOFT = "#1d1f23", "#5f656e"
DPI = 150


def colormap() -> "Colormap":
    """Blue, white, orange."""
    from matplotlib.colors import LinearSegmentedColormap

    scale = [colours.NEGATIVE_DARK, colours.NEGATIVE, "#ffffff", colours.POSITIVE, colours.POSITIVE_DARK]
    return LinearSegmentedColormap.from_list("fixlip", scale)


def new_figure(width: float, height: float) -> "Figure":
    """A figure that no window and no global state knows of."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, facecolor="white")


def axes(ax: "Axes | None", width: float = 4.0, height: float = 4.0) -> "Axes":
    """The axes given, or those of a new figure."""
    return new_figure(width, height).add_subplot() if ax is None else ax


def plain(text: str) -> str:
    """Text in which a dollar sign is one, not the start of mathematics."""
    return text.replace("$", r"\$")


def limit_of(values: np.ndarray, limit: float | None) -> float:
    """The end of a scale that is symmetric around 0: the one given, or the largest absolute value."""
    if limit is not None:
        return limit
    return float(np.nanmax(np.abs(values), initial=0.0)) or 1.0


def end_of(values: np.ndarray) -> str:
    """For the title of a map with a scale of its own: where that ends."""
    return f"  (±{limit_of(values, None):.2g})"


def short(label: str, longest: int) -> str:
    """A label of at most so many letters."""
    return label if len(label) <= longest else label[: longest - 1] + "…"


def colour_bar(figure: "Figure", place: tuple[float, float, float, float], limit: float, unit: str) -> None:
    """Draw the scale from -limit to limit; `place` is left, bottom, width, height in fractions of the figure."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    ax = figure.add_axes(place)
    bar = figure.colorbar(ScalarMappable(Normalize(-limit, limit), colormap()), cax=ax, orientation="horizontal")
    bar.set_ticks([-limit, 0, limit], labels=[f"−{limit:.2g}", "0", f"+{limit:.2g} {unit}"])
    bar.ax.tick_params(labelsize=7.5, length=0, labelcolor=SOFT)
    bar.outline.set_visible(False)  # type: ignore[operator]


def to_png(figure: "Figure") -> bytes:
    """The figure as PNG, without a warning for each emoji or script that the font lacks."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing")
        warnings.filterwarnings("ignore", message=r"Matplotlib currently does not support .* natively")
        figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()
