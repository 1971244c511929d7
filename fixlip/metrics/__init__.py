"""Measures of explanations: pure functions of results, games and annotations."""

from fixlip.metrics.deletion import InsertionDeletion, best_subsets, insertion_deletion
from fixlip.metrics.faithfulness import Faithfulness, draw_masks, faithfulness
from fixlip.metrics.grounding import Grounding, coverage, grounding, player_coverage, pointing_hit, positive_share
from fixlip.metrics.pointing_game import PointingGame, limits, pointing_game, quadrants

__all__ = [
    "Faithfulness",
    "Grounding",
    "InsertionDeletion",
    "PointingGame",
    "best_subsets",
    "coverage",
    "draw_masks",
    "faithfulness",
    "grounding",
    "insertion_deletion",
    "limits",
    "player_coverage",
    "pointing_game",
    "pointing_hit",
    "positive_share",
    "quadrants",
]
