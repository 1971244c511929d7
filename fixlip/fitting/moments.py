"""Least squares for one tower: moments of its features and embeddings, streamed over the masks of a design.

With chi_i = (x_i - p) / sqrt(p (1 - p)) the features of a tower are 1, chi_i, and at order 2 also chi_i chi_j. They are
orthonormal under the product measure, so the Gram matrix is close to the identity and the solve is well conditioned.
Everything is float64 and of a size that does not depend on the number of masks.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fixlip.errors import BudgetError
from fixlip.fitting.powers import Powers, certain, unit_of
from fixlip.fitting.sampling import Design

Embed = Callable[[np.ndarray], np.ndarray]
Reach = Sequence[int] | None  # directions, the first ones, that features of order 0, 1 and 2 are needed along; or all
KEPT = 2**24  # numbers: of the embeddings of all masks, or of the moments of all orders
GROUPS = {1: 32, 2: 10}  # groups of draws for the jackknife, by order of the features; each keeps its own moments


def n_features(n: int, order: int) -> int:
    """Return the number of features of n players: 1 + n, or 1 + n + n (n - 1) / 2."""
    return 1 + n if order == 1 else 1 + n + n * (n - 1) // 2


def features(masks: np.ndarray, p: float, order: int) -> np.ndarray:
    """Compute the centred features of boolean masks, [B, n] -> [B, f]: 1, chi_i, and at order 2 chi_i chi_j, i < j."""
    chi = (masks - p) / np.sqrt(p * (1 - p))
    columns = [np.ones((len(masks), 1)), chi]
    if order == 2:
        i, j = np.triu_indices(masks.shape[1], 1)
        columns.append(chi[:, i] * chi[:, j])
    return np.concatenate(columns, axis=1)


@dataclass(frozen=True, eq=False)
class TowerMoments:
    """Weighted moments of features phi and embeddings F of one tower, in groups of masks.

    Attributes:
        weight: [K + 1], sum of w; the last group holds the enumerated masks.
        gram: [K + 1, f, f], sum of w phi phi'.
        rhs: [K + 1, f, D], sum of w phi F'.
        second: [D, D], sum of w F F' over all groups.
        spare: [f], share of the draws that is left when each term has used up one; 1 for an exact design. A pair of
            complements is one draw for the features that change sign in it, and another for those that do not.
        freedom: that of the design; see `fixlip.fitting.sampling.Design`.
        unseen: mean share of the variance that is left since no draw is repeated.
        exact: whether the design was exact.
        order: order of the features, 1 or 2.
        by_order: for an exact design of few masks, the second moments of the coefficients of each order, [n + 1, D, D].
    """

    weight: np.ndarray
    gram: np.ndarray
    rhs: np.ndarray
    second: np.ndarray
    spare: np.ndarray
    freedom: float
    unseen: float
    exact: bool
    order: int
    by_order: np.ndarray | None = None

    @property
    def groups(self) -> int:
        """Number of groups of draws."""
        return len(self.weight) - 1

    def coefficients(self, ridge: float = 0.0) -> np.ndarray:
        """Compute the least-squares coefficients of F on phi, [f, D]; `ridge` shrinks all but the constant.

        Raises:
            BudgetError: the masks do not determine them.
        """
        return solve(self.gram.sum(0), self.rhs.sum(0), ridge)

    def errors(self, along: np.ndarray, ridge: float = 0.0, reach: Reach = None) -> list[np.ndarray] | None:
        """Compute deviations of the coefficients along k directions, whose squares add up to the jackknife variances.

        Args:
            along: [k, D], the directions.
            ridge: as for `coefficients`.
            reach: not used; deviations are along all directions.

        Returns:
            A list of arrays [f, k], empty for an exact design; None where the terms need every group.
        """
        parts = [part @ along.T for part in self.jackknife(ridge)]
        if len(parts) < self.groups or self.groups == 1:
            return None
        mean = sum(parts) / max(self.groups, 1)
        factor = np.sqrt(self.unseen * self.spare * max(self.groups - 1, 0) / max(self.groups, 1))[:, None]
        return [factor * (part - mean) for part in parts]

    @property
    def powers(self) -> Powers:
        """Second moments of the coefficients by order, less what the jackknife says of their variances."""
        if self.by_order is not None:
            return Powers.of(self.by_order, self.second, certain)
        theta, moves = self.coefficients(), self.errors(np.eye(self.second.shape[0])) or []
        unit = unit_of(self.second)
        orders = self._orders[: self.order + 1]
        by_order = [theta[o].T @ theta[o] - sum(move[o].T @ move[o] for move in moves) for o in orders]

        def spread(order: int, along: np.ndarray) -> float:
            rows = theta[orders[order]] @ along / unit
            return float(sum(np.square(2 * np.vdot(rows, move[orders[order]])) for move in moves))

        return Powers.of(by_order, self.second, spread)

    @property
    def _orders(self) -> tuple[slice, slice, slice]:
        """The features of order 0, 1 and 2."""
        f = self.gram.shape[1]
        n = f - 1 if self.order == 1 else (round((8 * f - 7) ** 0.5) - 1) // 2
        return slice(0, 1), slice(1, 1 + n), slice(1 + n, None)

    @property
    def average(self) -> np.ndarray:
        """Weighted sum of F, [D]."""
        average: np.ndarray = self.rhs[:, 0].sum(0)
        return average

    def predictions(self, ridge: float = 0.0) -> np.ndarray:
        """Compute second moments of F and of its parts by order; see `fixlip.fitting.surrogate.TowerFit`.

        The embeddings are not kept: what the fit leaves over is taken larger by 1 / `freedom`, as it is on average on
        masks that are left out.
        """
        gram, rhs, theta = self.gram.sum(0), self.rhs.sum(0), self.coefficients(ridge)
        orders, dim = self._orders, rhs.shape[1]
        out = np.zeros((4, 4, dim, dim))
        for a, one in enumerate(orders, 1):
            for b, other in enumerate(orders, 1):
                out[a, b] = theta[one].T @ gram[one, other] @ theta[other]
            fitted, left = theta.T @ gram[:, one] @ theta[one], rhs[one].T @ theta[one]
            out[0, a] = fitted + (left - fitted) / max(self.freedom, 1e-12)
            out[a, 0] = out[0, a].T
        fitted, product = theta.T @ gram @ theta, rhs.T @ theta
        cross, square = product - fitted, self.second - product - product.T + fitted
        free = max(self.freedom, 1e-12)
        out[0, 0] = fitted + (cross + cross.T) / free + square / free**2
        return out

    def jackknife(self, ridge: float = 0.0) -> Iterator[np.ndarray]:
        """Yield the coefficients with one group of draws left out at a time, as long as the rest determines them."""
        if self.groups < 2:
            return
        drawn = slice(None, -1)
        mass, gram, rhs = self.weight[drawn].sum(), self.gram[drawn].sum(0), self.rhs[drawn].sum(0)
        for weight, g, b in zip(self.weight[drawn], self.gram[drawn], self.rhs[drawn], strict=True):
            rest = mass / (mass - weight)
            try:
                yield solve(self.gram[-1] + rest * (gram - g), self.rhs[-1] + rest * (rhs - b), ridge)
            except BudgetError:
                return


def tower_moments(embed: Embed, design: Design, *, p: float, order: int, batch_size: int) -> TowerMoments:
    """Encode the masks of a design in batches, and sum up their moments.

    Args:
        embed: masks [B, n] -> embeddings [B, D].
        design: masks and weights.
        p: probability of each player to be present.
        order: order of the features, 1 or 2.
        batch_size: number of masks for one call of `embed`.
    """
    n = design.masks.shape[1]
    f = n_features(n, order)
    groups = 0 if design.exact else min(GROUPS[order], design.n_units)
    group = np.where(design.units < 0, groups, design.units % max(groups, 1))
    weight, gram, rhs, second = np.zeros(groups + 1), np.zeros((groups + 1, f, f)), np.zeros(0), np.zeros(0)
    size, kept = np.zeros(2), []
    for start in range(0, len(design.masks), batch_size):
        batch = slice(start, start + batch_size)
        masks, w = design.masks[batch], design.weights[batch]
        embeddings = embed(masks)
        dim = embeddings.shape[1]
        if not rhs.size:
            rhs, second = np.zeros((groups + 1, f, dim)), np.zeros((dim, dim))
        if design.exact and dim * max(len(design.masks), (n + 1) * dim) <= KEPT:
            kept.append(embeddings)
        phi = features(masks, p, order)
        second += (embeddings * w[:, None]).T @ embeddings
        share = np.square(phi).sum(1) * w**2 * (design.units[batch] >= 0)
        size += share.sum(), share @ design.unseen[batch]
        for g in np.unique(group[batch]):
            rows = group[batch] == g
            weighted = phi[rows] * w[rows, None]
            weight[g] += w[rows].sum()
            gram[g] += weighted.T @ phi[rows]
            rhs[g] += weighted.T @ embeddings[rows]
    odd = (np.arange(f) > 0) & (np.arange(f) <= n)
    used = np.full(f, np.trace(gram[:-1].sum(0)) / max(len(design.masks) - int((design.units < 0).sum()), 1))
    if design.kind == "paired":
        used = np.where(odd, odd.sum(), f - odd.sum()) / design.n_units
    spare = np.maximum(0.0, 1 - used)
    by_order = moments_by_order(np.concatenate(kept), p) if kept else None
    unseen = size[1] / max(size[0], 1e-300)
    return TowerMoments(weight, gram, rhs, second, spare, design.freedom(f), unseen, design.exact, order, by_order)


def moments_by_order(embeddings: np.ndarray, p: float) -> np.ndarray:
    """Compute the second moments of the coefficients of each order, [n + 1, D, D], from all 2^n masks."""
    values, size = coefficients(embeddings, p), sizes(embeddings)
    return np.stack([values[size == a].T @ values[size == a] for a in range(size[-1] + 1)])


def sizes(values: np.ndarray) -> np.ndarray:
    """Count the players in each mask, [2^n]."""
    counts = np.zeros(1, dtype=int)
    while len(counts) < len(values):
        counts = np.concatenate([counts, counts + 1])
    return counts


def coefficients(values: np.ndarray, p: float) -> np.ndarray:
    """Transform the values of all masks, [2^n, D], to coefficients on products of features; player i is bit i."""
    s, width = float(np.sqrt(p * (1 - p))), 1
    while width < len(values):
        without, with_ = values.reshape(-1, 2, width, values.shape[1]).transpose(1, 0, 2, 3)
        halves = (1 - p) * without + p * with_, s * (with_ - without)  # the mean over a player, and its feature's part
        values, width = np.stack(halves, axis=1).reshape(values.shape), 2 * width
    return values


def solve(gram: np.ndarray, rhs: np.ndarray, ridge: float) -> np.ndarray:
    """Solve the normal equations, with a penalty on all but the constant.

    Args:
        gram: [k, k]; the first row and column are those of the constant.
        rhs: [k] or [k, D].
        ridge: penalty, in units of `gram[0, 0]`.

    Raises:
        BudgetError: the equations are singular.
    """
    from scipy.linalg import cho_solve

    penalty = ridge * gram[0, 0] * np.eye(len(gram))
    penalty[0, 0] = 0.0
    factor = cholesky(gram + penalty, "give more masks, or a penalty such as ridge=0.1")
    solution: np.ndarray = cho_solve(factor, rhs)
    return solution


def cholesky(gram: np.ndarray, remedy: str) -> tuple[np.ndarray, bool]:
    """Factor a Gram matrix, for `scipy.linalg.cho_solve`.

    Raises:
        BudgetError: the matrix is singular, or nearly so; the message ends with the remedy.
    """
    from scipy.linalg import cho_factor

    try:
        factor: tuple[np.ndarray, bool] = cho_factor(gram, lower=True)
        pivots = np.diagonal(factor[0]) ** 2
        determined = pivots.min() > 1e-11 * pivots.max()
    except np.linalg.LinAlgError:
        determined = False
    if not determined:
        raise BudgetError(f"The masks do not determine the {len(gram)} terms (the system is singular); {remedy}.")
    return factor
