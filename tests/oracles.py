"""Slow answers straight from the definitions, in float64, and the one helper that compares."""

from itertools import combinations

import numpy as np


def assert_close(actual, expected, tolerance):
    """Same shape, NaN in the same places, and no difference above an absolute tolerance."""
    actual, expected = np.asarray(actual, dtype=float), np.asarray(expected, dtype=float)
    assert actual.shape == expected.shape, f"{actual.shape} is not {expected.shape}"
    assert np.array_equal(np.isnan(actual), np.isnan(expected)), "NaN in different places"
    difference = np.abs(actual - expected)[~np.isnan(expected)]
    assert difference.size == 0 or difference.max() <= tolerance, f"differs by {difference.max()}"


def all_masks(n):
    return (np.arange(2**n)[:, None] >> np.arange(n)) % 2 == 1


def banzhaf_fit(game, p, pairs):
    """The weighted least-squares fit on all joint masks with terms of order 0, 1 and the given pairs."""
    n = game.n_image + game.n_text
    masks = all_masks(n)
    size = masks.sum(1)
    root = np.sqrt(p**size * (1.0 - p) ** (n - size))
    columns = [np.ones(len(masks)), *masks.T.astype(float)]
    columns += [(masks[:, i] & masks[:, j]).astype(float) for i, j in pairs]
    design, values = np.stack(columns, axis=1), game.values(masks)
    solution = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]
    second = np.full((n, n), np.nan)
    np.fill_diagonal(second, 0.0)
    for (i, j), value in zip(pairs, solution[n + 1 :], strict=True):
        second[i, j] = second[j, i] = value
    error = root**2 @ (values - design @ solution) ** 2
    variance = root**2 @ (values - root**2 @ values) ** 2
    return solution[0], solution[1 : n + 1], second, 1 - error / variance


def banzhaf_interaction(game, i, j, p):
    """The weighted Banzhaf interaction of two players by its definition: the mean discrete second derivative."""
    n = game.n_image + game.n_text
    rest = all_masks(n - 2)
    size = rest.sum(1)
    weights = p**size * (1.0 - p) ** (n - 2 - size)
    total = 0.0
    for has_i, has_j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        masks = np.zeros((len(rest), n), dtype=bool)
        masks[:, [k for k in range(n) if k not in (i, j)]] = rest
        masks[:, i], masks[:, j] = has_i, has_j
        total += (-1) ** (has_i + has_j) * (weights @ game.values(masks))
    return total


def pairs_of(n_image, n_text, interactions):
    """The pairs of joint players that "cross", "all" or None (order 1) stand for."""
    every = list(combinations(range(n_image + n_text), 2))
    if interactions == "all":
        return every
    return [(i, j) for i, j in every if i < n_image <= j] if interactions == "cross" else []
