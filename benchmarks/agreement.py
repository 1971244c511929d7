"""Results must be equal before their times are compared."""

import numpy as np

from fixlip.fitting.surrogate import Effects
from fixlip.results.explanation import Explanation


def effects_of(found: Explanation) -> Effects:
    """Order 0, 1 and 2 of an explanation."""
    return Effects(np.asarray(found.baseline), found.first_order, found.second_order)


def difference(found: Effects, truth: Effects) -> float:
    """Largest difference of any two effects, relative to the largest effect of an order that is not the constant.

    Effects that are no part of a surrogate are NaN, and must be so on both sides.
    """
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in zip(found, truth, strict=True)]
    if any((np.isnan(a) != np.isnan(b)).any() for a, b in pairs):
        raise AssertionError("The two results do not have the same effects.")
    scale = max(np.nanmax(np.abs(b)) for _, b in pairs[1:])
    return float(max(np.nanmax(np.abs(a - b)) for a, b in pairs) / scale)


def agree(found: Effects, truth: Effects, tolerance: float) -> float:
    """The `difference`, which must not be larger than a tolerance.

    Raises:
        AssertionError: it is.
    """
    off = difference(found, truth)
    if not off <= tolerance:
        raise AssertionError(f"The results differ by {off:.1e} of the largest effect; {tolerance:.0e} is allowed.")
    return off
