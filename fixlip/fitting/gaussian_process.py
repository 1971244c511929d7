"""Gaussian-process regression on products of features, each with a prior variance that is learnt from the data.

The targets y(S) in R^D, a row for each mask S, are modelled as ``y = sum_A f_A chi_A(S) + noise`` over sets A of
players, ``chi_A`` the product of the features of the players in A, with independent ``f_A ~ N(0, gamma_A B)`` and noise
``N(0, sigma^2 B)``; all terms share the covariance B in R^D. With ``V = sum_A gamma_A chi_A chi_A' + sigma^2`` over the
m rows, the posterior mean of f_A is ``gamma_A chi_A' V^-1 Y``: the system is [m, m], whatever the number of terms.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

CHUNK = 2048  # terms handled at once
LEAST_NOISE = 1e-6  # variance of the noise, in units of that of the targets
SINGLE_PRECISION = 1e-3  # variance of the noise above which float32 will do
ROWS = 256  # from which the sizes of whole families are learnt; the single terms use all rows
ROUNDS = 4  # of learning the sizes of families


@dataclass(frozen=True, eq=False)
class Family:
    """A family of terms of one order.

    Attributes:
        players: [t, order], the players in each product; [1, 0] for the constant.
        variance: [t], the prior variances gamma.
    """

    players: np.ndarray
    variance: np.ndarray

    def products(self, chi: np.ndarray, terms: slice = slice(None)) -> np.ndarray:
        """Multiply the features of players, [m, n], to those of terms, [m, t]."""
        out = np.ones((len(chi), len(self.players[terms])), dtype=chi.dtype)
        for column in self.players[terms].T:
            out *= chi[:, column]
        return out

    def growth(self, trace: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Return the factor of the variances, the root of the two traces in `fit`; 1 for the constant."""
        if not self.players.shape[1]:
            return np.ones_like(trace)
        growth: np.ndarray = np.sqrt(np.maximum(trace, 0.0) / np.maximum(expected, 1e-300))
        return growth

    def chunks(self) -> list[slice]:
        """Return the slices of terms that are handled at once."""
        return [slice(start, start + CHUNK) for start in range(0, max(len(self.players), 1), CHUNK)]

    def kernel(self, chi: np.ndarray) -> np.ndarray:
        """Return the covariance of the rows that these terms give, [m, m]."""
        total = np.zeros((len(chi), len(chi)))
        for some in self.chunks():
            weighted = self.products(chi, some) * np.sqrt(self.variance[some]).astype(chi.dtype)
            total += weighted @ weighted.T
        return total

    def forms(self, chi: np.ndarray, *matrices: np.ndarray) -> list[np.ndarray]:
        """Return ``chi_A' M chi_A`` for each term, [t], for each matrix M [m, m]."""
        out: list[list[np.ndarray]] = [[] for _ in matrices]
        matrices = tuple(matrix.astype(chi.dtype, copy=False) for matrix in matrices)
        for some in self.chunks():
            phi = self.products(chi, some)
            for parts, matrix in zip(out, matrices, strict=True):
                parts.append(np.einsum("mt,mt->t", phi, matrix @ phi))
        return [np.concatenate(parts).astype(np.float64) for parts in out]


@dataclass(frozen=True, eq=False)
class GaussianProcess:
    """The posterior of a Gaussian process.

    Attributes:
        chi: [m, n], features of players.
        families: the families of terms, with the variances that were learnt.
        noise: sigma^2, the variance of the noise.
        inverse: V^-1, [m, m].
        dual: V^-1 Y, [m, D].
        spread: B, [D, D], estimated from the errors on rows that are left out of the fit.
    """

    chi: np.ndarray
    families: tuple[Family, ...]
    noise: float
    inverse: np.ndarray
    dual: np.ndarray
    spread: np.ndarray

    def mean(self, family: int) -> np.ndarray:
        """Return the posterior mean of the terms of one family, [t, D]."""
        terms = self.families[family]
        parts = [terms.products(self.chi, some).T @ self.dual for some in terms.chunks()]
        mean: np.ndarray = terms.variance[:, None] * np.concatenate(parts)
        return mean

    def variance(self, family: int) -> np.ndarray:
        """Return the posterior variances of the terms of one family, [t], in units of `spread`."""
        return self._variances[family]

    @cached_property
    def _variances(self) -> list[np.ndarray]:
        return [f.variance - f.variance**2 * f.forms(self.chi, self.inverse)[0] for f in self.families]

    def covariance(self, family: int) -> np.ndarray:
        """Return the posterior covariance of the terms of one family, [t, t], in units of `spread`."""
        terms = self.families[family]
        reach = terms.products(self.chi) * terms.variance
        covariance: np.ndarray = np.diag(terms.variance) - reach.T @ self.inverse @ reach
        return covariance

    def draws(self, family: int, number: int, rng: np.random.Generator) -> np.ndarray:
        """Draw deviations of one family from its posterior mean, [t, number], in units of the root of `spread`.

        Each deviation is the error of the posterior mean for a draw from the prior (Matheron's rule).
        """
        prior = [np.sqrt(f.variance)[:, None] * rng.normal(size=(len(f.variance), number)) for f in self.families]
        rows = np.sqrt(self.noise) * rng.normal(size=(len(self.chi), number))
        for terms, drawn in zip(self.families, prior, strict=True):
            for some in terms.chunks():
                rows += terms.products(self.chi, some) @ drawn[some]
        deviations: np.ndarray = prior[family] - replace(self, dual=self.inverse @ rows).mean(family)
        return deviations


def fit(
    chi: np.ndarray, targets: np.ndarray, families: tuple[Family, ...], noise: float, rounds: int = 0
) -> GaussianProcess:
    """Learn the variances by maximising the evidence, and return the posterior.

    Every update is ``gamma <- gamma sqrt(tr(Q' M Q) / tr(V^-1 M))`` with ``Q = V^-1 Y`` (Y in units of its spread) and
    M the derivative of V by gamma; it never lowers the evidence. The first updates learn the size of each family as a
    whole, and the noise, from the first rows; then `rounds` updates learn the variance of each term from all rows.

    Args:
        chi: [m, n], features of players.
        targets: Y, [m, D].
        families: families of terms, with prior variances to start from.
        noise: variance of the noise to start from.
        rounds: number of updates of each variance alone; keep it small, since many of them overfit the noise.

    Source: Wipf & Nagarajan, A New View of Automatic Relevance Determination, NIPS 2007, (the update).
    """
    unit = max(float((targets**2).sum()) / len(targets), 1e-300)
    gram = targets @ targets.T / unit
    some = slice(0, ROWS)
    kernels = [family.kernel(chi[some]) for family in families]
    for _ in range(ROUNDS):
        inverse = _inverse(kernels, noise)
        residual = _residual(inverse, gram[some, some])
        growth = [f.growth(np.vdot(k, residual), np.vdot(k, inverse)) for f, k in zip(families, kernels, strict=True)]
        kernels = [k * g for k, g in zip(kernels, growth, strict=True)]
        families = tuple(replace(f, variance=f.variance * g) for f, g in zip(families, growth, strict=True))
        noise = _noise(noise, inverse, residual)
    for _ in range(rounds):
        kernels = [family.kernel(_fast(chi, noise)) for family in families]
        inverse = _inverse(kernels, noise)
        residual = _residual(inverse, gram)
        forms = [family.forms(_fast(chi, noise), residual, inverse) for family in families]
        families = tuple(replace(f, variance=f.variance * f.growth(*ab)) for f, ab in zip(families, forms, strict=True))
        noise = _noise(noise, inverse, residual)
    inverse = _inverse([family.kernel(chi) for family in families], noise)
    dual = inverse @ targets
    left_out = dual / np.sqrt(np.diagonal(inverse))[:, None]
    return GaussianProcess(chi, families, noise, inverse, dual, left_out.T @ left_out / len(targets))


def _fast(chi: np.ndarray, noise: float) -> np.ndarray:
    """Convert the features to float32 where the noise is well above the rounding error."""
    return chi.astype(np.float32) if noise > SINGLE_PRECISION else chi


def _inverse(kernels: list[np.ndarray], noise: float) -> np.ndarray:
    from scipy.linalg import cho_factor
    from scipy.linalg.lapack import dpotri

    total = sum(kernels) + noise * np.eye(len(kernels[0]))
    lower = dpotri(cho_factor(total, lower=True)[0], lower=1)[0]
    inverse: np.ndarray = np.tril(lower) + np.tril(lower, -1).T
    return inverse


def _residual(inverse: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Return ``V^-1 Y Y' V^-1`` with Y in units of its spread."""
    spread = max(np.vdot(inverse, gram) / len(gram), 1e-300)
    residual: np.ndarray = inverse @ gram @ inverse / spread
    return residual


def _noise(noise: float, inverse: np.ndarray, residual: np.ndarray) -> float:
    return max(noise * float(np.sqrt(max(np.trace(residual), 0.0) / np.trace(inverse))), LEAST_NOISE)
