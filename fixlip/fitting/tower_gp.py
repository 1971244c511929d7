"""A Gaussian process for one tower: it needs fewer masks than least squares for the same accuracy.

The effects of single players and pairs are seen through a noise that is mostly the interactions of the next orders, and
a few of those make up nearly all of it: those of neighbouring players that matter by themselves. So they are modelled
too. The prior follows heredity, the variance of a term comes from those of its parts:

    single players   gamma_i     from their estimated effects
    pairs            gamma_ij    proportional to gamma_i gamma_j near_ij
    triples          gamma_ijk   proportional to sqrt(v_ij v_jk v_ik), v the posterior mean squares of the pairs

and every proportion is learnt from the embeddings (`fixlip.fitting.gaussian_process`). Where masks are paired
with their complements, half the difference of the two embeddings holds the odd orders and half the sum the even ones,
and the two are fitted apart.

Source: Hamada & Wu, Analysis of Designed Experiments with Complex Aliasing, 1992, for heredity.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np

from fixlip.fitting.gaussian_process import Family, GaussianProcess, fit
from fixlip.fitting.moments import Embed, features, n_features
from fixlip.fitting.sampling import Design

TRIPLES = 1000  # triples that are modelled, the likeliest
PAIRS = 4096  # pairs that are modelled where no pairs are asked for, the likeliest
CANDIDATES = 100  # players among which triples are sought
FLOOR = 0.05  # least prior variance of a single player, relative to the mean one
ANY_PAIR = 0.1  # share of the variance of pairs that does not follow the prior of heredity
REACH = 2.0  # squared distance in patches at which a pair is half as likely as one at no distance
DRAWS = 64  # draws from the posterior, for standard errors
NOISE = 0.05  # variance to start from, of the noise and of all triples


@dataclass(frozen=True, eq=False)
class TowerProcess:
    """The posterior of the coefficients of one tower on its features.

    Attributes:
        masks: [m, n], the masks that were encoded.
        embeddings: [m, D], their embeddings.
        p, order: rate and order of the features, as in `fixlip.fitting.moments.features`.
        parts: the posterior that holds "constant", "singles" and "pairs", and the number of their family in it.
    """

    masks: np.ndarray
    embeddings: np.ndarray
    p: float
    order: Literal[1, 2]
    parts: dict[str, tuple[GaussianProcess, int]]

    @cached_property
    def mean(self) -> np.ndarray:
        """Posterior mean of the coefficients, [f, D]."""
        means = [process.mean(family) for process, family in self._used()]
        means[0] = means[0] + self._offset
        return np.concatenate(means)

    def coefficients(self, ridge: float = 0.0) -> np.ndarray:
        """Return `mean`, which the prior shrinks already; `ridge` is not used."""
        return self.mean

    def errors(self, along: np.ndarray, ridge: float = 0.0) -> Iterator[np.ndarray]:
        """Draw deviations of the coefficients along k directions, whose squares add up to the posterior variances.

        Deviations of pairs are independent of those of single players, and drawn along the first direction only, since
        a surrogate of order 2 needs no other.

        Args:
            along: [k, D], the directions.
            ridge: not used; see `coefficients`.

        Yields:
            Arrays [f, k].
        """
        rng, n, k = np.random.default_rng(0), self.masks.shape[1], len(along)
        low, pairs = np.zeros((DRAWS, 1 + n, k)), np.zeros((DRAWS, n_features(n, self.order) - 1 - n))
        for name, rows in (("constant", slice(0, 1)), ("singles", slice(1, None))):
            process, family = self.parts[name]
            root, across = _root(process.covariance(family)), _root(along @ process.spread @ along.T)
            low[:, rows] = root @ rng.normal(size=(DRAWS, len(root), k)) @ across.T
        if self.order == 2:
            process, family = self.parts["pairs"]
            pairs[:] = process.draws(family, DRAWS, rng).T * np.sqrt(along[0] @ process.spread @ along[0])
        for of_low, of_pairs in zip(low, pairs, strict=True):
            first = np.pad(of_pairs[:, None], ((0, 0), (0, k - 1)))
            yield np.concatenate([of_low, first]) / np.sqrt(DRAWS)

    @property
    def second(self) -> np.ndarray:
        """Mean of F F', [D, D]."""
        second: np.ndarray = self.embeddings.T @ self.embeddings / len(self.masks)
        return second

    def sums(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute the means of a F' and of a a' over the masks, for ``a = theta' phi``: [k, D] and [k, k]."""
        a = np.concatenate([features(m, self.p, self.order) @ theta for m in self._batches(self.masks)])
        return a.T @ self.embeddings / len(a), a.T @ a / len(a)

    @cached_property
    def freedom(self) -> float:
        """Share of the unexplained variance that shows on the masks of the fit itself.

        The rest is the posterior variance of the coefficients.
        """
        fitted = np.concatenate([features(m, self.p, self.order) @ self.mean for m in self._batches(self.masks)])
        left = float(((self.embeddings - fitted) ** 2).sum()) / len(fitted)
        hidden = sum(float(p.variance(f).sum() * np.trace(p.spread)) for p, f in self._used())
        return left / (left + hidden) if left + hidden else 1.0

    @property
    def _offset(self) -> np.ndarray:
        offset: np.ndarray = self.embeddings.mean(0)
        return offset

    def _used(self) -> list[tuple[GaussianProcess, int]]:
        return [self.parts[name] for name in ("constant", "singles", "pairs")[: self.order + 1]]

    @staticmethod
    def _batches(rows: np.ndarray) -> Iterator[np.ndarray]:
        yield from (rows[start : start + 256] for start in range(0, len(rows), 256))


def tower_process(
    embed: Embed, design: Design, *, p: float, order: Literal[1, 2], near: np.ndarray | None = None
) -> TowerProcess:
    """Fit the embeddings of the masks of a design by a Gaussian process on products of up to three players.

    Up to 1000 triples are modelled; all pairs at order 2, else up to 4096 of them.

    Args:
        embed: masks [B, n] -> embeddings [B, D].
        design: masks; their weights are not used, since the model holds for any masks.
        p: probability of each player to be present.
        order: order of the features whose coefficients are asked for.
        near: [n, n], how likely each pair of players is to interact, relative to other pairs; None for equally likely.

    Memory: masks and embeddings, matrices [m, m] ([m / 2, m / 2] for paired masks), and one number for each pair of
    players.
    """
    embeddings, n = embed(design.masks), design.masks.shape[1]
    chi = (design.masks - p) / np.sqrt(p * (1 - p))
    centred = embeddings - embeddings.mean(0)
    constant = Family(np.zeros((1, 0), dtype=int), np.ones(1))
    if design.kind == "paired":
        chi, even, odd = chi[0::2], (centred[0::2] + centred[1::2]) / 2, (centred[0::2] - centred[1::2]) / 2
        singles = _singles(chi, odd)
        second = fit(chi, even, (constant, _pairs(singles.variance, near, order)), 2 * NOISE, rounds=2)
        third = fit(chi, odd, (singles, _triples(_pair_variances(second, 1, n))), NOISE)
        parts = {"constant": (second, 0), "pairs": (second, 1), "singles": (third, 0)}
    else:
        singles = _singles(chi, centred)
        first = fit(chi, centred, (constant, singles, _pairs(singles.variance, near, order)), NOISE)
        families = (*first.families, _triples(_pair_variances(first, 2, n)))
        both = fit(chi, centred, families, first.noise)
        parts = {"constant": (both, 0), "singles": (both, 1), "pairs": (both, 2)}
    return TowerProcess(design.masks, embeddings, p, order, parts)


def _singles(chi: np.ndarray, targets: np.ndarray) -> Family:
    """Build the family of single players, with variances from their mean effects less half of the median, for noise."""
    size = np.square(chi.T @ targets).sum(1)
    variance = np.maximum(size - np.median(size) / 2, FLOOR * size.mean())
    return Family(np.arange(len(size))[:, None], variance / max(variance.sum(), 1e-300))


def _pairs(singles: np.ndarray, near: np.ndarray | None, order: int) -> Family:
    i, j = np.triu_indices(len(singles), 1)
    variance = singles[i] * singles[j] * (1.0 if near is None else near[i, j])
    if order == 1 and len(i) > PAIRS:
        kept = np.argsort(-variance, kind="stable")[:PAIRS]
        i, j, variance = i[kept], j[kept], variance[kept]
    share = variance / max(variance.sum(), 1e-300)
    return Family(np.stack([i, j], axis=1), (1 - ANY_PAIR) * share + ANY_PAIR / max(len(i), 1))


def _pair_variances(process: GaussianProcess, family: int, n: int) -> np.ndarray:
    """Return the posterior mean squares of the pairs, [n, n], in units of the trace of `spread`."""
    i, j = process.families[family].players.T
    out = np.zeros((n, n))
    unit = max(np.trace(process.spread), 1e-300)
    out[i, j] = np.square(process.mean(family)).sum(1) / unit + np.maximum(process.variance(family), 0.0)
    return out + out.T


def _triples(pairs: np.ndarray) -> Family:
    players = np.sort(np.argsort(-pairs.sum(1))[:CANDIDATES])
    triples = players[np.array(list(combinations(range(len(players)), 3)), dtype=int).reshape(-1, 3)]
    i, j, k = triples.T
    variance = np.sqrt(pairs[i, j] * pairs[i, k] * pairs[j, k])
    kept = np.argsort(-variance, kind="stable")[:TRIPLES]
    variance = variance[kept]
    return Family(triples[kept], NOISE * variance / max(variance.sum(), 1e-300))


def _root(covariance: np.ndarray) -> np.ndarray:
    """Compute the lower triangular root of a covariance matrix; eigenvalues that rounding made negative count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    upper: np.ndarray = np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0.0))).T, mode="r")  # type: ignore[assignment]
    signs = np.where(np.diagonal(upper) < 0, -1.0, 1.0)
    lower: np.ndarray = upper.T * signs
    return lower


def nearness(grid: tuple[int, int]) -> np.ndarray:
    """Return how likely patches of a grid are to interact, [n, n]: ``1 / (1 + d^2 / 2)`` at a distance of d patches."""
    rows, columns = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    square = np.subtract.outer(rows, rows) ** 2 + np.subtract.outer(columns, columns) ** 2
    near: np.ndarray = 1 / (1 + square / REACH)
    return near
