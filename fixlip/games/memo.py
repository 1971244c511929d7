"""An embedding function that encodes no mask twice."""

from collections.abc import Callable

import numpy as np

from fixlip.errors import InputError

DRIFT = 0.05  # of the largest number: twice the same mask, in batches of different sizes, in bfloat16
Embed = Callable[[np.ndarray], np.ndarray]


class Memo:
    """Masks to embeddings, each mask at its first time only.

    Args:
        embed: masks [B, n] -> embeddings [B, D].
        room: bytes of embeddings to keep; those beyond are encoded again when they come again.

    Example:
        >>> calls = []
        >>> embed = Memo(lambda masks: calls.append(len(masks)) or masks.astype(float))
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
        """[B, n] -> [B, D], all encoded whether they are known or not; to be known from now on.

        Raises:
            InputError: a mask that is known has another embedding now, by more than float16 rounds.
        """
        new = self.embed(masks)
        keys = [mask.tobytes() for mask in masks]
        tolerance = DRIFT * np.abs(new).max(initial=0.0)
        if any(
            np.abs(self.known[k] - row).max() > tolerance for k, row in zip(keys, new, strict=True) if k in self.known
        ):
            raise InputError(
                "The game gives another value for a mask that it was asked for before; it may have no randomness "
                "(dropout, noise) and no memory."
            )
        if self.room > 0:
            self.known.update(zip(keys, new, strict=True))
            self.room -= new.nbytes
        return new
