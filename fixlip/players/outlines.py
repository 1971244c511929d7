"""Boxes and outlines of image players, for figures and the page."""

from collections.abc import Iterator

import numpy as np

from fixlip.players.base import Players

# the sides of a pixel, clockwise: the neighbour (row, column), the corner (x, y) where it starts, where it leads
SIDES = (
    ((-1, 0), (0, 0), (1, 0)),
    ((0, 1), (1, 0), (0, 1)),
    ((1, 0), (1, 1), (-1, 0)),
    ((0, -1), (0, 1), (0, -1)),
)


def boxes_of(players: Players) -> list[tuple[float, float, float, float]]:
    """The box of each image player, in fractions of the picture; those without a place are columns side by side."""
    n = players.n_image
    return [p.box or (i / n, 0.0, (i + 1) / n, 1.0) for i, p in enumerate(players.image)]


def outlines(regions: np.ndarray, n: int) -> list[list[np.ndarray]]:
    """The borders of each region of a label map, along the sides of its pixels.

    Args:
        regions: as `Players.regions`, [h, w].
        n: number of regions.

    Returns:
        For each region its closed lines, one for each part and each hole; a line is its corners (x, y) in pixels,
        [k, 2], the first not repeated; the region lies on the right of each line.
    """
    height, width = regions.shape
    around = np.pad(regions.astype(int), 1, constant_values=-1)
    sides: list[dict[tuple[int, int], list[tuple[int, int]]]] = [{} for _ in range(n)]
    for (down, right), (left, top), step in SIDES:
        beyond = around[1 + down : 1 + down + height, 1 + right : 1 + right + width]
        rows, columns = np.nonzero((regions >= 0) & (regions != beyond))
        for x, y, region in zip(columns.tolist(), rows.tolist(), regions[rows, columns].tolist(), strict=True):
            sides[region].setdefault((x + left, y + top), []).append(step)
    return [list(_lines(starts)) for starts in sides]


def _lines(sides: dict[tuple[int, int], list[tuple[int, int]]]) -> Iterator[np.ndarray]:
    """Join sides (where each starts, where it leads) to closed lines, and keep the corners."""
    while sides:
        start = place = next(iter(sides))
        corners, before = [], None
        while place != start or before is None:
            step = sides[place].pop()
            if not sides[place]:
                del sides[place]
            if step != before:
                corners.append(place)
            before, place = step, (place[0] + step[0], place[1] + step[1])
        yield np.array(corners)


def reduced(regions: np.ndarray, longest: int) -> np.ndarray:
    """A label map whose longer side is at most so many pixels; no region is lost while there is room for it."""
    scale = min(1.0, longest / max(regions.shape))
    height, width = (max(1, round(side * scale)) for side in regions.shape)
    rows = ((np.arange(height) + 0.5) * regions.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * regions.shape[1] / width).astype(int)
    small = regions[np.ix_(rows, columns)]
    for region in np.setdiff1d(regions, small):
        ys, xs = np.nonzero(regions == region)
        middle = len(ys) // 2
        small[ys[middle] * height // regions.shape[0], xs[middle] * width // regions.shape[1]] = region
    return small


def centres(regions: np.ndarray, n: int) -> np.ndarray:
    """The mean place (x, y) of each region, in fractions of the map, [n, 2]; the middle where it has no pixels."""
    rows, columns = np.nonzero(regions >= 0)
    region = regions[rows, columns]
    size = np.bincount(region, minlength=n)
    sums = [np.bincount(region, weights=place, minlength=n) for place in (columns + 0.5, rows + 0.5)]
    places = [
        np.where(size > 0, total / np.maximum(size, 1), side / 2)
        for total, side in zip(sums, regions.shape[::-1], strict=True)
    ]
    return np.stack(places, 1) / np.array(regions.shape[::-1])
