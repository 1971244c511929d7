"""Resamples of items, drawn once for all that is measured on as many items."""

from functools import lru_cache

import numpy as np

RESAMPLES = 1000


@lru_cache(maxsize=1)
def draws(n: int) -> np.ndarray:
    """Counts of n items in each resample, [RESAMPLES, n]: the same ones in every call, and read-only."""
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(float)
    drawn.flags.writeable = False
    return drawn
