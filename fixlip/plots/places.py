"""The places of image players in a figure; the unit is the height of the picture."""

import numpy as np

from fixlip.players.base import Players
from fixlip.players.outlines import boxes_of, centres, outlines

Spot = tuple[float, float]


def size_of(players: Players) -> tuple[int, int]:
    """Return the height and width of the picture, or of the label map or grid in its place."""
    if players.picture is not None:
        return players.picture.shape[0], players.picture.shape[1]
    if players.regions is not None:
        return players.regions.shape[0], players.regions.shape[1]
    return players.grid or (1, 1)


def width_of(players: Players) -> float:
    """Return the width of the picture, whose height is 1."""
    height, width = size_of(players)
    return width / height


def spots_of(players: Players) -> list[Spot]:
    """Return the centre of each image player."""
    width = width_of(players)
    if players.regions is not None:
        return [(x * width, y) for x, y in centres(players.regions, players.n_image).tolist()]
    return [((left + right) / 2 * width, (top + bottom) / 2) for left, top, right, bottom in boxes_of(players)]


def borders_of(players: Players) -> list[list[np.ndarray]]:
    """Return the closed lines around each image player, with corners (x, y) in [k, 2]."""
    width = width_of(players)
    if players.regions is not None:
        pixel = np.array([width, 1]) / players.regions.shape[::-1]
        around = outlines(players.regions, players.n_image)
        return [[pixel * np.vstack([line, line[:1]]) for line in lines] for lines in around]
    corners = np.array([[0, 1], [2, 1], [2, 3], [0, 3], [0, 1]])
    return [[np.array(box)[corners] * (width, 1)] for box in boxes_of(players)]
