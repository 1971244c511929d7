"""Interactions of three players of both modalities."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fixlip.results.equality import ByValue


@dataclass(frozen=True, eq=False)
class ThirdOrder(ByValue):
    """Interactions of three players: of an image player with two text players, and of two image players with one.

    Each is symmetric in the two players of one modality, and zero where these are the same player.

    Attributes:
        text_pairs: [n_image, n_text, n_text].
        image_pairs: [n_image, n_image, n_text]; None where these were not estimated.
    """

    text_pairs: np.ndarray
    image_pairs: np.ndarray | None = None

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays that are there; ``ThirdOrder(*found.arrays)`` equals ``found``."""
        return (self.text_pairs,) if self.image_pairs is None else (self.text_pairs, self.image_pairs)

    def map(self, function: Callable[..., np.ndarray], *others: "ThirdOrder") -> "ThirdOrder":
        """Apply a function to each array, with the same array of the others, as far as all have it."""
        return ThirdOrder(*map(function, self.arrays, *(other.arrays for other in others)))

    def regrouped(self, member: np.ndarray) -> "ThirdOrder":
        """Sum over groups of text players, no two of which interact; `member`, [k, n_text], says who is in each."""
        text = np.einsum("pk,ikl,ql->ipq", member, self.text_pairs, member, optimize=True)
        return ThirdOrder(text, None if self.image_pairs is None else self.image_pairs @ member.T)

    def of_pairs(self) -> np.ndarray:
        """Sum the interactions that each pair of players is part of, [n, n], image players first; symmetric.

        Half of a row's sum is the sum of the interactions that a player is part of.
        """
        n_image, n_text = self.text_pairs.shape[:2]
        pairs = np.zeros((n_image + n_text,) * 2)
        pairs[:n_image, n_image:] = self.text_pairs.sum(2)
        pairs[n_image:, n_image:] = self.text_pairs.sum(0)
        if self.image_pairs is not None:
            pairs[:n_image, n_image:] += self.image_pairs.sum(1)
            pairs[:n_image, :n_image] = self.image_pairs.sum(2)
        pairs[n_image:, :n_image] = pairs[:n_image, n_image:].T
        return pairs

    def of_words(self, share: float) -> np.ndarray:
        """Sum the interactions of each text player, [n_text]: all of those with two image players, a share of the rest.

        With half of those of two text players, what the words have adds up.
        """
        words: np.ndarray = share * self.text_pairs.sum((0, 2))
        return words if self.image_pairs is None else words + 0.5 * self.image_pairs.sum((0, 1))

    def values(self, masks: np.ndarray) -> np.ndarray:
        """Sum the interactions of the players that are present, for joint masks as numbers, [B, n] -> [B]."""
        image, text = np.split(masks, [len(self.text_pairs)], axis=1)
        values: np.ndarray = 0.5 * np.einsum("bi,ikl,bk,bl->b", image, self.text_pairs, text, text, optimize=True)
        if self.image_pairs is not None:
            values += 0.5 * np.einsum("bi,bj,ijk,bk->b", image, image, self.image_pairs, text, optimize=True)
        return values
