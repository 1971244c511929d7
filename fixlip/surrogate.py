"""Second-order surrogates under a product measure, from the moments of the two towers.

With chi_i = (x_i - p) / s, s^2 = p (1 - p), the coefficients of the towers are combined once,
``theta = scale * F G' (+ bias)``, one number for each product of an image and a text feature. Everything else is linear
in theta: the effects of players, their standard errors, the fit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from fixlip.explanation import StandardErrors
from fixlip.moments import TowerMoments, n_features


class Effects(NamedTuple):
    """Order 0; order 1, [n]; order 2, [n, n], symmetric with zero diagonal, NaN where not part of the surrogate."""

    baseline: np.ndarray
    first_order: np.ndarray
    second_order: np.ndarray


@dataclass(frozen=True)
class Surrogate:
    """Which terms a surrogate has, and how its coefficients become effects of players.

    Attributes:
        n_image, n_text: players.
        p: probability of each player to be present.
        scale, bias: of the game.
        order: 1, or 2 with all pairs of an image and a text player.
        within: also the pairs inside each modality.
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
        """For each term of the surrogate, which feature of the image and of the text mask it is the product of."""
        image, text = self.terms
        grid = np.zeros((image, text), dtype=bool)
        grid[:, 0] = grid[0] = True
        if self.order == 2:
            grid[: 1 + self.n_image, : 1 + self.n_text] = True
        return np.nonzero(grid)  # type: ignore[return-value]

    def place(self, coefficients: np.ndarray) -> np.ndarray:
        """Coefficients of the terms, [terms] in the order of `positions` -> [f_I, f_T]."""
        theta = np.zeros(self.terms)
        theta[self.positions()] = coefficients
        return theta

    def theta(self, image: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Coefficients of the game on products of features, [f_I, f_T], from those of the towers; 0 beyond order."""
        theta = self.scale * image @ text.T
        theta[0, 0] += self.bias
        theta[1 + self.n_image :, 1:] = theta[1:, 1 + self.n_text :] = 0.0
        if self.order == 1:
            theta[1:, 1:] = 0.0
        return theta

    def effects(self, theta: np.ndarray) -> Effects:
        """``e_ij = c_ij / s^2``, ``e_i = c_i / s - p sum_j e_ij``, and the constant that is left."""
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

    def standard_errors(
        self, image: TowerMoments, text: TowerMoments, whole_image: np.ndarray, whole_text: np.ndarray
    ) -> StandardErrors | None:
        """Jackknife over the draws of each tower with the other one as it is; the two variances add up.

        `whole_image` and `whole_text` are the coefficients of the towers from all draws. None where a group of draws
        cannot be left out without the terms becoming undetermined.
        """
        total = Effects(*(0 * part for part in self.effects(self.theta(whole_image, whole_text))))

        def left_out() -> Iterator[tuple[TowerMoments, list[np.ndarray]]]:
            yield image, [self.theta(part, whole_text) for part in image.jackknife(self.ridge)]
            yield text, [self.theta(whole_image, part) for part in text.jackknife(self.ridge)]

        for moments, thetas in left_out():
            if moments.exact:
                continue
            if len(thetas) < moments.groups:
                return None
            parts = zip(*(self.effects(theta) for theta in thetas), strict=True)
            factor = moments.spare * (moments.groups - 1)
            total = Effects(*(t + factor * np.var(part, axis=0) for t, part in zip(total, parts, strict=True)))
        baseline, first, second = (np.sqrt(part) for part in total)
        return StandardErrors(float(baseline), first, second)

    def r2(self, image: TowerMoments, text: TowerMoments, theta: np.ndarray) -> float:
        """Share of the variance of the game on the grid of masks that the surrogate explains, adjusted for its terms.

        All sums over the grid factorise: with A = sum w phi phi', B = sum w phi F', M = sum w F F' of each tower,
        ``sum v^2 = scale^2 tr(M_I M_T) + ...``, ``sum v vhat = <theta, scale B_I B_T' + ...>``,
        ``sum vhat^2 = tr(theta' A_I theta A_T)``. NaN for a constant game.
        """
        gram_image, gram_text = image.gram.sum(0), text.gram.sum(0)
        rhs_image, rhs_text = image.rhs.sum(0), text.rhs.sum(0)
        mean = self.scale * rhs_image[0] @ rhs_text[0]
        square = self.scale**2 * np.sum(image.second * text.second) + 2 * self.bias * mean + self.bias**2
        product = self.scale * rhs_image @ rhs_text.T + self.bias * np.outer(gram_image[0], gram_text[0])
        residual = square - 2 * np.sum(theta * product) + np.sum((gram_image @ theta @ gram_text) * theta)
        variance = square - (mean + self.bias) ** 2
        if variance <= 1e-12 * max(square, 1e-300):
            return float("nan")
        return float(1 - max(residual, 0.0) / max(image.freedom * text.freedom, 1e-12) / variance)


def remarks(
    cross: np.ndarray, stderr: StandardErrors | None, r2: float | None, masks: int, word: str = "image_masks"
) -> list[str]:
    """What to know before trusting the interactions of a sampled surrogate, with the remedy.

    Args:
        cross: [n_image, n_text], stderr, r2 (None where it is not defined): what was found.
        masks: that were spent, given as `word`.
    """
    found, more = [], f"give {word}={2 * masks} or more"
    if stderr is None:
        found.append(f"too few masks for standard errors; {more}")
    else:
        n_image = len(cross)
        signal, noise = np.nansum(cross**2), np.nansum(stderr.second_order[:n_image, n_image:] ** 2)
        if noise > 0.2 * signal:
            found.append(f"noise is {noise / signal:.0%} of the variance of the interactions; {more}")
    if r2 is not None and np.isnan(r2):
        found.append("the similarity does not depend on which players are present")
    elif r2 is not None and r2 < 0.5:
        found.append(f"the effects explain only {max(r2, 0):.0%} of how the similarity varies; read them as averages")
    return found
