"""Second-order surrogates under a product measure, from the moments of the two towers.

With chi_i = (x_i - p) / s, s^2 = p (1 - p), the coefficients of the towers are combined once,
``theta = scale * F G' (+ bias)``, one number for each product of an image and a text feature. Everything else is linear
in theta: the effects of players, their standard errors, the fit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple, Protocol

import numpy as np

from fixlip.fitting.moments import n_features
from fixlip.fitting.numerics import CONSTANT
from fixlip.results.provenance import StandardErrors


class TowerFit(Protocol):
    """The fit of a tower, as far as a surrogate needs it; see `fixlip.fitting.moments.TowerMoments`."""

    @property
    def second(self) -> np.ndarray:
        """Weighted sum of F F', [D, D]."""

    @property
    def freedom(self) -> float:
        """Share of the unexplained variance that shows on the masks of the fit itself."""

    def coefficients(self, ridge: float) -> np.ndarray:
        """Compute the coefficients of the embeddings on the features, [f, D]."""

    def errors(self, along: np.ndarray, ridge: float) -> Iterable[np.ndarray] | None:
        """Compute deviations of the coefficients along directions [k, D], [f, k] each."""

    def sums(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute the weighted sums of a F' and of a a', for ``a = theta' phi``."""


class Effects(NamedTuple):
    """Effects of order 0, of order 1, [n], and of order 2, [n, n], symmetric; NaN for pairs that are no term."""

    baseline: np.ndarray
    first_order: np.ndarray
    second_order: np.ndarray


@dataclass(frozen=True)
class Surrogate:
    """The terms of a surrogate, and the way from its coefficients to the effects of players.

    Attributes:
        n_image, n_text: numbers of players.
        p: probability of each player to be present.
        scale, bias: scale and bias of the game.
        order: 1, or 2 with all pairs of an image and a text player.
        within: whether pairs inside each modality are terms too.
        ridge: penalty on the coefficients of each tower.
    """

    n_image: int
    n_text: int
    p: float
    scale: float
    bias: float
    order: Literal[1, 2]
    within: bool
    ridge: float

    @property
    def feature_order(self) -> Literal[1, 2]:
        """Order of the features that each tower needs; cross pairs are products of order-1 features."""
        return 2 if self.within else 1

    @property
    def terms(self) -> tuple[int, int]:
        """Number of features of the image and of the text tower."""
        return n_features(self.n_image, self.feature_order), n_features(self.n_text, self.feature_order)

    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of the image and of the text feature whose product is each term, [terms] each."""
        image, text = self.terms
        grid = np.zeros((image, text), dtype=bool)
        grid[:, 0] = grid[0] = True
        if self.order == 2:
            grid[: 1 + self.n_image, : 1 + self.n_text] = True
        return np.nonzero(grid)  # type: ignore[return-value]

    def place(self, coefficients: np.ndarray) -> np.ndarray:
        """Put the coefficients of the terms, [terms] in the order of `positions`, in their places, [f_I, f_T]."""
        theta = np.zeros(self.terms)
        theta[self.positions()] = coefficients
        return theta

    def theta(self, image: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Multiply the coefficients of both towers to those of the game, [f_I, f_T]; 0 where there is no term."""
        theta = self.cut(self.scale * image @ text.T)
        theta[0, 0] += self.bias
        return theta

    def cut(self, theta: np.ndarray) -> np.ndarray:
        """Set the coefficients of products that are no term to 0, in place, and return theta."""
        theta[1 + self.n_image :, 1:] = theta[1:, 1 + self.n_text :] = 0.0
        if self.order == 1:
            theta[1:, 1:] = 0.0
        return theta

    def effects(self, theta: np.ndarray) -> Effects:
        """Turn coefficients into effects: ``e_ij = c_ij / s^2``, ``e_i = c_i / s - p sum_j e_ij``, and the constant."""
        n_image, n = self.n_image, self.n_image + self.n_text
        image, text = slice(1, 1 + n_image), slice(1, 1 + self.n_text)
        variance = self.p * (1 - self.p)
        main = np.concatenate([theta[image, 0], theta[0, text]]) / np.sqrt(variance)
        pairs = np.zeros((n, n))
        pairs[:n_image, n_image:] = theta[image, text] / variance
        if self.within:
            pairs[:n_image, :n_image][np.triu_indices(n_image, 1)] = theta[1 + n_image :, 0] / variance
            pairs[n_image:, n_image:][np.triu_indices(self.n_text, 1)] = theta[0, 1 + self.n_text :] / variance
        pairs += pairs.T
        first = main - self.p * pairs.sum(1)
        baseline = theta[0, 0] - self.p * main.sum() + 0.5 * self.p**2 * pairs.sum()
        if not self.within:
            is_image = np.arange(n) < n_image
            pairs[(is_image[:, None] == is_image) | (self.order == 1)] = np.nan
            np.fill_diagonal(pairs, 0.0)
        return Effects(np.asarray(baseline), first, pairs)

    def deviations(
        self, image: TowerFit, text: TowerFit, whole_image: np.ndarray, whole_text: np.ndarray
    ) -> Iterable[np.ndarray] | None:
        """Compute deviations of theta whose squares add up to its variances: each tower deviates, the other one stays.

        `whole_image` and `whole_text` are the coefficients of the towers. None where a tower has no standard errors.
        """
        of_image, of_text = image.errors(whole_text, self.ridge), text.errors(whole_image, self.ridge)
        if of_image is None or of_text is None:
            return None
        return (self.cut(self.scale * part) for part in chain(of_image, (part.T for part in of_text)))

    def standard_errors(self, deviations: Iterable[np.ndarray] | None) -> StandardErrors | None:
        """Compute the standard errors of the effects from the `deviations` of theta; None without deviations."""
        if deviations is None:
            return None
        total = Effects(*(0 * part for part in self.effects(np.zeros(self.terms))))
        for theta in deviations:
            total = Effects(*(t + part**2 for t, part in zip(total, self.effects(theta), strict=True)))
        baseline, first, second = (np.sqrt(part) for part in total)
        return StandardErrors(float(baseline), first, second)

    def r2(self, image: TowerFit, text: TowerFit, theta: np.ndarray) -> float:
        """Compute the share of the variance of the game on the grid of masks that the surrogate explains, adjusted.

        All sums over the grid factorise: with ``a = theta' phi`` of each image mask, A = sum w a a', B = sum w a F',
        the same for the text with its features in the place of a, and M = sum w F F' of each tower,
        ``sum v^2 = scale^2 tr(M_I M_T) + ...``, ``sum v vhat = tr(scale B_I B_T' + ...)``,
        ``sum vhat^2 = tr(A_I A_T)``. NaN for a constant game.
        """
        constant = np.eye(len(theta), 1)
        rhs_image, gram_image = image.sums(np.concatenate([constant, theta], axis=1))
        rhs_text, gram_text = text.sums(np.eye(theta.shape[1]))
        mean = self.scale * rhs_image[0] @ rhs_text[0]
        square = self.scale**2 * np.sum(image.second * text.second) + 2 * self.bias * mean + self.bias**2
        product = self.scale * np.sum(rhs_image[1:] * rhs_text) + self.bias * gram_image[0, 1:] @ gram_text[0]
        residual = square - 2 * product + np.sum(gram_image[1:, 1:] * gram_text)
        variance = square - (mean + self.bias) ** 2
        if variance <= 1e-12 * max(square, 1e-300):
            return float("nan")
        return float(1 - max(residual, 0.0) / max(image.freedom * text.freedom, 1e-12) / variance)


def remarks(
    cross: np.ndarray, stderr: StandardErrors | None, r2: float | None, masks: int, word: str = "image_masks"
) -> list[str]:
    """Collect what to know before trusting the interactions of a sampled surrogate, with the remedy.

    Args:
        cross: [n_image, n_text], the interactions.
        stderr: their standard errors, or None.
        r2: R2 of the fit; None where it is not defined.
        masks: number of masks that were spent.
        word: argument by which more masks are asked for.
    """
    notes, more = [], f"give {word}={2 * masks} or more"
    if stderr is None:
        notes.append(f"too few masks for standard errors; {more}")
    else:
        n_image = len(cross)
        signal, noise = np.nansum(cross**2), np.nansum(stderr.second_order[:n_image, n_image:] ** 2)
        if noise > 100 * signal:
            notes.append(f"the interactions are far below their noise; {more}")
        elif noise > 0.2 * signal:
            notes.append(f"noise is {noise / signal:.0%} of the variance of the interactions; {more}")
    if r2 is not None and np.isnan(r2):
        notes.append(CONSTANT)
    elif r2 is not None and r2 < 0.5:
        notes.append(f"the effects explain only {max(r2, 0):.0%} of how the similarity varies; read them as averages")
    return notes
