"""Surrogates of second or third order under a product measure, from the coefficients of the two towers.

With chi_i = (x_i - p) / s, s^2 = p (1 - p), the coefficients of the towers are combined once,
``theta = scale * F G' (+ bias)``, one number for each product of an image and a text feature. Everything else is linear
in theta: the effects of players, their standard errors, the fit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Literal, NamedTuple, Protocol

import numpy as np

from fixlip.fitting.moments import Reach, n_features
from fixlip.fitting.numerics import CONSTANT
from fixlip.fitting.powers import Powers
from fixlip.results.additive import shares_of
from fixlip.results.provenance import StandardErrors
from fixlip.results.third_order import ThirdOrder


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

    def errors(self, along: np.ndarray, ridge: float, reach: Reach = None) -> Iterable[np.ndarray] | None:
        """Compute deviations of the coefficients along directions [k, D], [f, k] each."""

    @property
    def powers(self) -> Powers:
        """Second moments of the coefficients by order."""

    def predictions(self, ridge: float) -> np.ndarray:
        """Compute second moments of F and of its parts of order 0, 1 and 2, predicted for masks left out of the fit.

        Returns:
            [4, 4, D, D], weighted sums of the outer products of the four.
        """


class Effects(NamedTuple):
    """Effects of order 0, of order 1, [n], and of order 2, [n, n], symmetric, NaN for pairs that are no term."""

    baseline: np.ndarray
    first_order: np.ndarray
    second_order: np.ndarray
    third_order: ThirdOrder | None = None

    @property
    def arrays(self) -> list[np.ndarray]:
        """All arrays."""
        return [*self[:3], *(self.third_order.arrays if self.third_order else ())]

    @property
    def estimated(self) -> list[np.ndarray]:
        """All numbers that have standard errors: the arrays, and what each player adds."""
        return [*self.arrays, shares_of(*self[1:])]


def roots(variances: Sequence[np.ndarray]) -> StandardErrors:
    """Return the standard errors of effects, from their variances in the order of `Effects.estimated`."""
    baseline, first, second, *third, additive = map(np.sqrt, variances)
    return StandardErrors(float(baseline), first, second, ThirdOrder(*third) if third else None, additive)


def best_fit(interactions: Effects, p: float) -> Effects:
    """Turn weighted Banzhaf values and interactions into the effects of the best fit, whose terms are their players.

    With I_A the interaction of A, and I_{} the mean of the game, ``e_B = sum of (-p)^(|A| - |B|) I_A`` over the A that
    contain B. So the effects of lower orders change with the order of the fit.
    """
    mean, first, second, third = interactions
    pairs, of_pairs = np.nan_to_num(second, nan=0.0), third.of_pairs() if third else np.zeros_like(second)
    return Effects(
        np.asarray(mean - p * first.sum() + p**2 * pairs.sum() / 2 - p**3 * of_pairs.sum() / 6),
        first - p * pairs.sum(1) + p**2 * of_pairs.sum(1) / 2,
        second - p * of_pairs,
        third,
    )


def k_sii(values: np.ndarray, pairs: np.ndarray, third: ThirdOrder | None) -> tuple[np.ndarray, np.ndarray]:
    """Turn Shapley values and SII into k-SII, whose effects add up, of players [n] and pairs [n, n].

    From a pair half of the interactions of three that it is part of is taken off, and from a player half of its pairs,
    less a sixth of those of three: the Bernoulli numbers.

    Source: Bordt and von Luxburg, AISTATS 2023.
    """
    of_pairs = third.of_pairs() if third else np.zeros_like(pairs)
    return values - np.nansum(pairs, axis=1) / 2 + of_pairs.sum(1) / 12, pairs - of_pairs / 2


@dataclass(frozen=True)
class Surrogate:
    """The terms of a surrogate, and the way from its coefficients to the effects of players.

    Attributes:
        n_image, n_text: numbers of players.
        p: probability of each player to be present.
        scale, bias: scale and bias of the game.
        order: 1; 2 with all pairs of an image and a text player; or 3 with each of these and another text player, and
            pairs of text players.
        within: whether pairs inside each modality are terms too; at order 3 also those with a player of the other one.
        ridge: penalty on the coefficients of each tower.
    """

    n_image: int
    n_text: int
    p: float
    scale: float
    bias: float
    order: Literal[1, 2, 3]
    within: bool
    ridge: float

    @cached_property
    def cells(self) -> np.ndarray:
        """Return whether products of image features of order a and text features of order b are terms, [3, 3]."""
        cells = np.zeros((3, 3), dtype=bool)
        cells[0, :2] = cells[:2, 0] = True
        cells[1, 1] = self.order >= 2
        cells[0, 2] = self.within or self.order == 3
        cells[2, 0] = self.within
        cells[1, 2], cells[2, 1] = self.order == 3, self.order == 3 and self.within
        return cells

    @property
    def feature_orders(self) -> tuple[Literal[1, 2], Literal[1, 2]]:
        """Order of the features that the image and the text tower need."""
        return 2 if self.cells[2].any() else 1, 2 if self.cells[:, 2].any() else 1

    @property
    def terms(self) -> tuple[int, int]:
        """Number of features of the image and of the text tower."""
        image, text = self.feature_orders
        return n_features(self.n_image, image), n_features(self.n_text, text)

    @cached_property
    def grid(self) -> np.ndarray:
        """Return whether the product of each image feature and each text feature is a term, [f_I, f_T]."""
        sides = zip((self.n_image, self.n_text), self.terms, strict=True)
        grid: np.ndarray = self.cells[np.ix_(*(np.repeat([0, 1, 2], [1, n, f - n - 1]) for n, f in sides))]
        return grid

    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of the image and of the text feature whose product is each term, [terms] each."""
        return np.nonzero(self.grid)  # type: ignore[return-value]

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
        theta *= self.grid
        return theta

    def effects(self, theta: np.ndarray) -> Effects:
        """Turn coefficients into the effects of the best fit: for order 2, ``e_i = c_i / s - p sum_j e_ij``."""
        return best_fit(self.interactions(theta), self.p)

    def interactions(self, theta: np.ndarray) -> Effects:
        """Turn coefficients into the mean, weighted Banzhaf values and interactions, ``c_A / s^|A|``."""
        n_image, n_text, n = self.n_image, self.n_text, self.n_image + self.n_text
        image, text, s = slice(1, 1 + n_image), slice(1, 1 + n_text), float(np.sqrt(self.p * (1 - self.p)))
        within_image, within_text = (np.triu_indices(k, 1) for k in (n_image, n_text))
        more_image, more_text = slice(1 + n_image, None), slice(1 + n_text, None)
        pairs = np.zeros((n, n))
        pairs[:n_image, n_image:] = theta[image, text] / s**2 if self.order > 1 else np.nan
        pairs[:n_image, :n_image][within_image] = theta[more_image, 0] / s**2 if self.cells[2, 0] else np.nan
        pairs[n_image:, n_image:][within_text] = theta[0, more_text] / s**2 if self.cells[0, 2] else np.nan
        third = None
        if self.order == 3:
            both = theta[image, more_text] / s**3, theta[more_image, text].T / s**3
            third = ThirdOrder(
                symmetric(both[0], n_text), symmetric(both[1], n_image).transpose(1, 2, 0) if self.within else None
            )
        main = np.concatenate([theta[image, 0], theta[0, text]]) / s
        return Effects(theta[0, 0], main, pairs + pairs.T, third)

    def deviations(
        self, image: TowerFit, text: TowerFit, whole_image: np.ndarray, whole_text: np.ndarray
    ) -> Iterable[np.ndarray] | None:
        """Compute deviations of theta whose squares add up to its variances: each tower deviates, the other one stays.

        `whole_image` and `whole_text` are the coefficients of the towers. None where a tower has no standard errors.
        """
        of_image = image.errors(whole_text, self.ridge, self._reach(self.cells, self.n_text, len(whole_text)))
        of_text = text.errors(whole_image, self.ridge, self._reach(self.cells.T, self.n_image, len(whole_image)))
        if of_image is None or of_text is None:
            return None
        return (self.cut(self.scale * part) for part in chain(of_image, (part.T for part in of_text)))

    @staticmethod
    def _reach(cells: np.ndarray, n: int, features: int) -> list[int]:
        """Count the features of a tower of n players, from the first, that each order of the other tower meets."""
        return [max((f for f, met in zip((1, 1 + n, features), row, strict=True) if met), default=0) for row in cells]

    def standard_errors(self, deviations: Iterable[np.ndarray] | None) -> StandardErrors | None:
        """Compute the standard errors of the effects from the `deviations` of theta; None without deviations."""
        if deviations is None:
            return None
        total = [0 * part for part in self.effects(np.zeros(self.terms)).estimated]
        for theta in deviations:
            total = [t + part**2 for t, part in zip(total, self.effects(theta).estimated, strict=True)]
        return roots(total)

    def r2(self, image: TowerFit, text: TowerFit) -> float:
        """Compute the share of the variance of the game that the surrogate explains on masks left out of the fit.

        With parts F_a of the embeddings of an image and G_b of those of a text, as predicted without its mask, the
        surrogate misses ``scale * (<F, G> - sum_ab <F_a, G_b>)`` over its terms ab, and all sums over the grid
        factorise: ``sum <F_a, G_b> <F_c, G_d> = <sum F_a F_c', sum G_b G_d'>``. NaN for a constant game.
        """
        sign = np.zeros((4, 4))
        sign[0, 0], sign[1:, 1:] = 1.0, -1.0 * self.cells
        of_image, of_text = image.predictions(self.ridge), text.predictions(self.ridge)
        terms = [(a, b, sign[a, b]) for a, b in zip(*np.nonzero(sign), strict=True)]
        missed = sum(s * t * np.vdot(of_image[a, c], of_text[b, d]) for a, b, s in terms for c, d, t in terms)
        square = float(np.vdot(image.second, text.second))
        variance = square - float(image.average @ text.average) ** 2
        if not self.scale or variance <= 1e-12 * max(square, 1e-300):
            return float("nan")
        return float(1 - max(missed, 0.0) / variance)


def symmetric(pairs: np.ndarray, n: int) -> np.ndarray:
    """Put values of the pairs of n players, [k, n (n - 1) / 2], in symmetric matrices, [k, n, n]."""
    out = np.zeros((len(pairs), n, n))
    out[:, *np.triu_indices(n, 1)] = pairs
    return out + out.transpose(0, 2, 1)


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
