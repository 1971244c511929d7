"""What the model's own score does while the players that an explanation puts first are removed, or come first."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fixlip.games.counted import CountedGame
from fixlip.metrics.curves import subset_sizes
from fixlip.metrics.maps import ranked

if TYPE_CHECKING:
    from fixlip.explanation import Explanation
    from fixlip.games.base import Game

POINTS = 65


@dataclass(frozen=True, eq=False)
class RemovalCurves:
    """The game on nested masks; `Explanation.predict` on the same `masks` is what the surrogate says.

    Attributes:
        order: [n], all players by `Explanation.as_first_order`, the largest first.
        sizes: [m], numbers of players, from 0 to n.
        deletion: [m], the game without the first `sizes` players of `order`, in `Explanation.value_unit`.
        insertion: [m], the game with these players alone.
        image_passes, text_passes: what the two took, besides those of the explanation.
    """

    order: np.ndarray
    sizes: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    image_passes: int = 0
    text_passes: int = 0

    def masks(self) -> tuple[np.ndarray, np.ndarray]:
        """Of deletion and of insertion, boolean [m, n] each."""
        return nested_masks(self.order, self.sizes)


def removal_order(explanation: "Explanation", points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """`order` and `sizes` of `RemovalCurves`, at most `points` sizes."""
    return ranked(explanation.as_first_order()), subset_sizes(len(explanation.players), points)


def nested_masks(order: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Masks without the first so many players of an order, and with them alone, boolean [m, n] each.

    Example:
        >>> without, alone = nested_masks(np.array([2, 0, 1]), np.array([0, 1, 3]))
        >>> alone.astype(int).tolist()
        [[0, 0, 0], [0, 0, 1], [1, 1, 1]]
    """
    alone = order.argsort() < sizes[:, None]
    return ~alone, alone


def removal_curves(explanation: "Explanation", game: "Game", *, points: int = POINTS) -> RemovalCurves:
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
