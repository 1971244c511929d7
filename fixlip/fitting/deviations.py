"""Draws of what the posterior of a Gaussian process misses, for standard errors.

What does not depend on the directions in which errors are asked for is kept: captions of one picture share it.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from fixlip.fitting.gaussian_process import GaussianProcess
from fixlip.runtime.threads import in_one_thread

TRUST = 0.5  # share of the variance of other families that is as their prior says
FEW = 2048  # terms, for which their mean is computed for every row once, where there are as many rows
KEPT = 2**24  # numbers of a kind that are kept, 128 MB


class Deviations:
    """Draws of what the posterior means of a process miss.

    Args:
        process: the process.
    """

    def __init__(self, process: GaussianProcess) -> None:
        self.process, self._kept = process, dict[Any, Any]()

    def __len__(self) -> int:
        return len(self.process)

    @in_one_thread
    def draw(self, families: Mapping[int, int], along: np.ndarray, number: int) -> list[np.ndarray]:
        """Draw what the posterior means of families miss along directions [k, D] -> [<= k, t, number] each.

        Each family comes with the number of the directions, the first ones, along which it is drawn.

        Each draw is the error of the posterior mean for a draw of these families from the prior (Matheron's rule), seen
        through what else there is. Half of the variance of all other families is drawn from their prior, too; the rest
        is a noise that assumes nothing: the error of each row when it is left out of the fit, less what was drawn
        otherwise, with a random sign and size (wild bootstrap). Where the residual shows more along a direction than
        the prior expects, in a part of the prior or in a single term, that part or term is drawn larger: its variance
        by ``(1 + found) / (1 + expected)``, ``found = |root' Q g|^2 / g' B g`` and expected its mean under the prior.

        Source: Wu, Jackknife, Bootstrap and Other Resampling Methods in Regression Analysis, 1986 (the bootstrap).
        """
        process, k = self.process, max(families.values(), default=0)
        along = along[:k]
        across, dual = _spread_along(process.spread, along), process.dual @ along.T
        unit = np.maximum(np.square(across).sum(1), 1e-300)
        left_out = dual / np.diagonal(process.inverse)[:, None]
        signs = np.random.default_rng(0).normal(size=(len(dual), number))
        out, missed, trust = (dict[int, Any]() for _ in range(3))
        for f, some in families.items():
            out[f] = np.zeros((some, len(process.families[f].players), number))
            trust[f] = [1.0 if g == f else TRUST for g in range(len(process.families))]
            drawn_otherwise = sum(t * leverage for t, leverage in zip(trust[f], process.leverage, strict=True))
            own = np.sqrt(np.maximum(1 - drawn_otherwise, 0.0))[:, None] * left_out[:, :some]
            missed[f] = np.stack([self._seen(f) @ (signs * g[:, None]) for g in own.T])
        for place, part in enumerate(process.parts):
            shown = [(np.square(piece.T @ dual) / unit, np.square(piece).sum(0)) for piece in self._root(place)]
            found, weight = map(np.concatenate, zip(*shown, strict=True))
            expected = part.expected * weight[:, None] / max(weight.sum(), 1e-300)
            growth = np.maximum((1 + found.sum(0)) / (1 + part.expected), (1 + found) / (1 + expected))
            size = np.sqrt(np.maximum(growth, 1.0)).T[:, :, None]
            drawn = (across @ self._normal(place, across.shape[1], len(found) * number)).reshape(k, len(found), number)
            drawn *= size
            for f, some in families.items():
                start, share = 0, np.sqrt(trust[f][part.family])
                for piece in self._seen_root(f, place):
                    missed[f] += share * (piece @ drawn[:some, start : start + piece.shape[1]])
                    start += piece.shape[1]
                if f == part.family:
                    out[f] += _of_columns(part.terms, drawn[:some])
        for f, rows in missed.items():
            out[f] -= rows if self._few(f) else _of_columns(partial(process.mean, f), rows)
        return [*out.values()]

    def _few(self, family: int) -> bool:
        return len(self.process.families[family].players) <= min(FEW, len(self))

    def _seen(self, family: int) -> np.ndarray:
        """Return what the mean of a family sees of the rows, [t, m]; for many terms what its dual sees, [m, m]."""
        inverse = self.process.inverse
        if not self._few(family):
            return inverse
        [seen] = self._once(("seen", family), FEW * len(self), lambda: [self.process.mean(family, inverse)])
        return seen

    def _root(self, place: int) -> Iterable[np.ndarray]:
        """The root of a part's covariance of the rows, [m, r], in pieces of columns."""
        return self._once(("root", place), self._size(place), self.process.parts[place].rows)

    def _seen_root(self, family: int, place: int) -> Iterable[np.ndarray]:
        """Return what the mean of a family sees of it, in the same pieces."""
        name, size = ("seen", family, place), self._size(place)
        return self._once(name, size, lambda: (self._seen(family) @ piece for piece in self._root(place)))

    def _size(self, place: int) -> int:
        """The most numbers that a part's root can have."""
        return len(self) * len(self.process.families[self.process.parts[place].family].players)

    def _normal(self, place: int, rank: int, number: int) -> np.ndarray:
        """Standard normal numbers for a part, [rank, number]; a lower rank has the first of those of a higher one."""
        known: np.ndarray = self._kept.get(place, np.zeros((0, number)))
        rng = [np.random.default_rng([0, 1 + place, row]) for row in range(len(known), rank)]
        if not rng:
            return known[:rank]
        normal = np.stack([*known, *(one.normal(size=number) for one in rng)])
        if normal.size <= KEPT:
            self._kept[place] = normal
        return normal

    def _once(self, name: Any, size: int, make: Callable[[], Iterable[np.ndarray]]) -> Iterable[np.ndarray]:
        """Arrays that are made once, if all of them are small enough to be kept."""
        if size > KEPT:
            return make()
        if name not in self._kept:
            self._kept[name] = [*make()]
        kept: list[np.ndarray] = self._kept[name]
        return kept


def surprises(process: GaussianProcess, variance: np.ndarray, along: np.ndarray, number: int) -> np.ndarray:
    """Draw deviations of terms, [k, t, number], along directions [k, D], from what other rows miss of predictions.

    `variance` [t] is that of the terms in units of the variance of what is missed.
    """
    across, size = _spread_along(process.spread, along), len(variance) * number
    normal = np.random.default_rng(1).normal(size=(across.shape[1], size))
    drawn: np.ndarray = (across @ normal).reshape(len(along), len(variance), number)
    drawn *= np.sqrt(np.mean(1 / np.diagonal(process.inverse)) * variance)[:, None]
    return drawn


def _of_columns(function: Callable[[np.ndarray], np.ndarray], drawn: np.ndarray) -> np.ndarray:
    """Apply a function of columns, [r, c] -> [t, c], to draws, [k, r, number] -> [k, t, number]."""
    k, r, number = drawn.shape
    columns = function(np.moveaxis(drawn, 0, 1).reshape(r, -1))
    return np.moveaxis(columns.reshape(len(columns), k, number), 1, 0)


def _spread_along(spread: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Compute a root of the covariance along directions [k, D], ``along spread along' = root root'``, [k, <= D]."""
    k, dimension = along.shape
    return _root(along @ spread @ along.T) if k <= dimension else along @ _root(spread)


def _root(covariance: np.ndarray) -> np.ndarray:
    """Compute the lower triangular root of a covariance matrix; eigenvalues that rounding made negative count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    upper: np.ndarray = np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0.0))).T, mode="r")  # type: ignore[assignment]
    signs = np.where(np.diagonal(upper) < 0, -1.0, 1.0)
    lower: np.ndarray = upper.T * signs
    return lower
