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
        fresh = dict(zip(first, self.note(masks[list(first.values())]), strict=True)) if first else {}
        return np.stack([fresh[key] if key in fresh else self.known[key] for key in keys])

    def note(self, masks: np.ndarray) -> np.ndarray:
        """[B, n] -> [B, D], all encoded whether they are known or not; to be known from now on."""
        new = self.embed(masks)
        if self.room > 0:
            self.known.update(zip((mask.tobytes() for mask in masks), new, strict=True))
            self.room -= new.nbytes
        return new
