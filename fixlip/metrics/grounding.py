"""Does the attribution of a word fall on its object? Point-game energy (PGE), accuracy (PGA) and mismatch.

Source: Moeller et al., Explaining Caption-Image Interactions in CLIP Models with Second-Order Attributions, TMLR 2025.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fixlip.errors import InputError
from fixlip.metrics.maps import image_map
from fixlip.players.base import Box, Players
from fixlip.results.equality import ByValue
from fixlip.results.explanation import Explanation

TOUCH = 1e-9  # of a patch: less is rounding


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
    (left, top, right, bottom), (width, height) = box, size
    return union_coverage([(left / width, top / height, right / width, bottom / height)], grid)


def union_coverage(boxes: Sequence[Box] | np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """The part of each cell of a grid that lies in at least one box, [rows, columns] in 0..1; exact.

    Args:
        boxes: left, top, right, bottom in fractions (0..1) of the picture; what lies outside of it does not count.
        grid: rows and columns.
    """
    rows, columns = grid
    box = np.asarray(boxes, dtype=float).reshape(-1, 4).clip(0, 1)
    x = np.unique(np.concatenate([np.arange(columns + 1) / columns, box[:, 0], box[:, 2]]))
    y = np.unique(np.concatenate([np.arange(rows + 1) / rows, box[:, 1], box[:, 3]]))
    middle_x, middle_y = (x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2
    within = np.zeros((len(middle_y), len(middle_x)), dtype=bool)
    for left, top, right, bottom in box:
        within |= np.outer((top < middle_y) & (middle_y < bottom), (left < middle_x) & (middle_x < right))
    area = np.outer(np.diff(y), np.diff(x)) * within
    starts_y = np.searchsorted(y, np.arange(rows) / rows)
    starts_x = np.searchsorted(x, np.arange(columns) / columns)
    cells = np.add.reduceat(np.add.reduceat(area, starts_y, axis=0), starts_x, axis=1)
    return (cells * rows * columns).clip(0, 1)


def player_coverage(players: Players, boxes: Sequence[Box]) -> np.ndarray:
    """The part of each image player that lies in at least one of the boxes, [n_image] in 0..1; exact.

    Args:
        players: the patches of a grid, the regions of a label map, or players with boxes of their own.
        boxes: left, top, right, bottom in fractions (0..1) of the picture that the model sees.

    Returns:
        0 for a region that has no place on its label map.

    Raises:
        InputError: the image players have no place in the picture.

    Example:
        >>> player_coverage(Players.of(grid=(1, 2), words=["a"]), [(0, 0, 0.25, 1), (0.2, 0, 0.75, 1)]).tolist()
        [1.0, 0.5]
    """
    if players.grid is not None:
        return union_coverage(boxes, players.grid).ravel()
    if players.regions is not None:
        owner = players.regions.ravel().astype(int) + 1
        size = np.bincount(owner, minlength=players.n_image + 1)[1:]
        rows, columns = players.regions.shape
        inside = np.bincount(owner, union_coverage(boxes, (rows, columns)).ravel(), players.n_image + 1)[1:]
        return inside / np.maximum(size, 1)
    if any(player.box is None for player in players.image):
        raise InputError("These image players have no place in the picture: they need a grid, a label map or boxes.")
    return np.array([_inside(boxes, player.box) for player in players.image if player.box is not None])


def _inside(boxes: Sequence[Box], window: Box) -> float:
    """The part of a window that the boxes cover."""
    left, top, right, bottom = window
    scaled = (np.asarray(boxes, dtype=float).reshape(-1, 4) - [left, top] * 2) / ([right - left, bottom - top] * 2)
    return float(union_coverage(scaled, (1, 1))[0, 0])


def positive_share(heatmap: np.ndarray, cover: np.ndarray) -> float:
    """PGE: the share of the positive attribution that falls into the box; NaN where nothing is positive.

    Patches count by the part of them that the box covers, so even the coverage map itself scores below 1 on a coarse
    grid: print `positive_share(cover, cover)` beside it. An uninformed map scores the mean of `cover`.

    Args:
        heatmap: [rows, columns] or [n_image], attribution of the object's words.
        cover: of the same shape, see `coverage` and `player_coverage`.
    """
    positive = np.maximum(heatmap, 0)
    total = positive.sum()
    return float((positive * cover).sum() / total) if total > 0 else float("nan")


def pointing_hit(heatmap: np.ndarray, cover: np.ndarray) -> bool:
    """PGA, for one object: whether the patch of the largest attribution touches the box; a flat map points nowhere.

    Of several largest patches the first counts. An uninformed map hits with the share of patches that the box
    touches.
    """
    return bool(np.ptp(heatmap) > 0 and cover.flat[int(np.argmax(heatmap))] > TOUCH)


@dataclass(frozen=True, eq=False)
class Grounding(ByValue):
    """Scores of how well the words of one object point at it.

    Attributes:
        pge: share of their positive attribution in the object's boxes; NaN where nothing is positive, or where the
            boxes are outside of what the model sees.
        pga: whether the largest attribution touches a box.
        ceiling: PGE of the coverage map itself: what this grid makes of a perfect outline. (Not a bound: a map with
            everything on one patch within the box has 1.)
        chance_pge, chance_pga: expectation of both for a map whose values are dealt out at random.
        area: share of the picture in the boxes.
        own: summed attribution to the object's own boxes; positive is right.
        others: the same to the boxes of each other object, without what also lies in the own ones; negative is right;
            NaN where nothing of the other object is left.
    """

    pge: float
    pga: bool
    ceiling: float
    chance_pge: float
    chance_pga: float
    area: float
    own: float
    others: tuple[float, ...]


def grounding(explanation: Explanation, spans: Sequence[Any], boxes: Sequence[Sequence[Box]]) -> tuple[Grounding, ...]:
    """Measure where the attribution of each object's words falls.

    The attribution of an explanation without pairs is the one map that it has, whatever the words.

    Args:
        explanation: of a picture and a caption.
        spans: for each object its words, as in `Explanation.patch_values`.
        boxes: for each object its boxes in fractions (0..1) of the picture that the model sees.

    Raises:
        InputError: words that are not in the caption, or image players without a place in the picture.
    """
    return tuple(
        _of_object(explanation, span, own, [other for j, other in enumerate(boxes) if j != i])
        for i, (span, own) in enumerate(zip(spans, boxes, strict=True))
    )


def _of_object(explanation: Explanation, span: Any, own: Sequence[Box], others: Sequence[Sequence[Box]]) -> Grounding:
    values, cover = image_map(explanation, span), player_coverage(explanation.players, own)

    def elsewhere(other: Sequence[Box]) -> float:
        rest = player_coverage(explanation.players, [*own, *other]) - cover
        return float(values @ rest) if rest.max() > TOUCH else float("nan")

    return Grounding(
        pge=positive_share(values, cover) if cover.max() > TOUCH else float("nan"),
        pga=pointing_hit(values, cover),
        ceiling=positive_share(cover, cover),
        chance_pge=float(cover.mean()),
        chance_pga=float((cover > TOUCH).mean()),
        area=float(union_coverage(own, (1, 1))[0, 0]),
        own=float(values @ cover),
        others=tuple(elsewhere(other) for other in others),
    )
