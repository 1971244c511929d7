"""The variance of a similarity by orders: how much of it single players, pairs and more players make together.

With F_A the coefficients of the image tower and G_B those of the text tower, the variance of the game is the sum of
``c_AB^2 = scale^2 <F_A, G_B>^2`` over all A and B that are not both empty. So the part with A of order a and B of order
b is ``scale^2 <S_a, T_b>``, with ``S_a = sum of F_A F_A'`` over the A of order a and T_b likewise. All orders together
are the second moments of the embeddings.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fixlip.results.spectrum import Spectrum

Spread = Callable[[int, np.ndarray], float]


@dataclass(frozen=True, eq=False)
class Powers:
    """Second moments of the coefficients of one tower, by order.

    Attributes:
        by_order: S_a for a = 0, 1, ..., [D, D] each, less what noise adds to them.
        total: second moment of the embeddings, [D, D], which is the sum of S_a over all orders.
        spread: order a and T [D, D] -> variance of the estimate of <S_a, T>.
        unit: mean square norm of the embeddings; all of the above is for embeddings divided by its root.
    """

    by_order: tuple[np.ndarray, ...]
    total: np.ndarray
    spread: Spread
    unit: float

    @classmethod
    def of(cls, by_order: Iterable[np.ndarray], total: np.ndarray, spread: Spread) -> "Powers":
        """Divide what is in squares of the embeddings by their mean square; `spread` has it divided already."""
        unit = unit_of(total)
        return cls(tuple(part / unit for part in by_order), total / unit, spread, unit)


def unit_of(total: np.ndarray) -> float:
    """Return the mean square norm of embeddings from their second moment, [D, D]."""
    return max(float(np.trace(total)), 1e-300)


def certain(order: int, along: np.ndarray) -> float:
    """Return 0, the variance of what was enumerated."""
    return 0.0


def spectrum(towers: Sequence[Powers], scale: float) -> Spectrum | None:
    """Combine those of the image and of the text tower; None for a game that is constant.

    A part's standard error is that of its estimate, and in quadrature half of what the higher orders of a sampled tower
    hold with the same order of the other one: some of that may pass for a lower order.
    """
    image, text = towers
    parts = np.array([[np.vdot(S, T) for T in text.by_order] for S in image.by_order])
    squares = np.zeros(parts.shape)
    for a, S in enumerate(image.by_order):
        for b, T in enumerate(text.by_order):
            squares[a, b] = image.spread(a, T) + text.spread(b, S)
    beyond_image = np.array([np.vdot(image.total, T) for T in text.by_order]) - parts.sum(0)
    beyond_text = np.array([np.vdot(S, text.total) for S in image.by_order]) - parts.sum(1)
    squares += np.square(np.maximum(beyond_image, 0.0) / 2) + np.square(np.maximum(beyond_text, 0.0) / 2)[:, None]
    whole, mean = float(np.vdot(image.total, text.total)), float(parts[0, 0])
    if not scale or whole - mean <= 1e-12 * abs(whole):
        return None
    parts[0, 0] = squares[0, 0] = 0.0
    unit = scale**2 * image.unit * text.unit
    return Spectrum(unit * parts, unit * np.sqrt(squares), unit * (whole - mean))
