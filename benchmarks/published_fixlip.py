"""FIxLIP as published, done plainly: an opponent, and an oracle.

Baniecki et al., NeurIPS 2025: masks of both towers are drawn, each is encoded once, the game's values on the whole grid
of masks and a design matrix of all terms are written out, and a weighted least-squares problem is solved by its normal
equations in float64. Departure: the weights of the masks are right; those of the published code are so for p = 0.5,
the only p that is done here.
"""

from dataclasses import dataclass, field
from math import ceil, sqrt
from time import perf_counter

import numpy as np

from fixlip.fitting.surrogate import Effects
from fixlip.games.base import SeparableGame


@dataclass(frozen=True)
class Drawn:
    """Masks [m, n] of one tower, and their weights [m], summing to 1."""

    masks: np.ndarray
    weights: np.ndarray


@dataclass
class Dense:
    """The effects, and the seconds of each part."""

    effects: Effects
    values: int
    terms: int
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Seconds from masks to effects."""
        return sum(self.seconds.values())

    @property
    def solve(self) -> float:
        """Seconds of everything but the encoders."""
        return self.total - self.seconds["encoders"]


def split(budget: int, n_image: int, n_text: int) -> tuple[int, int]:
    """Masks of each tower for so many values.

    Example:
        >>> split(2**17, 49, 6), split(2**19, 49, 6)
        ((2912, 45), (8192, 64))
    """
    text = min(max(ceil(sqrt(budget) * n_text / n_image), 4), 2**n_text)
    return budget // text, text


def draw(n: int, m: int, rng: np.random.Generator) -> Drawn:
    """Distinct masks, m of them, at p = 0.5, weighted by how often they came; all 2^n where m covers them."""
    if m >= 2**n:
        every = (np.arange(2**n)[:, None] >> np.arange(n)) % 2 == 1
        return Drawn(every, np.full(2**n, 0.5**n))
    seen: dict[bytes, int] = {}
    while len(seen) < m:
        mask = (rng.random(n) < 0.5).tobytes()
        seen[mask] = seen.get(mask, 0) + 1
    counts = np.array(list(seen.values()), dtype=float)
    return Drawn(np.array([np.frombuffer(mask, dtype=bool) for mask in seen]), counts / counts.sum())


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
    seconds, clock = {}, perf_counter()

    def lap(name: str) -> None:
        nonlocal clock
        seconds[name], clock = perf_counter() - clock, perf_counter()

    u = _batches(game.image_embeddings, image.masks, game.batch_size)
    w = _batches(game.text_embeddings, text.masks, game.batch_size)
    lap("encoders")
    values = (game.scale * u @ w.T + game.bias).ravel()
    masks = np.concatenate(
        [image.masks.repeat(len(text.masks), axis=0), np.tile(text.masks, (len(image.masks), 1))], axis=1
    )
    weights = np.outer(image.weights, text.weights).ravel()
    lap("values")
    first, second = terms(game.n_image, game.n_text, within)
    n = masks.shape[1]
    matrix = np.empty((len(masks), 1 + n + len(first)), order="F")
    matrix[:, 0] = 1.0
    matrix[:, 1 : 1 + n] = masks
    for column, (i, j) in enumerate(zip(first, second, strict=True), 1 + n):
        np.logical_and(masks[:, i], masks[:, j], out=matrix[:, column], casting="unsafe")
    lap("design matrix")
    coefficients = solve(matrix, weights, values)
    lap("regression")
    pairs = np.zeros((n, n)) if within else np.where(np.eye(n, dtype=bool), 0.0, np.nan)
    pairs[first, second] = pairs[second, first] = coefficients[1 + n :]
    found = Effects(np.asarray(coefficients[0]), coefficients[1 : 1 + n], pairs)
    return Dense(found, len(values), matrix.shape[1], seconds)


def terms(n_image: int, n_text: int, within: bool) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of players i < j of the surrogate."""
    i, j = np.triu_indices(n_image + n_text, 1)
    kept = np.ones(len(i), dtype=bool) if within else (i < n_image) & (j >= n_image)
    return i[kept], j[kept]


def solve(matrix: np.ndarray, weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weighted least squares: normal equations, or the pseudo-inverse where they are singular."""
    weighted = weights[:, None] * matrix
    try:
        return np.linalg.solve(matrix.T @ weighted, weighted.T @ values)
    except np.linalg.LinAlgError:
        root = np.sqrt(weights)
        found: np.ndarray = np.linalg.lstsq(root[:, None] * matrix, root * values, rcond=None)[0]
        return found


def _batches(embed, masks: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([embed(masks[start : start + size]) for start in range(0, len(masks), size)])
