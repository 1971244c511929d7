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
    def average(self) -> np.ndarray:
        """Weighted sum of F, [D]."""

    def coefficients(self, ridge: float) -> np.ndarray:
        """Compute the coefficients of the embeddings on the features, [f, D]."""

    def errors(self, along: np.ndarray, ridge: float) -> Iterable[np.ndarray] | None:
        """Compute deviations of the coefficients along directions [k, D], [f, k] each."""

    def predictions(self, ridge: float) -> np.ndarray:
        """Compute second moments of F and of its parts of order 0, 1 and 2, predicted for masks left out of the fit.

        Returns:
            [4, 4, D, D], weighted sums of the outer products of the four.
        """


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

    def r2(self, image: TowerFit, text: TowerFit) -> float:
        """Compute the share of the variance of the game that the surrogate explains on masks left out of the fit.

        With parts F_a of the embeddings of an image and G_b of those of a text, as predicted without its mask, the
        surrogate misses ``scale * (<F, G> - sum_ab <F_a, G_b>)`` over its terms ab, and all sums over the grid
        factorise: ``sum <F_a, G_b> <F_c, G_d> = <sum F_a F_c', sum G_b G_d'>``. NaN for a constant game.
        """
        sign = np.zeros((4, 4))
        sign[0, 0] = 1.0
        for a, b in ((0, 0), (1, 0), (0, 1), *[(1, 1)] * (self.order == 2), *[(2, 0), (0, 2)] * self.within):
            sign[1 + a, 1 + b] = -1.0
        of_image, of_text = image.predictions(self.ridge), text.predictions(self.ridge)
        terms = [(a, b, sign[a, b]) for a, b in zip(*np.nonzero(sign), strict=True)]
        missed = sum(s * t * np.vdot(of_image[a, c], of_text[b, d]) for a, b, s in terms for c, d, t in terms)
        square = float(np.vdot(image.second, text.second))
        variance = square - float(image.average @ text.average) ** 2
        if not self.scale or variance <= 1e-12 * max(square, 1e-300):
            return float("nan")
        return float(1 - max(missed, 0.0) / variance)


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
    notes, more, rough = [], f"give {word}={2 * masks} or more", True
    if stderr is None:
        notes.append(f"too few masks for standard errors; {more}")
    else:
        n_image = len(cross)
        signal, noise = np.nansum(cross**2), np.nansum(stderr.second_order[:n_image, n_image:] ** 2)
        rough = noise > 0.05 * signal
        if noise > 100 * signal:
            notes.append(f"the interactions are far below their noise; {more}")
        elif noise > 0.2 * signal:
            notes.append(f"noise is {noise / signal:.0%} of the variance of the interactions; {more}")
    if r2 is not None and np.isnan(r2):
        notes.append(CONSTANT)
    elif r2 is not None and r2 < 0.5:
        remedy = more if rough else "read them as averages"
        notes.append(f"the effects explain only {max(r2, 0):.0%} of how the similarity varies; {remedy}")
    return notes
