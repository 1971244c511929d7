"""Measures of explanations: pure functions of results and annotations."""

from fixlip.metrics.grounding import coverage, pointing_hit, positive_share

__all__ = ["coverage", "pointing_hit", "positive_share"]
