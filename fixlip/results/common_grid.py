"""Image players of several explanations on one grid, where models cut a picture into other patches."""

from collections.abc import Sequence

import numpy as np

from fixlip.errors import InputError
from fixlip.players.base import Box, Players


def pieces(everyone: Sequence[Players]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut the part of the picture that all see into pieces, each inside one image player of every explanation.

    Args:
        everyone: the players of each explanation, on grids or label maps; what they see is compared where it is known.

    Returns:
        The index of the player of each explanation in each piece, [k, pieces]; the area of that player, [k, pieces];
        and the areas of the pieces, [pieces]. Places without a player in one of the explanations are left out.

    Raises:
        InputError: image players without a place.

    Example:
        >>> halves, thirds = (Players.of(grid=(1, columns), words=["dog"]) for columns in (2, 3))
        >>> indices, _, areas = pieces([halves, thirds])
        >>> indices.tolist(), areas.round(3).tolist()
        ([[0, 0, 1, 1], [0, 1, 1, 2]], [0.333, 0.167, 0.167, 0.333])
    """
    known = all(players.visible is not None for players in everyone)
    maps = [_map(players) for players in everyone]
    seen = [players.visible if known and players.visible else (0.0, 0.0, 1.0, 1.0) for players in everyone]
    columns, widths = _cut([_edges(box[0], box[2], m.shape[1]) for box, m in zip(seen, maps, strict=True)])
    rows, heights = _cut([_edges(box[1], box[3], m.shape[0]) for box, m in zip(seen, maps, strict=True)])
    labels = np.stack([m[np.ix_(r, c)].ravel() for m, r, c in zip(maps, rows, columns, strict=True)])
    areas = np.outer(heights, widths).ravel()
    everywhere = (labels >= 0).all(0)
    kinds, which = np.unique(labels[:, everywhere], axis=1, return_inverse=True)
    areas = np.bincount(which.ravel(), weights=areas[everywhere], minlength=kinds.shape[1])
    sizes = [_sizes(m, box, players.n_image) for m, box, players in zip(maps, seen, everyone, strict=True)]
    return kinds, np.stack([size[kind] for size, kind in zip(sizes, kinds, strict=True)]), areas


def correlation(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Compute the Pearson correlation of each two rows, [k, n] -> [k, k], where entries have weights [n].

    Example:
        >>> correlation(np.array([[0.0, 1.0, 1.0], [0.0, 2.0, 2.0]]), np.array([2.0, 1.0, 1.0])).round(6).tolist()
        [[1.0, 1.0], [1.0, 1.0]]
    """
    if np.count_nonzero(weights) < 2:
        return np.full((len(values), len(values)), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = values - np.average(values, axis=1, weights=weights)[:, None]
        covariance = (centred * weights) @ centred.T
        spread = np.sqrt(np.diag(covariance))
        spread[spread < 1e-9 * np.sqrt((values**2 * weights).sum(1))] = np.nan  # all the same, but for rounding
        found: np.ndarray = np.clip(covariance / np.outer(spread, spread), -1, 1)
    return found


def _map(players: Players) -> np.ndarray:
    """The image players as a label map."""
    if players.grid is not None:
        return np.arange(players.n_image).reshape(players.grid)
    if players.regions is None:
        raise InputError("Explanations with other image players are compared by their places, which these do not have.")
    return players.regions


def _edges(start: float, end: float, n: int) -> np.ndarray:
    return start + (end - start) * np.arange(n + 1) / n


def _cut(edges: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Cut a line at all edges: the interval of each explanation that a piece lies in, and the lengths of the pieces."""
    low, high = max(e[0] for e in edges), max(min(e[-1] for e in edges), max(e[0] for e in edges))
    cuts = np.unique(np.clip(np.concatenate(edges), low, high))
    middles = (cuts[1:] + cuts[:-1]) / 2
    return [np.clip(np.searchsorted(e, middles, side="right") - 1, 0, len(e) - 2) for e in edges], np.diff(cuts)


def _sizes(labels: np.ndarray, box: Box, n: int) -> np.ndarray:
    """The area of each player, [n]."""
    cell = (box[2] - box[0]) * (box[3] - box[1]) / labels.size
    return cell * np.bincount(labels[labels >= 0].ravel(), minlength=n)
