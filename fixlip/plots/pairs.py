"""The strongest pairs of a word and a patch."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fixlip.plots import colours
from fixlip.plots.style import INK, SOFT, axes, draws, finish, panel, plain, short
from fixlip.results.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 18  # letters of a name


@draws(Explanation)
def top_pairs(
    explanation: Explanation, k: int = 10, *, ax: "Axes | None" = None, path: str | Path | None = None
) -> "Axes":
    """Draw the k strongest pairs as bars, with 95 % intervals where there are standard errors.

    Args:
        explanation: the explanation to draw.
        k: the number of pairs.
        ax: where to draw; a new figure when None.
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The Axes, with the strongest pair on top.
    """
    ax = axes(ax, 5.0, 0.32 * k + 0.8, fitted=True)
    pairs, players = [p for p in explanation.top_pairs(k) if np.isfinite(p.value)], explanation.players
    values = np.array([pair.value for pair in pairs])
    errors = 1.96 * np.nan_to_num([pair.stderr for pair in pairs])
    bars = [colours.POSITIVE if value > 0 else colours.NEGATIVE for value in values]
    ax.barh(np.arange(len(pairs)), values, height=0.66, color=bars)
    ax.errorbar(values, np.arange(len(pairs)), xerr=errors, fmt="none", ecolor=INK, elinewidth=0.9)
    names = [(players.text[pair.text].label, players.image[pair.image].label) for pair in pairs]
    labels = [" · ".join(short(name, LONGEST) for name in both) for both in names]
    ax.set_yticks(np.arange(len(pairs)), [plain(label) for label in labels], fontsize=8, color=INK)
    ax.invert_yaxis()
    ax.axvline(0, color=SOFT, linewidth=0.8)
    intervals = ", 95 % intervals" if errors.any() else ""
    ax.set_xlabel(f"interaction ({explanation.unit}){intervals}", fontsize=8, color=SOFT)
    panel(ax, lines="x")
    return finish(ax, path)
