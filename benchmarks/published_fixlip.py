"""FIxLIP as published, done plainly: an opponent, and an oracle.

Baniecki et al., NeurIPS 2025: each mask of both towers is encoded once, the game's values on the whole grid
of masks and a design matrix of all terms are written out, and a weighted least-squares problem is solved by its normal
equations in float64. Departure: the weights of the masks are right; those of the published code are so for p = 0.5,
the only p that is done here.
"""

from typing import NamedTuple

import numpy as np

from benchmarks.clock import timed
from fixlip.fitting.surrogate import Effects
from fixlip.games.base import SeparableGame


class Drawn(NamedTuple):
    """Masks [m, n] of one tower, and their weights [m], summing to 1."""

    masks: np.ndarray
    weights: np.ndarray


class Dense(NamedTuple):
    """The effects, the size of the regression, and the seconds of everything but the encoders."""

    effects: Effects
    values: int
    terms: int
    solve: float


def given(masks: np.ndarray) -> Drawn:
    """Masks that somebody else drew with like weights, repeats put together."""
    distinct, counts = np.unique(masks, axis=0, return_counts=True)
    return Drawn(distinct, counts / counts.sum())


def explain(game: SeparableGame, image: Drawn, text: Drawn, *, within: bool = True) -> Dense:
    """The second-order surrogate of a game on a grid of masks.

    Args:
        game: of two towers.
        image, text: masks of each.
        within: pairs inside each modality too, not only those across.
    """
    u = _batches(game.image_embeddings, image.masks, game.batch_size)
    w = _batches(game.text_embeddings, text.masks, game.batch_size)
    values = (game.scale * u @ w.T + game.bias).ravel()
    seconds, (effects, terms) = timed(lambda: fit(game.n_image, image, text, values, within))
    return Dense(effects, len(values), terms, seconds)


def fit(n_image: int, image: Drawn, text: Drawn, values: np.ndarray, within: bool) -> tuple[Effects, int]:
    """The effects that the values [m_image * m_text] have, and the number of terms of the regression."""
    m, n = len(text.masks), n_image + text.masks.shape[1]
    masks = np.concatenate([image.masks.repeat(m, axis=0), np.tile(text.masks, (len(image.masks), 1))], axis=1)
    weights = np.outer(image.weights, text.weights).ravel()
    i, j = np.triu_indices(n, 1)
    if not within:
        across = (i < n_image) & (j >= n_image)
        i, j = i[across], j[across]
    matrix = np.empty((len(masks), 1 + n + len(i)), order="F")
    matrix[:, 0] = 1.0
    matrix[:, 1 : 1 + n] = masks
    for column, (a, b) in enumerate(zip(i, j, strict=True), 1 + n):
        np.logical_and(masks[:, a], masks[:, b], out=matrix[:, column], casting="unsafe")
    coefficients = solve(matrix, weights, values)
    pairs = np.zeros((n, n)) if within else np.where(np.eye(n, dtype=bool), 0.0, np.nan)
    pairs[i, j] = pairs[j, i] = coefficients[1 + n :]
    return Effects(np.asarray(coefficients[0]), coefficients[1 : 1 + n], pairs), matrix.shape[1]


def solve(matrix: np.ndarray, weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weighted least squares: normal equations, or the pseudo-inverse where they are singular."""
    weighted = weights[:, None] * matrix
    try:
        return np.linalg.solve(matrix.T @ weighted, weighted.T @ values)
    except np.linalg.LinAlgError:
        root = np.sqrt(weights)
        return np.linalg.lstsq(root[:, None] * matrix, root * values, rcond=None)[0]


def _batches(embed, masks: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([embed(masks[start : start + size]) for start in range(0, len(masks), size)])
