"""Measures of explanations: pure functions of results, games and annotations."""

from fixlip.metrics.deletion import InsertionDeletion, best_subsets, insertion_deletion
from fixlip.metrics.faithfulness import Faithfulness, draw_masks, faithfulness
from fixlip.metrics.foils import FoilTest, foil_test
from fixlip.metrics.grounding import Grounding, coverage, grounding, player_coverage, pointing_hit, positive_share
from fixlip.metrics.intervals import Interval, bootstrap, by_class, paired
from fixlip.metrics.perturbation import Perturbation, perturbation
from fixlip.metrics.pointing_game import PointingGame, limits, pointing_game, quadrants
from fixlip.metrics.stability import Similarity, similarity

__all__ = [
    "Faithfulness",
    "FoilTest",
    "Grounding",
    "InsertionDeletion",
    "Interval",
    "Perturbation",
    "PointingGame",
    "Similarity",
    "best_subsets",
    "bootstrap",
    "by_class",
    "coverage",
    "draw_masks",
    "faithfulness",
    "foil_test",
    "grounding",
    "insertion_deletion",
    "limits",
    "paired",
    "perturbation",
    "player_coverage",
    "pointing_game",
    "pointing_hit",
    "positive_share",
    "quadrants",
    "similarity",
]
