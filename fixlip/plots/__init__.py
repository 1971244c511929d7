"""Static figures: each takes a result and an optional Axes, draws, and returns the Axes; none calls show.

Nothing here computes a number, and matplotlib is loaded when a figure is drawn, not before.
"""

from fixlip.plots.caption import caption
from fixlip.plots.compare import compare
from fixlip.plots.contrast import contrast
from fixlip.plots.convergence import convergence
from fixlip.plots.curves import curves
from fixlip.plots.grounding import grounding
from fixlip.plots.heatmap import heatmap
from fixlip.plots.overview import overview
from fixlip.plots.pairs import top_pairs

__all__ = ["caption", "compare", "contrast", "convergence", "curves", "grounding", "heatmap", "overview", "top_pairs"]
