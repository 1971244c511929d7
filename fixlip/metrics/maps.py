"""Maps that metrics read from an explanation: a map over the image players, a number for each word, and their ranks.

An explanation with pairs has a map of its own for each word; one without has a single map for all words.
"""

from typing import Any

import numpy as np

from fixlip.results.explanation import Explanation

TIE = 1e-9  # of the largest value: a smaller difference is rounding


def has_pairs(explanation: Explanation) -> bool:
    """Return whether an interaction of a patch and a word was estimated."""
    return not bool(np.isnan(explanation.cross).all())


def image_map(explanation: Explanation, words: Any = None) -> np.ndarray:
    """One number an image player, [n_image]: interactions with the words, or first-order effects where no pair is.

    Args:
        explanation: any.
        words: as in `Explanation.patch_values`; without effect where the one map stands for all words.

    Raises:
        InputError: a word is not in the caption.
    """
    if has_pairs(explanation):
        return np.nan_to_num(explanation.patch_values(words), nan=0.0)
    if words is not None:
        explanation.players.find_text(words)
    return explanation.patch_values(order=1)


def text_map(explanation: Explanation, cover: np.ndarray | None = None) -> np.ndarray:
    """One number a text player, [n_text]: interactions with the picture, or first-order effects where no pair is.

    Args:
        explanation: any.
        cover: [n_image], the part of each image player that counts; all of each when None. Without effect where there
            are no pairs.
    """
    n_image = explanation.players.n_image
    if not has_pairs(explanation):
        return explanation.first_order[n_image:]
    cover = np.ones(n_image) if cover is None else cover
    return cover @ np.nan_to_num(explanation.cross, nan=0.0)


def ranked(values: np.ndarray) -> np.ndarray:
    """Indices from the largest value to the smallest; of equal ones (see `TIE`) the smaller index first."""
    largest = float(np.abs(values).max(initial=0.0))
    return np.argsort(-np.rint(values / (TIE * largest or 1.0)), kind="stable")


def first_largest(values: np.ndarray, tie: float) -> np.ndarray:
    """Index of the first value along the last axis that is at most `tie` below the largest."""
    return (values >= values.max(-1, keepdims=True) - tie).argmax(-1)
