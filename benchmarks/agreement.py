"""Results must be equal before their times are compared."""

from collections.abc import Sequence

import numpy as np

from fixlip.fitting.surrogate import Effects
from fixlip.results.explanation import Explanation


def effects_of(explanation: Explanation) -> Effects:
    """Order 0, 1 and 2 of an explanation."""
    return Effects(np.asarray(explanation.baseline), explanation.first_order, explanation.second_order)


def agree(results: Effects | Sequence[np.ndarray], truth: Effects | Sequence[np.ndarray], tolerance: float) -> float:
    """The largest difference of any two effects, relative to the largest effect that is not the constant.

    Raises:
        AssertionError: it is larger than the tolerance, or an effect is NaN (no part of a surrogate) on one side alone.
    """
    both = (each.arrays if isinstance(each, Effects) else each for each in (results, truth))
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in zip(*both, strict=True)]
    if any((np.isnan(a) != np.isnan(b)).any() for a, b in pairs):
        raise AssertionError("The two results do not have the same effects.")
    scale = max(np.nanmax(np.abs(b)) for _, b in pairs if b.ndim)
    off = float(max(np.nanmax(np.abs(a - b)) for a, b in pairs) / scale)
    if not off <= tolerance:
        raise AssertionError(f"The results differ by {off:.1e} of the largest effect; {tolerance:.0e} is allowed.")
    return off
