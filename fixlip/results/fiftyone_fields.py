"""An explanation as fields of a sample of FiftyOne, placed on the picture as given."""

from typing import Any

import numpy as np

from fixlip.errors import MissingExtraError
from fixlip.players.base import Box, Players

SIDE = 224  # pixels of a heatmap whose picture is cropped or padded
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


def fields(players: Players, similarity: float, answer: str, heat: np.ndarray, cross: np.ndarray) -> dict[str, Any]:
    """Make the fields; see `fixlip.Explanation.to_fiftyone`."""
    try:
        import fiftyone
    except ImportError as error:
        raise MissingExtraError("Fields of FiftyOne need it: pip install fiftyone.") from error
    heat = on_the_whole(np.nan_to_num(heat), part_seen(players))
    most = float(np.abs(heat).max()) or 1.0
    boxes = [
        fiftyone.Detection(label=players.text[k].label, bounding_box=box, interaction=value)
        for k, (box, value) in strongest(players, cross).items()
    ]
    return {
        "similarity": similarity,
        "explanation": answer,
        "heatmap": fiftyone.Heatmap(map=heat, range=[-most, most]),
        "words": fiftyone.Detections(detections=boxes),
    }


def part_seen(players: Players) -> Box:
    """The part of the picture that the model sees, as fractions of the picture: preprocessing keeps its centre."""
    if players.visible is None:
        return WHOLE
    left, top, right, bottom = players.visible
    width, height = left + right, top + bottom
    return left / width, top / height, right / width, bottom / height


def on_the_whole(heat: np.ndarray, part: Box) -> np.ndarray:
    """Put a heatmap of a part of a picture in its place: 0 around it, and cut off beyond the picture.

    Example:
        >>> float(on_the_whole(np.ones((1, 1)), (0.0, 0.5, 1.0, 1.0)).mean())
        0.5
    """
    if part == WHOLE:
        return heat
    left, top, right, bottom = part
    centres = (np.arange(SIDE) + 0.5) / SIDE
    rows = np.floor((centres - top) / (bottom - top) * heat.shape[0]).astype(int)
    columns = np.floor((centres - left) / (right - left) * heat.shape[1]).astype(int)
    inside = np.logical_and.outer(*((k >= 0) & (k < n) for k, n in zip((rows, columns), heat.shape, strict=True)))
    found = heat[np.ix_(rows.clip(0, heat.shape[0] - 1), columns.clip(0, heat.shape[1] - 1))]
    return np.where(inside, found, 0.0)


def strongest(players: Players, cross: np.ndarray) -> dict[int, tuple[list[float], float]]:
    """Word -> the image player that it adds most with (left, top, width, height as fractions), and the interaction."""
    left, top, right, bottom = part_seen(players)
    corner, size = np.array([left, top] * 2), np.array([right - left, bottom - top] * 2)
    found = {}
    for k, values in enumerate(np.nan_to_num(cross).T):
        box = players.image[int(values.argmax())].box
        if box is not None and values.max() > 0:
            edges = np.clip(corner + size * box, 0.0, 1.0)
            found[k] = ([*edges[:2].tolist(), *(edges[2:] - edges[:2]).tolist()], float(values.max()))
    return found
