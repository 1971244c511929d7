"""Least squares for a second-order surrogate: on any joint masks, streamed, or on the grid of the masks of two towers.

The terms are those of a `Surrogate`: products of a feature of the image mask and a feature of the text mask. On a grid
of image masks S and text masks T whose weights depend on T and S separately and on their sizes together,
``W(S, T) = w_S w_T K(|S|, |T|)``, a singular value decomposition of the small matrix K writes the sum over the grid as
a few sums that factorise into an image and a text part: neither the grid of values nor its design matrix is built.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from fixlip.errors import BudgetError
from fixlip.fitting.moments import cholesky, features
from fixlip.fitting.sampling import Design
from fixlip.fitting.surrogate import Effects, Surrogate, roots
from fixlip.results.provenance import StandardErrors

GROUPS = 32  # of draws, for standard errors
CHUNK = 1024  # rows of features at once
MOST_TERMS = 10_000  # a Gram matrix of 0.8 GB


@dataclass(frozen=True, eq=False)
class Fit:
    """The result of a regression: effects, standard errors (None where masks are too few), and the adjusted R2."""

    effects: Effects
    stderr: StandardErrors | None
    r2: float


class Regression:
    """The normal equations of a surrogate, optionally with exact values on the empty and on the full mask.

    Args:
        surrogate: the terms; its `p` centres the features.
        ends: values that the surrogate must take on the empty and on the full mask.

    Raises:
        BudgetError: there are more terms than one regression can solve for.
    """

    def __init__(self, surrogate: Surrogate, ends: tuple[float, float] | None = None) -> None:
        self.surrogate, self.ends = surrogate, ends
        self.image, self.text = surrogate.positions()
        terms = n_terms(surrogate)
        self.gram, self.rhs = np.zeros((terms, terms)), np.zeros(terms)

    def features(self, masks: np.ndarray) -> np.ndarray:
        """Compute the features of joint masks, [B, n] -> [B, terms]."""
        n, p, orders = self.surrogate.n_image, self.surrogate.p, self.surrogate.feature_orders
        image, text = features(masks[:, :n], p, orders[0]), features(masks[:, n:], p, orders[1])
        phi: np.ndarray = image[:, self.image] * text[:, self.text]
        return phi

    def add(self, phi: np.ndarray, weights: np.ndarray, values: np.ndarray) -> None:
        """Add rows of features [B, terms] with their weights and values [B]."""
        weighted = phi * weights[:, None]
        self.gram += weighted.T @ phi
        self.rhs += weighted.T @ values

    def add_grid(self, image: "GridSide", text: "GridSide") -> None:
        """Add a grid of image and text masks, from the sums of each tower.

        A term with a pair of image players has no text player, and the reverse. So the large Gram matrix of a tower is
        needed under one weighting only, that of the other tower's constant; products of a pair with single players need
        only its columns of order 0 and 1, under each of the k weightings.
        """
        terms = np.arange(len(self.rhs))
        of_image, of_text = terms[self.text == 0], terms[self.image == 0]
        crossed = terms[(self.image > 0) & (self.text > 0)]
        a, b = self.image[crossed], self.text[crossed]
        self.gram[np.ix_(of_text, of_text)], self.rhs[of_text] = text.gram, text.rhs
        self.gram[np.ix_(of_image, of_image)], self.rhs[of_image] = image.gram, image.rhs
        blocks: list[tuple[np.ndarray, np.ndarray, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = [
            (of_image[1:], of_text[1:], lambda x, y: np.outer(x[1:, 0], y[1:, 0])),
            (of_image[1:], crossed, lambda x, y: x[1:, a] * y[b, 0]),
            (of_text, crossed, lambda x, y: y[:, b] * x[a, 0]),
            (crossed, crossed, lambda x, y: x[np.ix_(a, a)] * y[np.ix_(b, b)]),
        ]
        for rows, columns, product in blocks:
            block = sum((product(x, y) for x, y in zip(image.low, text.low, strict=True)), start=np.zeros(()))
            self.gram[np.ix_(rows, columns)] = block
            self.gram[np.ix_(columns, rows)] = block.T
        s, constants = self.surrogate, np.sum(image.low[:, a, 0] * text.low[:, b, 0], axis=0)
        self.rhs[crossed] = s.scale * np.einsum("kad,kad->a", image.right[:, a], text.right[:, b]) + s.bias * constants

    def solve(self) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
        """Return the coefficients [terms], and the linear map from errors of the right side [terms, k] to their errors.

        Raises:
            BudgetError: the masks do not determine the terms.
        """
        from scipy.linalg import cho_solve

        gram, rhs = self.gram, self.rhs
        rows, targets = np.zeros((0, len(rhs))), np.zeros(0)
        if self.ends:  # any weight will do, since the fit is exact there
            rows = self.features(np.repeat([[False], [True]], self.surrogate.n_image + self.surrogate.n_text, axis=1))
            targets, weight = np.array(self.ends), max(gram[0, 0], 1e-300)
            gram, rhs = gram + weight * rows.T @ rows, rhs + weight * targets @ rows
        factor = cholesky(gram, "give more masks")
        reach = cho_solve(factor, rows.T)

        def spread(error: np.ndarray) -> np.ndarray:
            free = cho_solve(factor, error)
            errors: np.ndarray = free - reach @ np.linalg.solve(rows @ reach, rows @ free) if self.ends else free
            return errors

        free = cho_solve(factor, rhs)
        if self.ends:
            free = free - reach @ np.linalg.solve(rows @ reach, rows @ free - targets)
        return free, spread


def n_terms(surrogate: Surrogate) -> int:
    """Return the number of terms of a surrogate.

    Raises:
        BudgetError: there are more terms than one regression can solve for.
    """
    terms = len(surrogate.positions()[0])
    if terms > MOST_TERMS:
        raise BudgetError(
            f"{surrogate.n_image} + {surrogate.n_text} players have {terms} terms, more than one regression can "
            f"solve for ({MOST_TERMS}). Take fewer players (image_players='grid:8', text_players='content'), or "
            "shapley-owen, or cross pairs of banzhaf, which need no joint regression."
        )
    return terms


def fit_joint(
    values: Callable[[np.ndarray], np.ndarray],
    design: Design,
    surrogate: Surrogate,
    ends: tuple[float, float] | None = None,
) -> Fit:
    """Fit the values of joint masks, streamed: memory holds the Gram matrix and the masks themselves.

    Args:
        values: joint masks [B, n] -> [B].
        design: joint masks and their weights.
        surrogate: the terms.
        ends: values that the fit must take on the empty and on the full mask.

    Raises:
        BudgetError: the masks do not determine the terms, or the terms are too many.
    """
    regression = Regression(surrogate, ends)
    chunks = [slice(start, start + CHUNK) for start in range(0, len(design.masks), CHUNK)]
    parts = []
    for chunk in chunks:
        parts.append(values(design.masks[chunk]))
        regression.add(regression.features(design.masks[chunk]), design.weights[chunk], parts[-1])
    theta, spread = regression.solve()
    groups = 0 if design.exact else min(GROUPS, design.n_units)
    group = np.where(design.units < 0, groups, design.units % max(groups, 1))
    scores, residual, mean, square = np.zeros((groups + 1, len(theta))), 0.0, 0.0, 0.0
    for chunk, v in zip(chunks, parts, strict=True):
        phi, w = regression.features(design.masks[chunk]), design.weights[chunk]
        error = v - phi @ theta
        np.add.at(scores, group[chunk], phi * (w * error * np.sqrt(design.unseen[chunk]))[:, None])
        residual, mean, square = residual + w @ error**2, mean + w @ v, square + w @ v**2
    errors = [spread(scores[:-1].T)] if not design.exact else []
    return _finish(surrogate, theta, errors, [(design, len(theta))], residual, mean, square, design.weights.sum())


def fit_grid(
    towers: tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]],
    designs: tuple[Design, Design],
    kernel: np.ndarray,
    surrogate: Surrogate,
    ends: tuple[float, float] | None = None,
) -> Fit:
    """Fit the grid of all image masks with all text masks, weighted ``w_S w_T K[|S|, |T|]``.

    Args:
        towers: two functions, masks -> embeddings of the image and of the text tower.
        designs: masks and weights w of each tower.
        kernel: K, [n_image + 1, n_text + 1].
        surrogate, ends: as in `fit_joint`.

    Raises:
        BudgetError: as `fit_joint`.
    """
    regression = Regression(surrogate, ends)
    left, singular, right = np.linalg.svd(kernel)
    kept = int((singular > 1e-13 * singular[0]).sum())
    of_size = left[:, :kept] * singular[:kept], right[:kept].T
    p, (order, _) = surrogate.p, surrogate.feature_orders
    embeddings = tuple(embed(d.masks) for embed, d in zip(towers, designs, strict=True))
    sizes = tuple(d.masks.sum(1) for d in designs)
    shares = [share[size] for share, size in zip(of_size, sizes, strict=True)]
    towers_of = list(zip(designs, shares, embeddings, strict=True))
    sides = [
        _side(partial(features, p=p, order=order), n, *tower, _mean(*other), surrogate)
        for n, tower, other in zip((surrogate.n_image, surrogate.n_text), towers_of, towers_of[::-1], strict=True)
    ]
    regression.add_grid(*sides)
    theta, spread = regression.solve()

    u, w = embeddings
    text_phi = features(designs[1].masks, p, order)
    drawn_text = text_phi * np.sqrt(designs[1].unseen)[:, None]
    place = surrogate.place(theta)
    groups = [0 if d.exact else min(GROUPS, d.n_units) for d in designs]
    group = [np.where(d.units < 0, k, d.units % max(k, 1)) for d, k in zip(designs, groups, strict=True)]
    scores = [np.zeros((k + 1, len(theta))) for k in groups]
    residual = mean = square = total = 0.0
    for rows in _batches(group[0]):
        weights = designs[0].weights[rows, None] * designs[1].weights * kernel[sizes[0][rows, None], sizes[1]]
        values = surrogate.scale * u[rows] @ w.T + surrogate.bias
        image_phi = features(designs[0].masks[rows], p, order)
        error = values - image_phi @ place @ text_phi.T
        weighted = image_phi.T @ (weights * error)
        if groups[0]:
            drawn = (np.sqrt(designs[0].unseen[rows]) * image_phi.T) @ (weights * error)
            scores[0][group[0][rows[0]]] += (drawn @ text_phi)[regression.image, regression.text]
        for g in range(groups[1]):
            of_group = group[1] == g
            scores[1][g] += (weighted[:, of_group] @ drawn_text[of_group])[regression.image, regression.text]
        residual, total = residual + np.sum(weights * error**2), total + weights.sum()
        mean, square = mean + np.sum(weights * values), square + np.sum(weights * values**2)
    errors = [spread(s[:-1].T) for s, d in zip(scores, designs, strict=True) if not d.exact]
    use = list(zip(designs, surrogate.terms, strict=True))
    return _finish(surrogate, theta, errors, use, residual, mean, square, total)


@dataclass(frozen=True, eq=False)
class GridSide:
    """Sums of one tower for a regression on a grid: f features, l of them of order 0 and 1, under k weightings.

    Attributes:
        gram: [f, f], Gram matrix under the weights that the constant of the other tower leaves.
        rhs: [f], right side of the same terms.
        low: [k, f, l], columns of the Gram matrix under each weighting.
        right: [k, l, D], weighted sums of features and embeddings.
    """

    gram: np.ndarray
    rhs: np.ndarray
    low: np.ndarray
    right: np.ndarray


def _mean(design: Design, shares: np.ndarray, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum the weights, [k], and the embeddings, [k, D], over the masks of one tower under k weightings."""
    weights = design.weights[:, None] * shares
    return weights.sum(0), weights.T @ embeddings


def _side(
    phi: Callable[[np.ndarray], np.ndarray],
    n: int,
    design: Design,
    shares: np.ndarray,
    embeddings: np.ndarray,
    other: tuple[np.ndarray, np.ndarray],
    surrogate: Surrogate,
) -> GridSide:
    """Sum up one tower; a mask weighs ``design.weights * shares[:, k]``, `other` is the mean of the other tower."""
    constant, mean = other
    single = design.weights * (shares @ constant)
    target = surrogate.scale * np.sum(shares * (embeddings @ mean.T), axis=1) + surrogate.bias * (shares @ constant)
    weights, low_terms = design.weights[:, None] * shares, 1 + n
    gram: np.ndarray | float = 0.0
    rhs, low, right = gram, gram, gram
    for start in range(0, len(design.masks), CHUNK):
        rows = slice(start, start + CHUNK)
        x = phi(design.masks[rows])
        weighted = weights[rows, :, None] * x[:, None, :low_terms]
        root = x * np.sqrt(np.maximum(single[rows], 0.0))[:, None]
        gram = gram + root.T @ root
        rhs = rhs + x.T @ (design.weights[rows] * target[rows])
        low = low + x.T @ weighted.reshape(len(x), -1)
        right = right + np.tensordot(weighted, embeddings[rows], (0, 0))
    low = np.moveaxis(np.reshape(low, (-1, shares.shape[1], low_terms)), 1, 0)
    return GridSide(gram, rhs, low, right)  # type: ignore[arg-type]


def _batches(group: np.ndarray) -> Iterator[np.ndarray]:
    """Yield indices of masks that belong to one group, at most `CHUNK` at once."""
    for g in np.unique(group):
        members = np.flatnonzero(group == g)
        yield from np.array_split(members, -(-len(members) // CHUNK))


def _finish(
    surrogate: Surrogate,
    theta: np.ndarray,
    errors: list[np.ndarray],
    use: list[tuple[Design, int]],
    residual: float,
    mean: float,
    square: float,
    total: float,
) -> Fit:
    """Compute effects, standard errors (infinitesimal jackknife over groups of draws) and the adjusted R2.

    `use` holds the design of each tower, or of joint masks, and the number of terms that it determines.
    """
    effects = surrogate.effects(surrogate.place(theta))
    sampled = [(design, terms) for design, terms in use if not design.exact]
    spare = float(np.prod([design.freedom(terms) for design, terms in sampled]))
    stderr: StandardErrors | None = None
    enough = all(design.used(terms) < 1 and design.n_units > 1 for design, terms in sampled)
    if enough:
        variance = [0 * part for part in effects.estimated]
        for error, (design, terms) in zip(errors, sampled, strict=True):
            k = error.shape[1]
            factor = k / (k - 1) / (1 - design.used(terms))
            parts = [surrogate.effects(surrogate.place(e)).estimated for e in (error - error.mean(1, keepdims=True)).T]
            added = [factor * np.sum(np.square(part), axis=0) for part in zip(*parts, strict=True)]
            variance = [v + a for v, a in zip(variance, added, strict=True)]
        stderr = roots(variance)
    spread = square - mean**2 / total
    constant = spread <= 1e-12 * max(square, 1e-300)
    r2 = float("nan") if constant else float(1 - max(residual, 0.0) / max(spare, 1e-12) / spread)
    return Fit(effects, stderr, r2)
