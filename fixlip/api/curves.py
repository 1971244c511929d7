"""The model's score while the most important players of an explanation are removed, or added first."""

from dataclasses import replace

import numpy as np

from fixlip.errors import NotEnoughMemoryError
from fixlip.fitting.stopping import how_it_ended, one_of_many, remarked
from fixlip.games.base import Game
from fixlip.games.counted import CountedGame
from fixlip.metrics.curves import REMOVAL_POINTS, removal_order
from fixlip.results.explanation import Explanation
from fixlip.results.removal_curves import RemovalCurves, nested_masks


def removal_curves(explanation: Explanation, game: Game, *, points: int = REMOVAL_POINTS) -> RemovalCurves:
    """Score the game while the most important players are removed, and while they alone are present.

    The curves follow one nested order of the players; the metric is `fixlip.metrics.insertion_deletion`.

    Args:
        explanation: an explanation of the players of this game.
        game: the game to score.
        points: the largest number of points of each curve.

    Cost: at most 2 * points passes of each tower, and at most as many as its players have nested masks.
    """
    order, sizes = removal_order(explanation, points)
    counted = CountedGame(game, lambda passes: None)
    deletion, insertion = counted.values(np.concatenate(nested_masks(order, sizes))).reshape(2, -1)
    return RemovalCurves(order, sizes, deletion, insertion, counted.image_passes, counted.text_passes)


def with_curves(explanation: Explanation, game: Game) -> Explanation:
    """Add removal curves to an explanation; if they are interrupted, add a remark instead.

    Cost: that of `removal_curves`.
    """
    try:
        return replace(explanation, curves=removal_curves(explanation, game))
    except (KeyboardInterrupt, NotEnoughMemoryError) as end:
        if one_of_many():
            raise
        return remarked(explanation, f"{how_it_ended(end)} before the removal curves were done")
