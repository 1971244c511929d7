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
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np

from fixlip.fitting.gaussian_process import Family, GaussianProcess, by_player, fit, together
from fixlip.fitting.moments import Embed
from fixlip.fitting.sampling import Design

TRIPLES = 1000  # triples that are modelled, the likeliest
PAIRS = 4096  # pairs that are modelled where no pairs are asked for, the likeliest
CANDIDATES = 100  # players among which triples are sought
FLOOR = 0.05  # least prior variance of a single player, relative to the mean one
DIRECTIONS = 8  # of the embeddings, in which striking triples are sought
STRIKING = 5.0  # standard deviations
MOST_STRIKING = 16  # triples
AMONG = 64  # players among which they are sought
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
        means[0] = means[0] + self.embeddings.mean(0)
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
        (even, constant), (odd, singles) = self.parts["constant"], self.parts["singles"]
        if even is odd:
            low = even.deviations([constant, singles], along, DRAWS)
        else:
            low = [*even.deviations([constant], along, DRAWS), *odd.deviations([singles], along, DRAWS)]
        parts = np.concatenate(low)
        if self.order == 2:
            process, family = self.parts["pairs"]
            high = process.deviations([family], along[:1], DRAWS)[0]
            parts = np.concatenate([parts, np.pad(high, ((0, 0), (0, 0), (0, len(along) - 1)))])
        yield from np.moveaxis(parts, 1, 0) / np.sqrt(DRAWS)

    @property
    def second(self) -> np.ndarray:
        """Mean of F F', [D, D]."""
        second: np.ndarray = self.embeddings.T @ self.embeddings / len(self.masks)
        return second

    @property
    def average(self) -> np.ndarray:
        """Mean of F, [D]."""
        average: np.ndarray = self.embeddings.mean(0)
        return average

    def predictions(self, ridge: float = 0.0) -> np.ndarray:
        """Compute second moments of F and of its parts by order; see `fixlip.fitting.surrogate.TowerFit`."""
        process, family = self.parts["singles"]
        first, (even, constant) = process.fitted(family), self.parts["constant"]
        m = len(even.chi)
        base = even.fitted(constant)
        second = even.fitted(self.parts["pairs"][1]) if self.order == 2 else np.zeros_like(base)
        if m < len(self.masks):  # pairs of complements
            centre = (self.embeddings[0::2] + self.embeddings[1::2]) / 2
            first = np.stack([first, -first], axis=1).reshape(len(self.masks), -1)
            base, second, centre = (np.repeat(part, 2, axis=0) for part in (base, second, centre))
        else:
            centre = self.embeddings
        mean = self.embeddings.mean(0)
        base += mean - (centre - mean) / max(m - 1, 1)
        rows = np.stack([self.embeddings, base, first, second])
        moments: np.ndarray = np.einsum("amd,bme->abde", rows, rows, optimize=True) / len(self.masks)
        return moments

    def _used(self) -> list[tuple[GaussianProcess, int]]:
        return [self.parts[name] for name in ("constant", "singles", "pairs")[: self.order + 1]]


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

    Memory: masks and embeddings, matrices [m, m] ([m / 2, m / 2] for paired masks), and a few numbers for each pair of
    players.
    """
    embeddings = embed(design.masks)
    chi = (design.masks - p) / np.sqrt(p * (1 - p))
    centred = embeddings - embeddings.mean(0)
    constant = Family(np.zeros((1, 0), dtype=int), np.ones((1, 1)), np.ones(1))
    if design.kind == "paired":
        chi, even, odd = chi[0::2], (centred[0::2] + centred[1::2]) / 2, (centred[0::2] - centred[1::2]) / 2
        singles = _singles(chi, odd)
        second = fit(chi, even, (constant, _pairs(singles.variance, near, order)), 2 * NOISE)
        third = _with_triples(chi, odd, (singles,), second, 1)
        parts = {"constant": (second, 0), "pairs": (second, 1), "singles": (third, 0)}
    else:
        singles = _singles(chi, centred)
        first = fit(chi, centred, (constant, singles, _pairs(singles.variance, near, order)), NOISE)
        both = _with_triples(chi, centred, first.families, first, 2)
        parts = {"constant": (both, 0), "singles": (both, 1), "pairs": (both, 2)}
    return TowerProcess(design.masks, embeddings, p, order, parts)


def _singles(chi: np.ndarray, targets: np.ndarray) -> Family:
    """Build the family of single players, with variances from their mean effects less half of the median, for noise."""
    size = np.square(chi.T @ targets).sum(1)
    variance = np.maximum(size - np.median(size) / 2, FLOOR * size.mean())
    players = np.arange(len(size))[:, None]
    return Family(players, _share(variance)[None], np.ones(1), (together(players, np.ones(len(size))),))


def _pairs(singles: np.ndarray, near: np.ndarray | None, order: int) -> Family:
    """Build the family of pairs, with patterns of variance by heredity and nearness, and what they have in common."""
    i, j = np.triu_indices(len(singles), 1)
    gamma = singles / max(singles.mean(), 1e-300)
    close = np.ones(len(i)) if near is None else near[i, j]
    patterns = [gamma[i] * gamma[j] * close, np.ones(len(i)), gamma[i] * gamma[j], gamma[i] + gamma[j]]
    patterns += [] if near is None else [close, (gamma[i] + gamma[j]) * close]
    if order == 1 and len(i) > PAIRS:
        kept = np.argsort(-patterns[0], kind="stable")[:PAIRS]
        i, j, patterns = i[kept], j[kept], [pattern[kept] for pattern in patterns]
    players = np.stack([i, j], axis=1)
    common = [together(players, np.ones(len(singles))), together(players, np.sqrt(gamma))]
    if order == 2:
        common.append(by_player(players))
    common = [replace(c, size=0.01 / max(len(i), 1)) for c in common]
    sizes = np.array([0.9, *[0.1 / (len(patterns) - 1)] * (len(patterns) - 1)])
    return Family(players, np.stack([_share(pattern) for pattern in patterns]), sizes, tuple(common))


def _share(variance: np.ndarray) -> np.ndarray:
    share: np.ndarray = variance / max(variance.sum(), 1e-300)
    return share


def _with_triples(
    chi: np.ndarray, targets: np.ndarray, families: tuple[Family, ...], pairs: GaussianProcess, number: int
) -> GaussianProcess:
    """Fit the families and the likeliest triples; then, with rows to spare, those too that stand out from the noise."""
    n = chi.shape[1]
    families = (*families, _triples(_pair_variances(pairs, number, n)))
    process = fit(chi, targets, families, NOISE)
    striking = _striking(process) if len(chi) > 2 * (n + 1) else np.zeros((0, 3), dtype=int)
    if not len(striking):
        return process
    alone = Family(striking, np.ones((1, len(striking))) / len(striking), np.array([NOISE]))
    return fit(chi, targets, (*process.families, alone), process.noise)


def _striking(process: GaussianProcess) -> np.ndarray:
    """Seek the triples that the residual shows, one after the other, among the players that it shows, [k, 3]."""
    everyone, n = process.chi, process.chi.shape[1]
    of_each = np.square(everyone.T @ process.dual).sum(1)
    players = np.sort(np.argsort(-of_each, kind="stable")[:AMONG])
    if n < 3:
        return np.zeros((0, 3), dtype=int)
    chi = everyone[:, players]
    i, j = np.triu_indices(len(players), 1)
    pairs, third = chi[:, i] * chi[:, j], np.arange(len(players)) > j[:, None]
    values, vectors = np.linalg.eigh(process.spread)
    leading = vectors[:, -DIRECTIONS:] / np.sqrt(np.maximum(values[-DIRECTIONS:], 1e-300))
    dual, inverse = process.dual @ leading, process.inverse
    k = dual.shape[1]
    sums = (pairs.T @ (chi[:, :, None] * dual[:, None]).reshape(len(chi), -1)).reshape(len(i), -1, k)
    chosen: list[tuple[int, int]] = []
    reaches: list[tuple[np.ndarray, float]] = []
    while len(chosen) < MOST_STRIKING:
        size = np.where(third, np.abs(sums).max(2), 0.0)
        pair, player = np.unravel_index(int(size.argmax()), size.shape)
        phi = pairs[:, pair] * chi[:, player]
        reach = inverse @ phi - sum(r * (r @ phi) / u for r, u in reaches)
        unit = float(phi @ reach)
        if unit <= 0 or size[pair, player] < STRIKING * np.sqrt(unit):
            break
        chosen.append((int(pair), int(player)))
        step = phi @ dual / unit
        dual = dual - np.outer(reach, step)
        sums = sums - (pairs.T @ (chi * reach[:, None]))[:, :, None] * step
        reaches.append((reach, unit))
    at = np.array(chosen, dtype=int).reshape(-1, 2)
    return players[np.stack([i[at[:, 0]], j[at[:, 0]], at[:, 1]], axis=1)]


def _pair_variances(process: GaussianProcess, family: int, n: int) -> np.ndarray:
    """Return the mean squares of the pairs, [n, n], in units of the trace of `spread`: of the posterior and the prior."""
    i, j = process.families[family].players.T
    out = np.zeros((n, n))
    unit = max(np.trace(process.spread), 1e-300)
    out[i, j] = np.square(process.mean(family)).sum(1) / unit + process.families[family].variance
    return out + out.T


def _triples(pairs: np.ndarray) -> Family:
    players = np.sort(np.argsort(-pairs.sum(1))[:CANDIDATES])
    triples = players[np.array(list(combinations(range(len(players)), 3)), dtype=int).reshape(-1, 3)]
    i, j, k = triples.T
    variance = np.sqrt(pairs[i, j] * pairs[i, k] * pairs[j, k])
    kept = np.argsort(-variance, kind="stable")[:TRIPLES]
    shares, kept = variance[kept], triples[kept]
    common = replace(together(kept, np.ones(len(pairs))), size=1e-3 / max(len(triples), 1))
    return Family(kept, _share(shares)[None], np.array([NOISE]), (common,))


def nearness(grid: tuple[int, int]) -> np.ndarray:
    """Return how likely patches of a grid are to interact, [n, n]: ``1 / (1 + d^2 / 2)`` at a distance of d patches."""
    rows, columns = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    square = np.subtract.outer(rows, rows) ** 2 + np.subtract.outer(columns, columns) ** 2
    near: np.ndarray = 1 / (1 + square / REACH)
    return near
