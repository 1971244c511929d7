"""Regression on products of features, each with a prior variance of its own that is learnt from the data.

Rows of targets y(S) in R^D are modelled as ``y = sum_A f_A chi_A(S) + noise`` over sets A of players, ``chi_A`` the
product of the features of the players in A, with independent ``f_A ~ N(0, gamma_A B)`` and noise ``N(0, sigma^2 B)``; B
is a covariance in R^D that all share. With ``V = sum_A gamma_A chi_A chi_A' + sigma^2`` over the m rows, the posterior
mean of f_A is ``gamma_A chi_A' V^-1 Y``: the system is [m, m], whatever the number of terms.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

CHUNK = 2048  # terms at once
LEAST_NOISE = 1e-6  # variance of the noise, in units of that of the targets
SINGLE_PRECISION = 1e-3  # variance of the noise above which float32 will do
ROWS = 256  # from which the sizes of whole families are learnt; the single terms use all rows
ROUNDS = 4  # of learning the sizes of families


@dataclass(frozen=True, eq=False)
class Family:
    """Terms of one order.

    Attributes:
        players: [t, order], who is in each product; [1, 0] for the constant.
        variance: [t], gamma.
    """

    players: np.ndarray
    variance: np.ndarray

    def products(self, chi: np.ndarray, terms: slice = slice(None)) -> np.ndarray:
        """Features [m, n] of players -> [m, t] of terms."""
        out = np.ones((len(chi), len(self.players[terms])), dtype=chi.dtype)
        for of_players in self.players[terms].T:
            out *= chi[:, of_players]
        return out

    def grown(self, found: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Factor of the variances, from the traces in `fit`; 1 for the constant, which is not to shrink."""
        if not self.players.shape[1]:
            return np.ones_like(found)
        return np.sqrt(np.maximum(found, 0.0) / np.maximum(expected, 1e-300))

    def chunks(self) -> list[slice]:
        """Terms that are handled at once."""
        return [slice(start, start + CHUNK) for start in range(0, max(len(self.players), 1), CHUNK)]

    def kernel(self, chi: np.ndarray) -> np.ndarray:
        """Covariance of the rows by these terms, [m, m]."""
        total = np.zeros((len(chi), len(chi)))
        for some in self.chunks():
            weighted = self.products(chi, some) * np.sqrt(self.variance[some]).astype(chi.dtype)
            total += weighted @ weighted.T
        return total

    def forms(self, chi: np.ndarray, *matrices: np.ndarray) -> list[np.ndarray]:
        """``chi_A' M chi_A`` for each term, [t], for each matrix M [m, m]."""
        out: list[list[np.ndarray]] = [[] for _ in matrices]
        matrices = tuple(matrix.astype(chi.dtype, copy=False) for matrix in matrices)
        for some in self.chunks():
            phi = self.products(chi, some)
            for found, matrix in zip(out, matrices, strict=True):
                found.append(np.einsum("mt,mt->t", phi, matrix @ phi))
        return [np.concatenate(found).astype(np.float64) for found in out]


@dataclass(frozen=True, eq=False)
class GaussianProcess:
    """The posterior.

    Attributes:
        chi: [m, n], features of players.
        families: of terms.
        noise: sigma^2.
        inverse: V^-1, [m, m].
        dual: V^-1 Y, [m, D].
        spread: B, [D, D], as it explains the errors of rows that are left out of the fit.
    """

    chi: np.ndarray
    families: tuple[Family, ...]
    noise: float
    inverse: np.ndarray
    dual: np.ndarray
    spread: np.ndarray

    def mean(self, family: int) -> np.ndarray:
        """Posterior mean of the terms of one family, [t, D]."""
        terms = self.families[family]
        parts = [terms.products(self.chi, some).T @ self.dual for some in terms.chunks()]
        return terms.variance[:, None] * np.concatenate(parts)

    def variance(self, family: int) -> np.ndarray:
        """Posterior variances of the terms of one family, [t], in units of `spread`."""
        return self._variances[family]

    @cached_property
    def _variances(self) -> list[np.ndarray]:
        return [f.variance - f.variance**2 * f.forms(self.chi, self.inverse)[0] for f in self.families]

    def covariance(self, family: int) -> np.ndarray:
        """Posterior covariance of the terms of one family, [t, t], in units of `spread`."""
        terms = self.families[family]
        reach = terms.products(self.chi) * terms.variance
        return np.diag(terms.variance) - reach.T @ self.inverse @ reach

    def draws(self, family: int, number: int, rng: np.random.Generator) -> np.ndarray:
        """Deviations of one family from its posterior mean, [t, number], in units of the root of `spread`.

        Each is what the posterior mean misses of a draw from the prior (Matheron's rule).
        """
        prior = [np.sqrt(f.variance)[:, None] * rng.normal(size=(len(f.variance), number)) for f in self.families]
        rows = np.sqrt(self.noise) * rng.normal(size=(len(self.chi), number))
        for terms, drawn in zip(self.families, prior, strict=True):
            for some in terms.chunks():
                rows += terms.products(self.chi, some) @ drawn[some]
        return prior[family] - replace(self, dual=self.inverse @ rows).mean(family)


def fit(
    chi: np.ndarray, targets: np.ndarray, families: tuple[Family, ...], noise: float, rounds: int = 0
) -> GaussianProcess:
    """Learn the variances by evidence maximisation, and give the posterior.

    Every update is ``gamma <- gamma sqrt(tr(Q' M Q) / tr(V^-1 M))`` with ``Q = V^-1 Y`` (Y in units of its spread) and
    M the share of gamma in V: it never lowers the evidence. First for the size of each family as a whole and the noise,
    on the first rows; then `rounds` times for each term alone, on all rows.

    Args:
        chi: [m, n].
        targets: Y, [m, D].
        families: with prior variances to start from.
        noise: variance to start from.
        rounds: of learning each variance alone; few, for they follow the noise in the end.

    Source: Wipf & Nagarajan, A New View of Automatic Relevance Determination, NIPS 2007, for the update.
    """
    unit = max(float((targets**2).sum()) / len(targets), 1e-300)
    gram = targets @ targets.T / unit
    some = slice(0, ROWS)
    kernels = [family.kernel(chi[some]) for family in families]
    for _ in range(ROUNDS):
        inverse = _inverse(kernels, noise)
        residual = _residual(inverse, gram[some, some])
        growth = [f.grown(np.vdot(k, residual), np.vdot(k, inverse)) for f, k in zip(families, kernels, strict=True)]
        kernels = [k * g for k, g in zip(kernels, growth, strict=True)]
        families = tuple(replace(f, variance=f.variance * g) for f, g in zip(families, growth, strict=True))
        noise = _noise(noise, inverse, residual)
    for _ in range(rounds):
        kernels = [family.kernel(_fast(chi, noise)) for family in families]
        inverse = _inverse(kernels, noise)
        residual = _residual(inverse, gram)
        forms = [family.forms(_fast(chi, noise), residual, inverse) for family in families]
        families = tuple(replace(f, variance=f.variance * f.grown(*ab)) for f, ab in zip(families, forms, strict=True))
        noise = _noise(noise, inverse, residual)
    inverse = _inverse([family.kernel(chi) for family in families], noise)
    dual = inverse @ targets
    left_out = dual / np.sqrt(np.diagonal(inverse))[:, None]
    return GaussianProcess(chi, families, noise, inverse, dual, left_out.T @ left_out / len(targets))


def _fast(chi: np.ndarray, noise: float) -> np.ndarray:
    """Features in float32 where the noise is well above what that rounds away."""
    return chi.astype(np.float32) if noise > SINGLE_PRECISION else chi


def _inverse(kernels: list[np.ndarray], noise: float) -> np.ndarray:
    from scipy.linalg import cho_factor
    from scipy.linalg.lapack import dpotri

    total = sum(kernels) + noise * np.eye(len(kernels[0]))
    lower = dpotri(cho_factor(total, lower=True)[0], lower=1)[0]
    inverse: np.ndarray = np.tril(lower) + np.tril(lower, -1).T
    return inverse


def _residual(inverse: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """V^-1 Y Y' V^-1 with Y in units of its spread."""
    spread = max(np.vdot(inverse, gram) / len(gram), 1e-300)
    return inverse @ gram @ inverse / spread


def _noise(noise: float, inverse: np.ndarray, residual: np.ndarray) -> float:
    return max(noise * float(np.sqrt(max(np.trace(residual), 0.0) / np.trace(inverse))), LEAST_NOISE)
