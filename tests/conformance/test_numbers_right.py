"""Results with the status "ok" are right within their standard errors, also for games that are hard to fit."""

from functools import cache

import numpy as np
import pytest

import fixlip
from fixlip.errors import BudgetError
from fixlip.games.base import CallableGame
from fixlip.games.closed_form import additive, bilinear, random_towers
from tests.helpers.oracles import assert_close

TIMES = 3  # root mean squares of errors, in standard errors
ROUNDING = 1e-4  # of the largest number: the least noise that a Gaussian process allows for is a millionth
ONE_BLOCK = "banzhaf"  # a Gaussian process is too sure of itself in less than two blocks of masks, of 10 players


def twins():
    """Players in pairs that do the same: duplicated features of a tower."""
    game = random_towers(5, 2)
    return CallableGame(
        lambda s: game.image_fn(s[:, :5] & s[:, 5:]), lambda t: game.text_fn(t[:, :2] & t[:, 2:]), 10, 4, game.scale
    )


def dummies():
    """Most players do nothing."""
    game = random_towers(3, 2)
    return CallableGame(lambda s: game.image_fn(s[:, :3]), lambda t: game.text_fn(t[:, :2]), 10, 4, game.scale)


def parity():
    """Only interactions of high order."""
    signs = lambda m: np.stack([1.0 - 2 * (m.sum(1) % 2), np.ones(len(m))], axis=1)  # noqa: E731
    return CallableGame(signs, signs, 10, 4)


def gate():
    """One player of each tower decides, the others matter a thousandth of it."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(10, 4)), rng.normal(size=(4, 4))
    a[0], b[0] = 1e3 * a[0], 1e3 * b[0]
    return CallableGame(lambda s: np.tanh(s @ a), lambda t: np.tanh(t @ b), 10, 4, 10.0)


GAMES = {
    "random": lambda: random_towers(10, 4),
    "additive": lambda: additive(np.arange(10.0), np.arange(4.0)),
    "bilinear": lambda: bilinear(*np.split(np.random.default_rng(1).normal(size=(14, 3)), [10])),
    "twins": twins,
    "dummies": dummies,
    "parity": parity,
    "gate": gate,
    "a large offset": lambda: CallableGame(
        *(getattr(random_towers(10, 4), f"{s}_fn") for s in ("image", "text")), 10, 4, 10.0, 1e9
    ),
    "tiny": lambda: CallableGame(*(getattr(random_towers(10, 4), f"{s}_fn") for s in ("image", "text")), 10, 4, 1e-12),
}
WAYS = {
    "banzhaf": ("banzhaf", {}, "FWBII", 0.5),
    "banzhaf, least squares": ("banzhaf", {"fit": "least-squares"}, "FWBII", 0.5),
    "banzhaf, cross, least squares": ("banzhaf", {"fit": "least-squares", "interactions": "cross"}, "FWBII", 0.5),
    "banzhaf, p near 0": ("banzhaf", {"p": 0.02}, "FWBII", 0.02),
    "banzhaf, p near 1": ("banzhaf", {"p": 0.98}, "FWBII", 0.98),
    "banzhaf, p 1e-6": ("banzhaf", {"p": 1e-6}, "FWBII", 1e-6),
    "banzhaf, joint": ("banzhaf", {"sampling": "joint"}, "FWBII", 0.5),
    "banzhaf, ridge": ("banzhaf", {"ridge": 1e-9}, "FWBII", 0.5),
    "shapley": ("shapley", {}, "FSII", None),
    "shapley, joint": ("shapley", {"sampling": "joint"}, "FSII", None),
    "shapley-owen": ("shapley-owen", {}, "k-SII", None),
    "shapley-owen, all": ("shapley-owen", {"interactions": "all"}, "k-SII", None),
}


@cache
def truth(game, index, p):
    options = {"index": index} | ({} if p is None else {"p": p})
    return fixlip.get_estimator("exact", **options).explain(GAMES[game](), progress=False)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", GAMES)
def test_ok_implies_right(kind, way):
    name, options, index, p = WAYS[way]
    exact, estimator = truth(kind, index, p).cross, fixlip.get_estimator(name, **options)
    size = max(abs(truth(kind, index, p).full_value), abs(truth(kind, index, p).empty_value), np.abs(exact).max())
    ratios = []
    for budget in (2**7, 2**9, 2**11, 2**13)[2 * (way == ONE_BLOCK) :]:
        for seed in range(2):
            try:
                found = estimator.explain(GAMES[kind](), budget=budget, seed=seed, progress=False)
            except BudgetError:
                continue
            if found.provenance.status == "ok":
                error, sigma = found.cross - exact, found.cross_stderr
                rms = np.sqrt(np.mean(sigma**2))
                ratios.append((max(np.sqrt(np.mean(error**2)) - ROUNDING * size, 0.0) / max(rms, 1e-300), budget, seed))
    if ratios:
        assert max(ratios)[0] <= TIMES, ratios


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", GAMES)
def test_all_masks_are_exact(kind, way):
    name, options, index, p = WAYS[way]
    exact = truth(kind, index, p)
    found = fixlip.get_estimator(name, **options).explain(GAMES[kind](), budget=2**14, progress=False)
    size = max(abs(exact.full_value), abs(exact.empty_value), np.abs(exact.cross).max())
    if p is not None:
        size /= min(p, 1 - p)
    assert_close(found.cross, exact.cross, 1e-7 * size)
    assert_close(
        found.stderr.cross if hasattr(found.stderr, "cross") else found.cross_stderr, 0 * exact.cross, 1e-7 * size
    )
