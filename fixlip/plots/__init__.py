"""Static figures: each takes an explanation and an optional Axes, draws, and returns the Axes; none calls show.

Nothing here computes a number, and matplotlib is loaded when a figure is drawn, not before.
"""

from fixlip.plots.caption import caption
from fixlip.plots.compare import compare
from fixlip.plots.convergence import convergence
from fixlip.plots.heatmap import heatmap
from fixlip.plots.overview import overview
from fixlip.plots.pairs import top_pairs

__all__ = ["caption", "compare", "convergence", "heatmap", "overview", "top_pairs"]
