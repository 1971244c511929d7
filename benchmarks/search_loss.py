"""The loss when the coefficients of a picture are kept in fewer bytes: computed from an index, not stored so."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmarks.runs import Settings
from benchmarks.search_index import SOME, Figures, queried, short_scenes, some


@dataclass(frozen=True)
class Form:
    """A form of the coefficients [1 + n, D]: along some directions, of the picture's own or of all, in some type.

    Attributes:
        directions: number of directions; None for all D as they are.
        shared: the directions are those of the other pictures of the index, and so kept only once.
        int8: a byte for each number, and a scale for each row; float16 otherwise.
    """

    directions: int | None = None
    shared: bool = False
    int8: bool = False

    def bytes_of(self, rows: int, dimension: int) -> int:
        """Bytes for each picture; a direction of its own takes two for each number."""
        length = self.directions or dimension
        own = length * dimension * 2 if self.directions and not self.shared else 0
        return rows * (length + 2 if self.int8 else 2 * length) + own

    def kept(self, F: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The coefficients as they come back, [1 + n, D]."""
        basis = np.eye(F.shape[1])
        if self.directions:
            basis = np.linalg.svd(others if self.shared else F, full_matrices=False)[2][: self.directions]
        parts = F @ basis.T
        if self.int8:
            step = np.maximum(np.abs(parts).max(1, keepdims=True), 1e-12) / 127
            return np.asarray(np.round(parts / step) * step @ basis)
        return np.asarray(parts.astype(np.float16).astype(np.float64) @ basis)


FORMS = {
    "float16": Form(),
    "int8": Form(int8=True),
    "8 directions of its own": Form(8),
    "16 directions of its own": Form(16),
    "32 directions of all": Form(32, shared=True),
    "64 directions of all": Form(64, shared=True),
    "64 directions of all, int8": Form(64, shared=True, int8=True),
}


@cache
def loss(name: str, settings: Settings) -> Figures:
    """Root mean squares over the pairs of patches and words of pictures of which each meets two queries."""
    form, index = FORMS[name], some(settings)
    captions = [scene.caption for scene in short_scenes(SOME, len(index) + 1)]
    met = list(queried(index, [captions[k : k + 2] for k in range(len(index))]))
    F = {k: row["coefficients"].astype(np.float64).reshape(-1, index.facts.dimension) for k, row, _ in met}
    squares = []
    for k, row, query in met:
        hit, others = query.hit(row), np.concatenate([one for j, one in F.items() if j != k])
        assert hit.stderr is not None
        lost = form.kept(F[k], others)[1:] - F[k][1:]
        error = query.scale / query.deviation**2 * lost @ query.coefficients[1:].T
        squares.append([np.square(part).mean() for part in (error, hit.cross, hit.stderr.second_order)])
    error, size, noise = np.sqrt(np.mean(squares, axis=0))
    rows, dimension = F[0].shape
    return {
        "bytes": float(form.bytes_of(rows, dimension)),
        "error / size of the cross pairs": float(error / size),
        "error / standard error": float(error / noise),
    }
