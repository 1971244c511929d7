"""Removal curves: the model's score while the players that an explanation ranks first are removed, or added."""

from dataclasses import dataclass

import numpy as np

from fixlip.results.equality import ByValue


@dataclass(frozen=True, eq=False)
class RemovalCurves(ByValue):
    """The game on nested masks; `Explanation.predict` gives the surrogate on the same `masks`.

    Attributes:
        order: [n], all players by `Explanation.as_first_order`, the largest first.
        sizes: [m], numbers of players, from 0 to n.
        deletion: [m], the game without the first `sizes` players of `order`, in `Explanation.value_unit`.
        insertion: [m], the game with these players alone.
        image_passes, text_passes: passes for the two curves, besides those of the explanation.
    """

    order: np.ndarray
    sizes: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    image_passes: int = 0
    text_passes: int = 0

    def masks(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the masks of deletion and of insertion, boolean [m, n] each."""
        return nested_masks(self.order, self.sizes)


def nested_masks(order: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Build masks without the first players of an order, and with those alone, boolean [m, n] each.

    Args:
        order: [n], the players in their order.
        sizes: [m], numbers of first players.

    Example:
        >>> without, alone = nested_masks(np.array([2, 0, 1]), np.array([0, 1, 3]))
        >>> alone.astype(int).tolist()
        [[0, 0, 0], [0, 0, 1], [1, 1, 1]]
    """
    alone = order.argsort() < sizes[:, None]
    return ~alone, alone
