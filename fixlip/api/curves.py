"""The model's own score while the players that an explanation puts first are removed, or come first."""

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

    A picture to look at, on one nested order of the players; `fixlip.metrics.insertion_deletion` is the measure.

    Args:
        explanation: of this game's players.
        game: scored on.
        points: of each curve, at most.

    Cost: at most 2 * points passes of each tower, and no more than its players have nested masks.
    """
    order, sizes = removal_order(explanation, points)
    counted = CountedGame(game, lambda passes: None)
    deletion, insertion = counted.values(np.concatenate(nested_masks(order, sizes))).reshape(2, -1)
    return RemovalCurves(order, sizes, deletion, insertion, counted.image_passes, counted.text_passes)


def with_curves(found: Explanation, game: Game) -> Explanation:
    """The explanation with its removal curves; if they are cut short, without them and with a remark.

    Cost: that of `removal_curves`.
    """
    try:
        return replace(found, curves=removal_curves(found, game))
    except (KeyboardInterrupt, NotEnoughMemoryError) as end:
        if one_of_many():
            raise
        return remarked(found, f"{how_it_ended(end)} before the removal curves were done")
