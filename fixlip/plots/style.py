"""What the figures share: the scale, the text, a figure where none is given."""

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
