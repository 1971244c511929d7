"""The published regression on every mask of a small game."""

import numpy as np

from benchmarks import published_fixlip


def every_mask(n):
    return published_fixlip.given((np.arange(2**n)[:, None] >> np.arange(n)) % 2 == 1)


def of_published(game, within=True):
    return published_fixlip.explain(game, every_mask(game.n_image), every_mask(game.n_text), within=within)
