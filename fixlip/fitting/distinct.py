"""Masks drawn without repetition: the draws themselves, and how likely each mask is to be among them."""

from collections.abc import Callable

import numpy as np

MOST_STEPS = 200  # of Newton's method, which takes about ten


def distinct(draw: Callable[[int], np.ndarray], count: int, *, paired: bool) -> np.ndarray:
    """Return the first masks of an endless sequence that differ from all before them, [count, n].

    Args:
        draw: a number -> so many masks or more, the next ones of the sequence.
        count: number of masks; the sequence must hold so many.
        paired: whether a mask is also passed over where its complement came before.
    """
    masks, more = draw(count), 0
    while True:
        first = np.sort(np.unique(keys(masks, paired=paired), axis=0, return_index=True)[1])
        masks = masks[first[:count]]
        if len(masks) == count:
            return masks
        more = min(count, max(count - len(masks), 2 * more))
        masks = np.concatenate([masks, draw(more)])


def keys(masks: np.ndarray, *, paired: bool) -> np.ndarray:
    """Pack masks into bytes, [m, bytes]; where paired, a mask and its complement have the same ones."""
    return np.packbits(masks ^ masks[:, :1] if paired else masks, axis=1)


def with_complements(masks: np.ndarray) -> np.ndarray:
    """Let each mask be followed by its complement, [m, n] -> [2 m, n]."""
    both: np.ndarray = np.stack([masks, ~masks], axis=1).reshape(-1, masks.shape[1])
    return both


def expected_draws(chance: np.ndarray, counts: np.ndarray, count: int) -> np.ndarray:
    """Return how often a mask of each kind is drawn until `count` masks differ, [k]; ``1 - exp(-x)`` of them are seen.

    The sequence is taken for a Poisson process that goes on until the expected number of masks seen is `count`.

    Args:
        chance: [k], probability of each mask of a kind in each draw.
        counts: [k], number of masks of each kind.
        count: number of masks that differ, below the number of all.

    Source: Rosén, Asymptotic Theory for Successive Sampling with Varying Probabilities without Replacement, 1972.
    """
    draws = float(count)
    for _ in range(MOST_STEPS):  # the number seen is concave in the draws, so the steps rise to the solution
        seen = -np.expm1(-chance * draws)
        step = (count - counts @ seen) / (counts * chance @ (1 - seen))
        draws += step
        if step <= 1e-12 * draws:
            break
    return chance * draws
