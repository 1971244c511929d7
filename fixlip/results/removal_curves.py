"""What the model's own score does while the players that an explanation puts first are removed, or come first."""

from dataclasses import dataclass

import numpy as np


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


def nested_masks(order: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Masks without the first so many players of an order, and with them alone, boolean [m, n] each.

    Example:
        >>> without, alone = nested_masks(np.array([2, 0, 1]), np.array([0, 1, 3]))
        >>> alone.astype(int).tolist()
        [[0, 0, 0], [0, 0, 1], [1, 1, 1]]
    """
    alone = order.argsort() < sizes[:, None]
    return ~alone, alone
