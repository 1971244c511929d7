"""Curves over the share of players that are present or removed."""

import numpy as np
import scipy

from fixlip.metrics.maps import ranked
from fixlip.results.explanation import Explanation

POINTS = 51
REMOVAL_POINTS = 65  # of the curves of an explanation and of its page
GUARD = 0.01


def subset_sizes(n: int, points: int = POINTS) -> np.ndarray:
    """Sizes of the subsets that a curve of n players is drawn through: 0 to n, at most `points` of them.

    Example:
        >>> subset_sizes(276)[:4].tolist(), len(subset_sizes(276)), len(subset_sizes(6))
        ([0, 6, 11, 17], 51, 7)
    """
    return np.unique(np.rint(np.linspace(0, n, points)).astype(int))


def removal_order(explanation: Explanation, points: int = REMOVAL_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Players by `Explanation.as_first_order`, the largest first, and at most `points` numbers of them to remove.

    Args:
        explanation: whose players are ordered.
        points: at most so many numbers of players, from 0 to all.

    Returns:
        `order` [n] and `sizes` [m] of `fixlip.results.removal_curves.RemovalCurves`.
    """
    return ranked(explanation.as_first_order()), subset_sizes(len(explanation.players), points)


def normalised_curves(
    values: np.ndarray, sizes: np.ndarray, empty: float, full: float, points: int = POINTS
) -> np.ndarray:
    """(v - v(empty)) / |v(full) - v(empty)| at equally spaced fractions from 0 to 1, linear between the sizes.

    Args:
        values: [c, s], the game on subsets of these sizes, for c curves.
        sizes: [s], increasing, from 0 to the number of players.
        empty, full: the game without any and with all of the players.
        points: of each curve.

    Returns:
        [c, points]; NaN where |v(full) - v(empty)| is at most 1 % of the range of the values, which it would blow up.
    """
    step = abs(full - empty)
    if not step > GUARD * np.ptp(values):
        return np.full((len(values), points), np.nan)
    fractions = np.linspace(0, 1, points)
    return np.stack([np.interp(fractions, sizes / sizes[-1], curve) for curve in (values - empty) / step])


def area(curve: np.ndarray) -> float:
    """Area under a curve of equally spaced fractions from 0 to 1."""
    return float(scipy.integrate.trapezoid(curve, dx=1 / (len(curve) - 1)))
