"""A Gaussian process for one tower: it needs fewer masks than least squares for the same accuracy.

The effects of single players and pairs are seen through a noise that is mostly the interactions of the next orders, and
a few of those make up nearly all of it: those of neighbouring players that matter by themselves. So they are modelled
too. The prior follows heredity, the variance of a term comes from those of its parts:

    single players   gamma_i     from their estimated effects
    pairs            gamma_ij    a mixture of gamma_i gamma_j, gamma_i + gamma_j and 1, with near_ij and without
    triples          gamma_ijk   proportional to sqrt(v_ij v_jk v_ik), v the mean squares of the pairs

Many small terms of one sign, as where a picture saturates, are no noise: singles, pairs and triples have a mean in
common, and where pairs are asked for, each player's pairs have one too. Pairs and triples that stand out from the
residual have a variance of their own. Every proportion is learnt from the embeddings
(`fixlip.fitting.gaussian_process`). Where masks are paired with their complements, half the difference of the two
embeddings holds the odd orders and half the sum the even ones, and the two are fitted apart.

Source: Hamada & Wu, Analysis of Designed Experiments with Complex Aliasing, 1992, for heredity.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import combinations
from typing import Literal

import numpy as np

from fixlip.fitting.deviations import Deviations, surprises
from fixlip.fitting.gaussian_process import Family, GaussianProcess, by_player, fit, together
from fixlip.fitting.moments import Embed, Reach
from fixlip.fitting.numerics import FLAT
from fixlip.fitting.powers import Powers, unit_of
from fixlip.fitting.sampling import Design

TRIPLES = 1000  # triples that are modelled, the likeliest
PAIRS = 4096  # pairs that are modelled where no pairs are asked for, the likeliest
CANDIDATES = 100  # players among which triples are sought
FLOOR = 0.05  # least prior variance of a single player, relative to the mean one
DIRECTIONS = 8  # of the embeddings, in which striking pairs and triples are sought
STRIKING = 5.0  # standard deviations
MOST_STRIKING = 16  # of them
AMONG = 64  # players among which they are sought
REACH = 2.0  # squared distance in patches at which a pair is half as likely as one at no distance
DRAWS = 64  # draws from the posterior, for standard errors
NEGLIGIBLE = 1e-9  # probability of the masks that were encoded, below which they tell nothing by being seen
CAUTION = 0.75  # power of the unseen probability in errors; 1 is too sure where most masks are seen at p = .7
NOISE = 0.05  # variance to start from, of the noise and of all triples


@dataclass(frozen=True, eq=False)
class TowerProcess:
    """The posterior of the coefficients of one tower on its features.

    Attributes:
        masks: [m, n], the masks that were encoded.
        weights: [m], summing to 1; a weighted mean estimates an expectation.
        embeddings: [m, D], their embeddings.
        p, order: rate and order of the features, as in `fixlip.fitting.moments.features`.
        parts: the posterior that holds "constant", "singles" and "pairs", and the number of their family in it.
        draws: number of draws from the posterior, for standard errors.
    """

    masks: np.ndarray
    weights: np.ndarray
    embeddings: np.ndarray
    p: float
    order: Literal[1, 2]
    parts: dict[str, tuple[GaussianProcess, int]]
    draws: int = DRAWS

    @cached_property
    def mean(self) -> np.ndarray:
        """Posterior mean of the coefficients, [f, D].

        They are those of the fit to all masks. So the noise on the masks that were encoded, which is known, belongs to
        them, weighted by the probability of these masks, which is nothing for a few of very many.
        """
        means = [process.mean(family) for process, family in self._used()]
        if self.probability.sum() > NEGLIGIBLE:
            for mean, (process, family) in zip(means, self._used(), strict=True):
                mean += process.left_over(family, self._shares(process))
        means[0] = means[0] + self.embeddings.mean(0)
        return np.concatenate(means)

    def coefficients(self, ridge: float = 0.0) -> np.ndarray:
        """Return `mean`, which the prior shrinks already; `ridge` is not used."""
        return self.mean

    def errors(self, along: np.ndarray, ridge: float = 0.0, reach: Reach = None) -> Iterator[np.ndarray]:
        """Draw deviations of the coefficients along k directions, whose squares add up to the posterior variances.

        Args:
            along: [k, D], the directions.
            ridge: not used; see `coefficients`.
            reach: number of directions, the first ones, along which the constant, single players and pairs deviate;
                along the others they do not. None for all.

        Yields:
            Arrays [f, k].
        """
        used = self._used()
        reach = reach or [len(along)] * len(used)
        drawn = [np.zeros((0, len(process.families[family].players), self.draws)) for process, family in used]
        for deviations in self._deviations:
            places = [i for i, (process, _) in enumerate(used) if process is deviations.process and reach[i]]
            families = {used[i][1]: reach[i] for i in places}
            for i, part in zip(places, deviations.draw(families, along, self.draws), strict=True):
                drawn[i] = part
        seen = float(self.probability.sum())
        if seen > NEGLIGIBLE:  # a mean over all masks: what was seen is known, what was not may surprise
            for i, (process, family) in enumerate(used):
                unseen, some = self._unseen(process, family), along[: len(drawn[i])]
                drawn[i] = (1 - seen) ** CAUTION * drawn[i] + surprises(process, unseen, some, self.draws)
        rows = [part.shape[1] for part in drawn]
        for draw in range(self.draws):
            out = np.zeros((sum(rows), len(along)))
            for part, place in zip(drawn, np.split(out, np.cumsum(rows)[:-1]), strict=True):
                place[:, : len(part)] = part[:, :, draw].T / np.sqrt(self.draws)
            yield out

    @cached_property
    def _deviations(self) -> list[Deviations]:
        """The draws of each process: of one, or for masks with complements of one for even and one for odd orders."""
        return [Deviations(process) for process in {id(process): process for process, _ in self._used()}.values()]

    def _unseen(self, process: GaussianProcess, family: int) -> np.ndarray:
        """Sum the squares of probability times term, [t], over the masks that were not encoded."""
        terms, (n, p) = process.families[family], (self.masks.shape[1], self.p)
        order, each = terms.players.shape[1], len(self.masks) / len(process.chi)
        everywhere = (p**2 + (1 - p) ** 2) ** (n - order) * (2 * p * (1 - p)) ** order
        squares = np.square(self._shares(process))
        seen = [squares @ np.square(phi) for phi in terms.columns(process.chi)]
        unseen: np.ndarray = np.maximum(each * everywhere - np.concatenate(seen), 0.0)
        return unseen

    def _shares(self, process: GaussianProcess) -> np.ndarray:
        """Return the probability of each row, a mask or a pair of complements."""
        shares: np.ndarray = self.probability.reshape(len(process.chi), -1).sum(1)
        return shares

    @property
    def probability(self) -> np.ndarray:
        """Probability of each mask, [m]."""
        size, n = self.masks.sum(1), self.masks.shape[1]
        probability: np.ndarray = self.p**size * (1 - self.p) ** (n - size)
        return probability

    @property
    def second(self) -> np.ndarray:
        """Mean of F F', [D, D]."""
        second: np.ndarray = (self.weights * self.embeddings.T) @ self.embeddings
        return second

    @property
    def average(self) -> np.ndarray:
        """Mean of F, [D]."""
        average: np.ndarray = self.weights @ self.embeddings
        return average

    @cached_property
    def powers(self) -> Powers:
        """Second moments of the coefficients by order: their posterior expectation, where all are modelled.

        Variances take the coefficients as independent of each other.
        """
        n, unit, by_order = self.masks.shape[1], unit_of(self.second), list[np.ndarray]()
        moments = list[tuple[np.ndarray, np.ndarray, float]]()
        for name in ("constant", "singles", "pairs"):
            process, family = self.parts[name]
            if len(process.families[family].players) < (1, n, n * (n - 1) // 2)[len(by_order)]:
                break
            mean, variance = process.mean(family), process.variances(family)
            mean = mean + self.embeddings.mean(0) * (name == "constant")
            by_order.append(mean.T @ mean + variance.sum() * process.spread)
            weighted = (mean * variance[:, None]).T @ mean / unit
            moments.append((process.spread / unit, weighted, float(np.square(variance).sum())))

        def spread(order: int, along: np.ndarray) -> float:
            covariance, weighted, squares = moments[order]
            seen = along @ covariance
            return float(4 * np.vdot(seen @ along, weighted) + 2 * squares * np.vdot(seen, seen.T))

        return Powers.of(by_order, self.second, spread)

    def predictions(self, ridge: float = 0.0) -> np.ndarray:
        """Return the second moments of F and of its parts by order; see `fixlip.fitting.surrogate.TowerFit`."""
        return self._predictions

    @cached_property
    def _predictions(self) -> np.ndarray:
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
        moments: np.ndarray = np.einsum("amd,bme->abde", rows * self.weights[:, None], rows, optimize=True)
        return moments

    @property
    def witnesses(self) -> float:
        """Number of masks that the variance of the embeddings comes from; 0 where they do not vary."""
        squares = np.square(self.embeddings - self.average).sum(1)
        squares[squares <= FLAT**2 * np.square(self.embeddings).sum(1)] = 0.0
        return float(squares.sum() ** 2 / max(np.square(squares).sum(), 1e-300))

    def _used(self) -> list[tuple[GaussianProcess, int]]:
        return [self.parts[name] for name in ("constant", "singles", "pairs")[: self.order + 1]]


def tower_process(
    embed: Embed, design: Design, *, p: float, order: Literal[1, 2], near: np.ndarray | None = None
) -> TowerProcess:
    """Fit the embeddings of the masks of a design by a Gaussian process on products of up to three players.

    Up to 1000 triples are modelled; all pairs at order 2, else up to 4096 of them.

    Args:
        embed: masks [B, n] -> embeddings [B, D].
        design: masks; the model holds for any, and their weights serve R2 alone.
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
        second = _fit(chi, even, (constant,), partial(_pairs, singles.variance, near, order), 2)
        third = _fit(chi, odd, (singles,), partial(_triples, _pair_variances(second, 1)), 3)
        parts = {"constant": (second, 0), "pairs": (second, 1), "singles": (third, 0)}
    else:
        singles = _singles(chi, centred)
        first = _fit(chi, centred, (constant, singles), partial(_pairs, singles.variance, near, order), 2)
        both = _fit(chi, centred, first.families, partial(_triples, _pair_variances(first, 2)), 3)
        parts = {"constant": (both, 0), "singles": (both, 1), "pairs": (both, 2)}
    return TowerProcess(design.masks, design.weights, embeddings, p, order, parts)


def _fit(
    chi: np.ndarray, targets: np.ndarray, families: tuple[Family, ...], build: Callable[..., Family], order: int
) -> GaussianProcess:
    """Fit families and one more, and again where terms of this one stand out from the noise, with rows to spare."""
    process = fit(chi, targets, (*families, build(np.zeros((0, order), dtype=int))), NOISE)
    if len(chi) < fewest_to_check(chi.shape[1]) or chi.shape[1] < order:
        return process
    striking = _striking(process, order)
    return fit(chi, targets, (*families, build(striking)), NOISE) if len(striking) else process


def fewest_to_check(n: int) -> int:
    """Return how many rows, masks or pairs of complements, show whether something is not as the prior expects."""
    return 2 * (n + 1) + 1


def _singles(chi: np.ndarray, targets: np.ndarray) -> Family:
    """Build the family of single players, with variances from their mean effects less half of the median, for noise."""
    size = np.square(chi.T @ targets).sum(1)
    variance = np.maximum(size - np.median(size) / 2, FLOOR * size.mean())
    players = np.arange(len(size))[:, None]
    return Family(players, _share(variance)[None], np.ones(1), (together(players, np.ones(len(size))),))


def _pairs(singles: np.ndarray, near: np.ndarray | None, order: int, striking: np.ndarray) -> Family:
    """Build the family of pairs, with patterns of variance by heredity and nearness, and what they have in common."""
    i, j = np.triu_indices(len(singles), 1)
    gamma = singles / max(singles.mean(), 1e-300)
    close = np.ones(len(i)) if near is None else near[i, j]
    patterns = [gamma[i] * gamma[j] * close, np.ones(len(i)), gamma[i] * gamma[j], gamma[i] + gamma[j]]
    patterns += [] if near is None else [close, (gamma[i] + gamma[j]) * close]
    kept = np.arange(len(i))
    if order == 1 and len(i) > PAIRS:
        kept = np.argsort(-patterns[0], kind="stable")[:PAIRS]
    players, shares = _marked(np.stack([i, j], axis=1)[kept], np.stack(patterns)[:, kept], striking)
    common = [together(players, np.ones(len(singles))), together(players, np.sqrt(gamma))]
    if order == 2:
        common.append(by_player(players))
    common = [replace(c, size=0.01 / max(len(i), 1)) for c in common]
    return Family(players, shares, np.full(len(shares), 1 / len(shares)), tuple(common))


def _marked(players: np.ndarray, patterns: np.ndarray, striking: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give striking terms a pattern of variance of their own; patterns become shares of 1."""
    known = {tuple(term) for term in players}
    missing = [term for term in striking.tolist() if tuple(term) not in known]
    players = np.concatenate([players, np.array(missing, dtype=int).reshape(-1, striking.shape[1])])
    patterns = np.pad(patterns, ((0, 0), (0, len(missing))))
    if len(striking):
        mark = (players[:, None] == striking).all(2).any(1)
        patterns = np.concatenate([patterns, mark[None]])
    return players, np.stack([_share(pattern) for pattern in patterns])


def _share(variance: np.ndarray) -> np.ndarray:
    share: np.ndarray = variance / max(variance.sum(), 1e-300)
    return share


def _striking(process: GaussianProcess, order: int) -> np.ndarray:
    """Seek the products of two or three players that the residual shows, one after the other, [k, order].

    They are sought along the leading directions of the embeddings, among the players that the residual shows most.
    """
    of_each = np.square(process.chi.T @ process.dual).sum(1)
    players = np.sort(np.argsort(-of_each, kind="stable")[:AMONG])
    chi = process.chi[:, players]
    lower = np.array(list(combinations(range(len(players)), order - 1)), dtype=int)
    products, later = chi[:, lower].prod(2), np.arange(len(players)) > lower[:, -1:]
    values, vectors = np.linalg.eigh(process.spread)
    leading = vectors[:, -DIRECTIONS:] / np.sqrt(np.maximum(values[-DIRECTIONS:], 1e-300))
    dual = process.dual @ leading
    sums = (products.T @ (chi[:, :, None] * dual[:, None]).reshape(len(chi), -1)).reshape(*later.shape, -1)
    chosen: list[list[int]] = []
    reaches: list[tuple[np.ndarray, float]] = []
    while len(chosen) < MOST_STRIKING:
        size = np.where(later, np.abs(sums).max(2), 0.0)
        first, last = np.unravel_index(int(size.argmax()), size.shape)
        phi = products[:, first] * chi[:, last]
        reach = process.inverse @ phi - sum(r * (r @ phi) / u for r, u in reaches)
        unit = float(phi @ reach)
        if unit <= 0 or size[first, last] < STRIKING * np.sqrt(unit):
            break
        chosen.append([*players[lower[first]], players[last]])
        step = phi @ dual / unit
        dual = dual - np.outer(reach, step)
        sums = sums - (products.T @ (chi * reach[:, None]))[:, :, None] * step
        reaches.append((reach, unit))
    return np.array(chosen, dtype=int).reshape(-1, order)


def _pair_variances(process: GaussianProcess, family: int) -> np.ndarray:
    """Return the mean squares of the pairs, [n, n]."""
    (i, j), n = process.families[family].players.T, process.chi.shape[1]
    out = np.zeros((n, n))
    out[i, j] = process.mean_squares(family)
    return out + out.T


def _triples(pairs: np.ndarray, striking: np.ndarray) -> Family:
    """Build the family of the likeliest triples, by the variances of their pairs, and what they have in common."""
    players = np.sort(np.argsort(-pairs.sum(1), kind="stable")[:CANDIDATES])
    triples = players[np.array(list(combinations(range(len(players)), 3)), dtype=int).reshape(-1, 3)]
    i, j, k = triples.T
    variance = np.sqrt(pairs[i, j] * pairs[i, k] * pairs[j, k])
    kept = np.argsort(-variance, kind="stable")[:TRIPLES]
    terms, shares = _marked(triples[kept], variance[kept][None], striking)
    common = replace(together(terms, np.ones(len(pairs))), size=1e-3 / max(len(triples), 1))
    return Family(terms, shares, np.full(len(shares), NOISE / len(shares)), (common,))


def nearness(grid: tuple[int, int]) -> np.ndarray:
    """Return how likely patches of a grid are to interact, [n, n]: ``1 / (1 + d^2 / 2)`` at a distance of d patches."""
    rows, columns = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    square = np.subtract.outer(rows, rows) ** 2 + np.subtract.outer(columns, columns) ** 2
    near: np.ndarray = 1 / (1 + square / REACH)
    return near
