"""Test of whether the standard errors of `banzhaf` at its defaults, and its R2, are as sure as they are right.

Made-up games of 49 patches and 2 words, whose effects are known: coefficients of a few players by enumeration, of the
number of visible patches by its binomial law. Scenes of both bundled models, against least squares from 8,192 passes.
Columns: the share of entries within 1.96 standard errors of the truth, of cross pairs, image effects, word effects,
pairs of patches where they are asked for, and of the ten strongest cross pairs; the correlation of the cross pairs; R2
as told, and of fresh masks; the share of runs whose status warns, and, where the runs together cover less than 0.85 of
the ten strongest or less than 0.8 of a kind, the share that does not warn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from scipy.stats import binom

import fixlip
from benchmarks.passes import Pairs, rows
from benchmarks.runs import Cases, Row, Settings, Targets
from fixlip.games import CallableGame
from fixlip.results.explanation import Explanation

TITLE = "Coverage of 95 % intervals, at the defaults of banzhaf"
TARGETS: Targets = {"failed unwarned": ("<=", 0.05, "")}
N, SCALE, SEEDS = 49, 4.0, 4
Values = Callable[[np.ndarray], np.ndarray]
REFERENCE = "sampling=paired fit=least-squares"
METHODS = {  # how it is asked for; the first converges
    "cross": {"converged": f"banzhaf interactions=cross {REFERENCE}", "asked": "banzhaf interactions=cross"},
    "all pairs": {"converged": f"banzhaf interactions=all {REFERENCE}", "asked": "banzhaf interactions=all"},
}


@dataclass(frozen=True)
class Kind:
    """A function of the first `players` patches, [m, players] -> [m]; of the number of all visible ones for None."""

    values: Values
    players: int | None

    def coefficients(self, p: float) -> tuple[float, np.ndarray, np.ndarray]:
        """Compute ``E[v]``, ``E[v chi_i]``, [n], and ``E[v chi_i chi_j]``, [n, n]."""
        s, first, second = np.sqrt(p * (1 - p)), np.zeros(N), np.zeros((N, N))
        if self.players is None:
            count = np.arange(N + 1)
            weight, value = binom.pmf(count, N, p), self.values(count[:, None] > np.arange(N))
            total, squares = (count - N * p) / s, (count * (1 - p) ** 2 + (N - count) * p**2) / s**2
            first[:] = weight @ (value * total) / N
            second[:] = weight @ (value * (total**2 - squares)) / (N * (N - 1))
        else:
            masks = np.array(list(product([False, True], repeat=self.players)))
            weight, value, chi = np.where(masks, p, 1 - p).prod(1), self.values(masks), (masks - p) / s
            first[: self.players] = chi.T @ (weight * value)
            second[: self.players, : self.players] = chi.T @ ((weight * value)[:, None] * chi)
        np.fill_diagonal(second, 0.0)
        return float(weight @ value), first, second


def sparse(seed: int) -> Values:
    rng = np.random.default_rng(seed)
    sets = [rng.choice(12, size=rng.integers(1, 5), replace=False) for _ in range(15)]
    weights = rng.normal(size=len(sets))
    return lambda x: sum(w * x[:, some].all(1) for w, some in zip(weights, sets, strict=True))


TABLE, LINE = np.random.default_rng(9).normal(size=2**12), np.random.default_rng(5).normal(size=12)
KINDS = {
    "additive": Kind(lambda x: x @ LINE, 12),
    "sparse Moebius": Kind(sparse(0), 12),
    "sparse Moebius, another": Kind(sparse(1), 12),
    "unanimity of 5": Kind(lambda x: x.all(1).astype(float), 5),
    "unanimity of 8": Kind(lambda x: x.all(1).astype(float), 8),
    "or of 3": Kind(lambda x: x.any(1).astype(float), 3),
    "or of 8": Kind(lambda x: x.any(1).astype(float), 8),
    "nor of 8": Kind(lambda x: 1.0 - x.any(1), 8),
    "anti-monotone": Kind(lambda x: x[:, :3].any(1) - 1.0 * x[:, 3:].all(1), 6),
    "exclusive-or of 2": Kind(lambda x: x.sum(1) % 2.0, 2),
    "exclusive-or of 3": Kind(lambda x: x.sum(1) % 2.0, 3),
    "majority of 9": Kind(lambda x: (x.sum(1) > 4.5).astype(float), 9),
    "random function of 12": Kind(lambda x: TABLE[x @ (1 << np.arange(12))], 12),
    "saturating, square": Kind(lambda x: 3 * x.mean(1) ** 2, None),
    "saturating, exponential": Kind(lambda x: 1 - np.exp(-6 * x.mean(1)), None),
}


def cases(settings: Settings) -> Cases:
    if settings.quick:
        return {"or of 3, 128 masks, p = 0.5": partial(of_games, KINDS["or of 3"], 128, 0.5, 1)}
    games: Cases = {
        f"{name}, {masks} masks, p = {p}": partial(of_games, kind, masks, p, SEEDS)
        for (name, kind), masks, p in product(KINDS.items(), (128, 512), (0.3, 0.5, 0.7))
    }
    scenes = {}
    for model in ("demo-clip", "demo-siglip"):
        for what, sizes in (("cross", (128, 256, 512)), ("all pairs", (2048, None))):
            every = rows(model, 9_000_000, {what: METHODS[what]}, sizes, 8192, 6, of_scenes)
            scenes |= {name.replace(", asked", ""): row for name, row in every.items() if "converged" not in name}
    return games | scenes


def of_games(kind: Kind, masks: int, p: float, seeds: int) -> Row:
    """A row of a made-up game: F = (v, 1), G = (1 + x_1, x_2)."""
    places = np.random.default_rng(3).permutation(N)[: kind.players]
    game = CallableGame(
        lambda s: np.stack([kind.values(s[:, places]), np.ones(len(s))], axis=1),
        lambda t: np.stack([1 + t[:, 0], t[:, 1]], axis=1), N, 2, scale=SCALE,
    )  # fmt: skip
    mean, first, second = kind.coefficients(p)
    order, s = np.concatenate([places, np.setdiff1d(np.arange(N), places)]), np.sqrt(p * (1 - p))
    first, second = first[np.argsort(order)], second[np.ix_(np.argsort(order), np.argsort(order))]
    pairs = np.zeros((N + 2, N + 2))
    pairs[:N, :N] = SCALE * second * (1 + p) / s**2
    pairs[:N, N] = pairs[N, :N] = SCALE * first / s  # <F_i, G_1> / s^2, and nothing with the second word
    main = SCALE * np.concatenate([first * (1 + p) / s, [mean, 1.0]])
    cells, is_image = [], np.arange(N + 2) < N
    for seed in range(seeds):
        explanation = fixlip.get_estimator("banzhaf", p=p).explain(game, image_masks=masks, seed=seed, progress=False)
        within = not np.isnan(explanation.second_order[0, 1])
        used = pairs if within else np.where(np.not_equal.outer(is_image, is_image), pairs, 0.0)
        fresh = np.random.default_rng(99).random((4000, N + 2)) < p
        cells.append(cell(explanation, main - p * used.sum(1), used, 0.0, 0.0) | unexplained(explanation, game, fresh))
    return summed(cells)


def of_scenes(pairs: Pairs, what: str) -> Row:
    """A row of scenes, beside what they converge to."""
    return summed(
        [cell(e, to.first_order, to.second_order, to.stderr.first_order, to.stderr.second_order)
         | {"R2 told": e.provenance.r2, "R2 fresh": to.provenance.r2} for e, to in pairs]
    )  # fmt: skip


def unexplained(explanation: Explanation, game: CallableGame, masks: np.ndarray) -> Row:
    values = game.values(masks)
    error = values - explanation.predict(masks)
    return {"R2 told": explanation.provenance.r2, "R2 fresh": 1 - np.mean(error**2) / np.var(values)}


def cell(
    explanation: Explanation,
    first: np.ndarray,
    second: np.ndarray,
    noise: np.ndarray | float,
    noise2: np.ndarray | float,
) -> dict[str, float]:
    """Coverage by kind of entry, for effects with noise of their own."""
    n = explanation.players.n_image
    inside = np.abs(explanation.first_order - first) <= 1.96 * np.hypot(explanation.stderr.first_order, noise) + 1e-6
    error = np.hypot(explanation.stderr.second_order, noise2)
    inside2 = np.abs(explanation.second_order - second) <= 1.96 * error + 1e-6
    cross, true = inside2[:n, n:].ravel(), second[:n, n:].ravel()
    strongest = np.argsort(-np.abs(true))[:10]
    strongest = strongest[np.abs(true[strongest]) > 1e-9]
    out = {"cross": cross.mean(), "image": inside[:n].mean(), "words": inside[n:].mean()}
    if not np.isnan(explanation.second_order[0, 1]):
        out["within"] = inside2[:n, :n][np.triu_indices(n, 1)].mean()
    out["strongest"] = cross[strongest].mean() if len(strongest) else 1.0
    size = np.var(true) - np.mean(np.broadcast_to(noise2, second.shape)[:n, n:] ** 2)  # less the noise of the truth
    if size > 0 and np.std(explanation.cross) > 0:
        out["correlation"] = np.corrcoef(explanation.cross.ravel(), true)[0, 1] * np.sqrt(np.var(true) / size)
    else:
        out["correlation"] = np.nan
    return out | {"warned": float(explanation.provenance.status != "ok")}


def summed(cells: list[dict[str, float]]) -> Row:
    """Means over runs; "-" where there is nothing to count."""
    means = {name: np.nanmean([c[name] for c in cells]) if any(c[name] == c[name] for c in cells) else np.nan
             for name in cells[0]}  # fmt: skip
    failed = means["strongest"] < 0.85 or min(means["cross"], means["image"], means.get("within", 1.0)) < 0.8
    means["failed unwarned"] = float(failed) * (1 - means["warned"])
    return {name: float(mean) if mean == mean else "-" for name, mean in means.items()}
