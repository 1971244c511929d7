"""An embedding function that encodes no mask twice."""

from collections.abc import Callable

import numpy as np

Embed = Callable[[np.ndarray], np.ndarray]


class Remembered:
    """Masks to embeddings, each mask at its first time only.

    Args:
        embed: masks [B, n] -> embeddings [B, D].
        room: bytes of embeddings to keep; those beyond are encoded again when they come again.

    Example:
        >>> calls = []
        >>> embed = Remembered(lambda masks: calls.append(len(masks)) or masks.astype(float))
        >>> both = embed(np.array([[True], [False], [True]])), embed(np.array([[False]]))
        >>> calls, both[0].tolist()
        ([2], [[1.0], [0.0], [1.0]])
    """

    def __init__(self, embed: Embed, room: float = float("inf")) -> None:
        self.embed, self.room = embed, room
        self.known: dict[bytes, np.ndarray] = {}

    def __call__(self, masks: np.ndarray) -> np.ndarray:
        """[B, n] -> [B, D]."""
        keys = [mask.tobytes() for mask in masks]
        first = {key: i for i, key in enumerate(keys) if key not in self.known}
        if not first and keys:
            return np.stack([self.known[key] for key in keys])
        new = self.embed(masks[list(first.values())])
        fresh = dict(zip(first, new, strict=True))
        if self.room > 0:
            self.known.update(fresh)
            self.room -= new.nbytes
        if len(new) == len(masks):
            return new
        return np.stack([fresh[key] if key in fresh else self.known[key] for key in keys])

    def __contains__(self, mask: np.ndarray) -> bool:
        return mask.tobytes() in self.known
