"""Gaussian-process regression on products of features, with prior variances that are learnt from the data.

The targets y(S) in R^D, a row for each mask S, are modelled as ``y = sum_A f_A chi_A(S) + noise`` over sets A of
players, ``chi_A`` the product of the features of the players in A. The f_A of a family of terms are
``f_A = eps_A + sum_r w_rA a_r`` with ``eps_A ~ N(0, gamma_A B)``, and ``a_r ~ N(0, tau B)`` for what many of them have
in common: many small terms of one sign are no noise. The noise is N(0, sigma^2 B); all terms share the covariance B in
R^D. With V the covariance of the m rows the posterior mean of a term is its prior covariance with the rows times
``Q = V^-1 Y``: the system is [m, m], whatever the number of terms.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from fixlip.runtime.threads import in_one_thread

CHUNK = 2048  # terms handled at once
LEAST_NOISE = 1e-6  # variance of the noise, in units of that of the targets
ROWS = 128  # from which the sizes of the parts of the prior are learnt
ROUNDS = 12  # of learning them
OWN_ROUNDS = 8  # of learning a variance for each term


@dataclass(frozen=True, eq=False)
class Common:
    """The part that the terms of a family have in common: a_r ~ N(0, size B), each term takes w_rA of it.

    Attributes:
        columns: features of players [m, n] -> the sums ``sum_A w_rA chi_A`` for each row, [m, r].
        spread: a [r, k] -> the terms ``sum_r w_rA a_r``, [t, k].
        size: tau.
    """

    columns: Callable[[np.ndarray], np.ndarray]
    spread: Callable[[np.ndarray], np.ndarray]
    size: float = 1e-3


def together(players: np.ndarray, weights: np.ndarray) -> Common:
    """Let all products of up to three players move together, each by the product of the weights [n] of its players."""

    def columns(chi: np.ndarray) -> np.ndarray:
        weighted = chi * weights
        one, two, three = (np.sum(weighted**k, axis=1) for k in (1, 2, 3))
        order = players.shape[1]  # elementary symmetric polynomials, from the sums of powers
        sums = {1: one, 2: (one**2 - two) / 2, 3: (one**3 - 3 * one * two + 2 * three) / 6}[order]
        return np.asarray(sums[:, None])

    return Common(columns, lambda a: weights[players].prod(1)[:, None] * a)


def by_player(pairs: np.ndarray) -> Common:
    """Let the pairs of each player move together."""
    i, j = pairs.T
    return Common(lambda chi: chi * (chi.sum(1)[:, None] - chi), lambda a: a[i] + a[j])


@dataclass(frozen=True, eq=False)
class Family:
    """A family of terms of one order.

    Attributes:
        players: [t, order], the players in each product; [1, 0] for the constant.
        shares: [c, t], patterns of variance.
        sizes: [c], how much there is of each: ``gamma = sizes @ shares``.
        common: what the terms have in common.
    """

    players: np.ndarray
    shares: np.ndarray
    sizes: np.ndarray
    common: tuple[Common, ...] = ()

    @property
    def variance(self) -> np.ndarray:
        """The prior variances gamma of the terms themselves, [t]."""
        variance: np.ndarray = self.sizes @ self.shares
        return variance

    def columns(self, chi: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the products of all terms, [m, t], in the order of `chunks`."""
        return (self.products(chi, some) for some in self.chunks())

    def products(self, chi: np.ndarray, terms: slice = slice(None)) -> np.ndarray:
        """Multiply the features of players, [m, n], to those of terms, [m, t]."""
        out = np.ones((len(chi), len(self.players[terms])))
        for column in self.players[terms].T:
            out *= chi[:, column]
        return out

    def chunks(self) -> list[slice]:
        """Return the slices of terms that are handled at once."""
        return [slice(start, start + CHUNK) for start in range(0, max(len(self.players), 1), CHUNK)]

    def kernels(self, chi: np.ndarray, shares: np.ndarray) -> list[np.ndarray]:
        """Return the covariances of the rows for variances [c, t], then for what is common at size 1, [m, m] each."""
        totals = [np.zeros((len(chi), len(chi))) for _ in shares]
        for phi, some in zip(self.columns(chi), self.chunks(), strict=True):
            for total, share in zip(totals, shares, strict=True):
                total += (phi * share[some]) @ phi.T
        columns = (common.columns(chi) for common in self.common)
        return totals + [c @ c.T for c in columns]

    def shown(
        self,
        columns: Callable[[], Iterable[np.ndarray]],
        variance: np.ndarray,
        rest: np.ndarray,
        targets: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compute ``|chi_A' Q|^2`` for each term, [t], Q in units of their spread, and its prior mean, [t].

        Args:
            columns: the products of terms, [m, t], in chunks.
            variance: [t], of the terms.
            rest: [m, m], the covariance of the rows by all else.
            targets: [m, D].
        """
        covariance, chunks = rest.copy(), self.chunks()
        for phi, some in zip(columns(), chunks, strict=True):
            covariance += (phi * variance[some]) @ phi.T
        inverse = _inverse(covariance, LEAST_NOISE * float(np.diagonal(covariance).mean()))  # of a noise that goes to 0
        dual = inverse @ targets
        unit = max(np.vdot(dual, targets) / len(targets), 1e-300)
        both = [(np.square(phi.T @ dual).sum(1) / unit, np.einsum("mt,mt->t", phi, inverse @ phi)) for phi in columns()]
        found, expected = map(np.concatenate, zip(*both, strict=True))
        return found, expected

    def scaled(self, factors: np.ndarray) -> "Family":
        """Return the family with the sizes of its parts multiplied, in the order of `kernels`."""
        if not self.players.shape[1]:
            return self
        sizes, rest = factors[: len(self.sizes)], factors[len(self.sizes) :]
        common = tuple(replace(c, size=c.size * f) for c, f in zip(self.common, rest, strict=True))
        return replace(self, sizes=self.sizes * sizes, common=common)

    @property
    def all_sizes(self) -> np.ndarray:
        """The sizes of all parts, in the order of `kernels`."""
        return np.array([*self.sizes, *(common.size for common in self.common)])


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the prior of a family: its roots, ``prior = root root'``, and how much of it the rows should show.

    Attributes:
        family: number of its family.
        rows: [m, n] features -> root of its covariance of the rows, [m, r], in chunks.
        terms: z [r, k] -> the terms of the family, [t, k].
        expected: trace of its covariance of the rows times V^-1.
    """

    family: int
    rows: Callable[[], Iterator[np.ndarray]]
    terms: Callable[[np.ndarray], np.ndarray]
    expected: float


@dataclass(frozen=True, eq=False)
class GaussianProcess:
    """The posterior of a Gaussian process.

    Attributes:
        chi: [m, n], features of players.
        families: the families of terms, with the sizes that were learnt.
        noise: sigma^2, the variance of the noise.
        inverse: V^-1, [m, m].
        dual: Q = V^-1 Y, [m, D].
        spread: B, [D, D], estimated from the errors on rows that are left out of the fit.
        parts: the parts of the prior.
        leverage: for each family the diagonal of its covariance of the rows times V^-1, [m].
    """

    chi: np.ndarray
    families: tuple[Family, ...]
    noise: float
    inverse: np.ndarray
    dual: np.ndarray
    spread: np.ndarray
    parts: tuple[Part, ...]
    leverage: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.chi)

    @in_one_thread
    def mean(self, family: int, dual: np.ndarray | None = None) -> np.ndarray:
        """Return the posterior mean of the terms of one family, [t, D]; for other targets, give V^-1 times them."""
        terms, dual = self.families[family], self.dual if dual is None else dual
        mean: np.ndarray = np.concatenate([phi.T @ dual for phi in terms.columns(self.chi)])
        mean *= terms.variance[:, None]
        for common in terms.common:
            mean += common.spread(common.size * (common.columns(self.chi).T @ dual))
        return mean

    @in_one_thread
    def variances(self, family: int) -> np.ndarray:
        """Compute the posterior variances of the terms of one family, [t], in units of the targets' spread."""
        terms, eye = self.families[family], np.eye(len(self.chi))
        prior = terms.variance + sum(
            np.square(c.spread(np.sqrt(c.size) * np.eye(c.columns(self.chi[:1]).shape[1]))).sum(1) for c in terms.common
        )
        seen = np.einsum("tm,tm->t", self.mean(family, self.inverse), self.mean(family, eye))
        variances: np.ndarray = np.maximum(prior - seen, 0.0)
        return variances

    def left_over(self, family: int, shares: np.ndarray) -> np.ndarray:
        """Regress the noise of the rows, weighted by shares [m], on the terms of one family, [t, D]."""
        terms, noise = self.families[family], (self.noise * shares)[:, None] * self.dual
        left: np.ndarray = np.concatenate([phi.T @ noise for phi in terms.columns(self.chi)])
        return left

    @in_one_thread
    def mean_squares(self, family: int) -> np.ndarray:
        """Compute the mean squares of the terms of one family, [t], in units of the targets' spread.

        Each term has a variance of its own here, learnt by a few updates from the one that it has in the family; many
        updates would overfit the noise.
        """
        terms, variance = self.families[family], self.families[family].variance
        covariance = np.linalg.inv(self.inverse)
        targets, rest = covariance @ self.dual, covariance - terms.kernels(self.chi, variance[None])[0]
        few = slice(0, ROWS)
        kept = [*terms.columns(self.chi[few])]
        for _ in range(OWN_ROUNDS):
            found, expected = terms.shown(lambda: kept, variance, rest[few, few], targets[few])
            variance = variance * np.sqrt(found / np.maximum(expected, 1e-300))
        found, expected = terms.shown(partial(terms.columns, self.chi), variance, rest, targets)  # too large to keep
        squares: np.ndarray = np.maximum(variance + variance**2 * (found - expected), 0.0)
        return squares

    @in_one_thread
    def fitted(self, family: int) -> np.ndarray:
        """Predict each row from the terms of one family, with the row itself left out of the fit, [m, D]."""
        terms, mean = self.families[family], self.mean(family)
        inside = sum(terms.products(self.chi, some) @ mean[some] for some in terms.chunks())
        out: np.ndarray = inside - (self.leverage[family] / np.diagonal(self.inverse))[:, None] * self.dual
        return out


@in_one_thread
def fit(chi: np.ndarray, targets: np.ndarray, families: tuple[Family, ...], noise: float) -> GaussianProcess:
    """Learn the sizes of the parts of the prior by maximising the evidence, and return the posterior.

    Every update is ``size <- size sqrt(tr(Q' K Q) / tr(V^-1 K))`` with ``Q = V^-1 Y`` (Y in units of its spread) and K
    the derivative of V by the size; it never lowers the evidence.

    Args:
        chi: [m, n], features of players.
        targets: Y, [m, D].
        families: families of terms, with sizes to start from.
        noise: variance of the noise to start from.

    Source: Wipf & Nagarajan, A New View of Automatic Relevance Determination, NIPS 2007, (the update).
    """
    unit = max(float((targets**2).sum()) / len(targets), 1e-300)
    some = slice(0, ROWS)
    gram = targets[some] @ targets[some].T / unit
    kernels = [family.kernels(chi[some], family.shares) for family in families]
    traces = [np.array([np.trace(k) for k in ks]) / len(gram) for ks in kernels]
    for _ in range(ROUNDS):
        inverse = _inverse(_weighted([f.all_sizes for f in families], kernels), noise)
        residual = _residual(inverse, gram)
        factors = [
            np.array([np.sqrt(max(np.vdot(k, residual), 0.0) / max(np.vdot(k, inverse), 1e-300)) for k in ks])
            for ks in kernels
        ]
        families = tuple(family.scaled(factor) for family, factor in zip(families, factors, strict=True))
        noise *= float(np.sqrt(max(np.trace(residual), 0.0) / np.trace(inverse)))
        learnt = ((f, t) for f, t in zip(families, traces, strict=True) if f.players.shape[1])
        level = LEAST_NOISE + noise + sum(float(f.all_sizes @ t) for f, t in learnt)
        families = tuple(family.scaled(np.full(len(family.all_sizes), 1 / level)) for family in families)
        noise = max(noise / level, LEAST_NOISE)
    whole = [family.kernels(chi, family.variance[None]) for family in families]
    sizes = [np.array([1.0, *(common.size for common in family.common)]) for family in families]
    inverse = _inverse(_weighted(sizes, whole), noise)
    held = [
        [s * np.einsum("ij,ij->i", k, inverse) for s, k in zip(ss, ks, strict=True)]
        for ss, ks in zip(sizes, whole, strict=True)
    ]
    leverage = tuple(np.sum(parts, axis=0) for parts in held)
    expected, dual = [[float(part.sum()) for part in parts] for parts in held], inverse @ targets
    left_out = dual / np.sqrt(np.diagonal(inverse))[:, None]
    spread = (left_out.T @ left_out + LEAST_NOISE * targets.T @ targets) / len(targets)
    parts = _parts(chi, families, expected)
    return GaussianProcess(chi, families, noise, inverse, dual, spread, parts, leverage)


def _weighted(sizes: list[np.ndarray], kernels: list[list[np.ndarray]]) -> np.ndarray:
    """Add up the kernels of all families, each times its size."""
    pairs = (pair for family in zip(sizes, kernels, strict=True) for pair in zip(*family, strict=True))
    total: np.ndarray = sum(size * kernel for size, kernel in pairs)
    return total


def _parts(chi: np.ndarray, families: tuple[Family, ...], expected: list[list[float]]) -> tuple[Part, ...]:
    parts = []
    for number, (family, sizes) in enumerate(zip(families, expected, strict=True)):
        root = np.sqrt(family.variance)

        def rows(family: Family = family, root: np.ndarray = root) -> Iterator[np.ndarray]:
            return (phi * root[some] for phi, some in zip(family.columns(chi), family.chunks(), strict=True))

        def terms(drawn: np.ndarray, root: np.ndarray = root) -> np.ndarray:
            scaled: np.ndarray = root[:, None] * drawn
            return scaled

        parts.append(Part(number, rows, terms, sizes[0]))
        for common, size in zip(family.common, sizes[1:], strict=True):

            def columns(common: Common = common) -> Iterator[np.ndarray]:
                yield np.sqrt(common.size) * common.columns(chi)

            def spread(drawn: np.ndarray, common: Common = common) -> np.ndarray:
                return common.spread(np.sqrt(common.size) * drawn)

            parts.append(Part(number, columns, spread, size))
    return tuple(parts)


def _inverse(covariance: np.ndarray, noise: float) -> np.ndarray:
    from scipy.linalg import cho_factor
    from scipy.linalg.lapack import dpotri

    total = covariance + noise * np.eye(len(covariance))
    lower = dpotri(cho_factor(total, lower=True)[0], lower=1)[0]
    inverse: np.ndarray = np.tril(lower) + np.tril(lower, -1).T
    return inverse


def _residual(inverse: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Return ``V^-1 Y Y' V^-1`` with Y in units of its spread."""
    spread = max(np.vdot(inverse, gram) / len(gram), 1e-300)
    residual: np.ndarray = inverse @ gram @ inverse / spread
    return residual
