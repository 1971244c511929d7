"""Slow answers straight from the definitions, in float64, and the one helper that compares."""

from itertools import combinations
from math import comb

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


def product_fit(game, p, terms):
    """The weighted least-squares fit on all joint masks of products of players, {term: effect}, and its R2."""
    n = game.n_image + game.n_text
    masks, values = all_masks(n), table(game)
    size = masks.sum(1)
    root = np.sqrt(p**size * (1.0 - p) ** (n - size))
    design = np.stack([masks[:, list(term)].all(1).astype(float) for term in terms], axis=1)
    solution = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]
    error = root**2 @ (values - design @ solution) ** 2
    variance = root**2 @ (values - root**2 @ values) ** 2
    return dict(zip(terms, solution, strict=True)), 1 - error / variance


def banzhaf_fit(game, p, pairs):
    """The weighted least-squares fit on all joint masks with terms of order 0, 1 and the given pairs."""
    n = game.n_image + game.n_text
    singles = [(i,) for i in range(n)]
    effects, r2 = product_fit(game, p, [(), *singles, *pairs])
    second = np.full((n, n), np.nan)
    np.fill_diagonal(second, 0.0)
    for i, j in pairs:
        second[i, j] = second[j, i] = effects[i, j]
    return effects[()], np.array([effects[i] for i in singles]), second, r2


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


def table(game):
    """All 2^n values of a game, player i being bit i."""
    return game.values(all_masks(game.n_image + game.n_text))


def second_derivatives(game):
    """[n, n] and [n]: for each pair and player a function of a weight by size, from the discrete derivatives."""
    n = game.n_image + game.n_text
    values, masks = table(game), all_masks(n)
    codes = (masks * (1 << np.arange(n))).sum(1)

    def weighted(players, weight):
        without = codes[~masks[:, players].any(1)]
        size = masks[~masks[:, players].any(1)].sum(1)
        total = np.zeros(len(without))
        for chosen in all_masks(len(players)):
            added = sum(1 << p for p, c in zip(players, chosen, strict=True) if c)
            total += (-1) ** (len(players) - chosen.sum()) * values[without + added]
        return weight(size) @ total

    return weighted


def shapley_values(game):
    """Shapley values from marginal contributions: mean over sizes of the mean over coalitions of one size."""
    n, weighted = game.n_image + game.n_text, second_derivatives(game)
    choose = np.array([comb(n - 1, k) for k in range(n)], dtype=float)
    return np.array([weighted([i], lambda s: 1 / (n * choose[s])) for i in range(n)])


def shapley_interactions(game):
    """SII of all pairs: mean over sizes of the mean second difference over coalitions of one size."""
    n, weighted = game.n_image + game.n_text, second_derivatives(game)
    choose = np.array([comb(n - 2, k) for k in range(n - 1)], dtype=float)
    pairs = np.zeros((n, n))
    for i, j in combinations(range(n), 2):
        pairs[i, j] = pairs[j, i] = weighted([i, j], lambda s: 1 / ((n - 1) * choose[s]))
    return pairs


def faithful_shapley(game):
    """FSII by dense least squares under the Shapley kernel; both ends are met by eliminating two terms exactly."""
    n = game.n_image + game.n_text
    masks, values, pairs = all_masks(n), table(game), list(combinations(range(n), 2))
    columns = [*masks.T.astype(float), *((masks[:, i] & masks[:, j]).astype(float) for i, j in pairs)]
    design, target = np.stack(columns, axis=1), values - values[0]  # the empty mask fixes the constant
    last, rest = design[:, -1], design[:, :-1] - design[:, -1:]  # the full one, the sum of all terms
    size = masks.sum(1)[1:-1]
    root = np.array([1 / np.sqrt(comb(n, t) * t * (n - t)) for t in size])
    full = target[-1]
    solved = np.linalg.lstsq(rest[1:-1] * root[:, None], (target - full * last)[1:-1] * root, rcond=None)[0]
    solution = np.append(solved, full - solved.sum())
    second = np.zeros((n, n))
    for (i, j), value in zip(pairs, solution[n:], strict=True):
        second[i, j] = second[j, i] = value
    return values[0], solution[:n], second
