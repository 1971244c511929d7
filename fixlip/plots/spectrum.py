"""A square of how much of the variance so many patches make with so many words."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fixlip.plots.style import INK, SOFT, axes, draws, finish, plain
from fixlip.results.explanation import Explanation
from fixlip.results.spectrum import SHOWN
from fixlip.results.tables import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAINTEST = 1e-4  # share of the variance that has no colour


@draws(Explanation)
def spectrum(explanation: Explanation, *, ax: "Axes | None" = None, path: str | Path | None = None) -> "Axes":
    """Draw the shares of the variance that no, one or two patches make with no, one or two words.

    Args:
        explanation: the explanation to draw.
        ax: where to draw, the square alone; None for a new figure, with a sentence.
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The Axes; its image holds the shares, on a logarithmic scale of colours.

    Raises:
        InputError: as `Explanation.spectrum`, or the path cannot be written.
    """
    power, alone = explanation.spectrum(), ax is None
    shares, _ = power.square()
    ax = axes(ax, 4.2, 4.4, fitted=True)
    strength = 1 - np.log10(np.clip(shares, FAINTEST, 1.0)) / np.log10(FAINTEST)
    ax.imshow(strength, cmap="Oranges", vmin=0, vmax=1.25)
    for a, b in np.ndindex(shares.shape):
        if (a, b) != (0, 0):
            ax.text(b, a, percent(float(shares[a, b])), ha="center", va="center", fontsize=11, color=INK)
    for axis, name in ((ax.xaxis, "word"), (ax.yaxis, "patch")):
        plural = {"word": "words", "patch": "patches"}[name]
        axis.set_ticks(range(SHOWN), labels=[f"no {name}", f"1 {name}", f"2 {plural}"], color=SOFT)
    ax.tick_params(length=0, labelsize=9)
    ax.xaxis.tick_top()
    ax.spines[:].set_visible(False)
    if alone:
        ax.set_xlabel(plain(textwrap.fill(power.caption(), 50)), fontsize=8.5, color=SOFT, loc="left", labelpad=10)
    return finish(ax, path)
