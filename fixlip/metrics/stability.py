"""Similarity of two explanations of the same players: over seeds, removal operators, or random weights."""

from dataclasses import dataclass

import numpy as np
import scipy

from fixlip.errors import InputError
from fixlip.metrics.faithfulness import correlation
from fixlip.metrics.maps import has_pairs, ranked
from fixlip.results.equality import ByValue
from fixlip.results.explanation import Explanation


@dataclass(frozen=True, eq=False)
class Similarity(ByValue):
    """Agreement of two explanations.

    Attributes:
        pearson, spearman: correlation of the interactions of patches and words, or of the first-order effects where
            no pair was estimated; NaN where one side is constant.
        top: share of the k largest absolute ones that they have in common, 0 to 1.
    """

    pearson: float
    spearman: float
    top: float


def similarity(one: Explanation, other: Explanation, *, k: int = 10) -> Similarity:
    """Measure how similar two explanations are.

    Near 1 is right for two seeds, near 0 for a model and its like with random weights; for two removal operators it
    says how much hangs on the choice. Pairs that only one of them has are left out.

    Args:
        one, other: explanations of as many image and text players, both with pairs or both without.
        k: how many of the largest count for `top`; all where there are fewer.

    Raises:
        InputError: different players, or pairs on one side only.
    """
    sizes = [(e.players.n_image, e.players.n_text) for e in (one, other)]
    pairs = [has_pairs(e) for e in (one, other)]
    if sizes[0] != sizes[1] or pairs[0] != pairs[1]:
        given = " and ".join(
            f"{n_image} + {n_text} players {'with' if has else 'without'} pairs"
            for (n_image, n_text), has in zip(sizes, pairs, strict=True)
        )
        raise InputError(f"Two explanations are compared over the same players and order, got {given}.")
    a, b = ((e.cross.ravel() if pairs[0] else e.first_order) for e in (one, other))
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    k = min(k, len(a))
    top = [set(ranked(np.abs(values))[:k].tolist()) for values in (a, b)]
    return Similarity(
        correlation(scipy.stats.pearsonr, a, b),
        correlation(scipy.stats.spearmanr, a, b),
        len(top[0] & top[1]) / k if k else float("nan"),
    )
