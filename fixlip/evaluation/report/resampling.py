"""Resamples of items, drawn once for all that is measured on as many items."""

from functools import lru_cache

import numpy as np

RESAMPLES = 1000


@lru_cache(maxsize=1)
def draws(n: int) -> np.ndarray:
    """How often each of n items comes in each resample, [RESAMPLES, n], always the same; not to be written to."""
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(float)
    drawn.flags.writeable = False
    return drawn
