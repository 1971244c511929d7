"""Static figures: each function draws a result into an optional Axes and returns the Axes; none calls show.

No function here computes numbers, and matplotlib is imported only when a figure is drawn.
"""

from fixlip.plots.binding import binding
from fixlip.plots.caption import caption
from fixlip.plots.class_bars import class_bars
from fixlip.plots.compare import compare
from fixlip.plots.contrast import contrast
from fixlip.plots.convergence import convergence
from fixlip.plots.curves import curves
from fixlip.plots.grounding import grounding
from fixlip.plots.heatmap import heatmap
from fixlip.plots.network import network
from fixlip.plots.overview import overview
from fixlip.plots.pairs import top_pairs
from fixlip.plots.removal import removal
from fixlip.plots.scale import shared_limit
from fixlip.plots.spectrum import spectrum
from fixlip.plots.style import save

__all__ = [
    "binding",
    "caption",
    "class_bars",
    "compare",
    "contrast",
    "convergence",
    "curves",
    "grounding",
    "heatmap",
    "network",
    "overview",
    "removal",
    "save",
    "shared_limit",
    "spectrum",
    "top_pairs",
]
