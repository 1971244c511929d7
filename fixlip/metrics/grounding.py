"""Does the attribution of a word fall on its object? Point-game energy (PGE) and accuracy (PGA).

Source: Moeller et al., Explaining Caption-Image Interactions in CLIP Models with Second-Order Attributions, TMLR 2025.
"""

import numpy as np

Box = tuple[float, float, float, float]


def coverage(box: Box, size: tuple[int, int], grid: tuple[int, int]) -> np.ndarray:
    """The part of each patch that a box covers, [rows, columns] in 0..1.

    Args:
        box: left, top, right, bottom in pixels.
        size: width and height of the picture in pixels.
        grid: rows and columns of patches.

    Example:
        >>> coverage((0, 0, 15, 10), (20, 20), (2, 2)).tolist()
        [[1.0, 0.5], [0.0, 0.0]]
    """
    (left, top, right, bottom), (width, height), (rows, columns) = box, size, grid

    def covered(start: float, end: float, length: int, cells: int) -> np.ndarray:
        edges = np.linspace(0, length, cells + 1)
        return (np.minimum(edges[1:], end) - np.maximum(edges[:-1], start)).clip(0) / (length / cells)

    return np.outer(covered(top, bottom, height, rows), covered(left, right, width, columns))


def positive_share(heatmap: np.ndarray, cover: np.ndarray) -> float:
    """PGE: the share of the positive attribution that falls into the box; NaN where nothing is positive.

    Patches count by the part of them that the box covers, so even the coverage map itself scores below 1 on a coarse
    grid: print `positive_share(cover, cover)` beside it.

    Args:
        heatmap: [rows, columns], attribution of the object's words.
        cover: [rows, columns], see `coverage`.
    """
    positive = np.maximum(heatmap, 0)
    total = positive.sum()
    return float((positive * cover).sum() / total) if total > 0 else float("nan")


def pointing_hit(heatmap: np.ndarray, cover: np.ndarray) -> bool:
    """PGA, for one object: whether the patch of the largest attribution touches the box."""
    return bool(cover.flat[int(np.argmax(heatmap))] > 0)
