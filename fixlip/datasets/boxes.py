"""Boxes as annotation files have them, in pixels of the upright picture."""

from collections.abc import Iterable
from pathlib import Path

from PIL import ExifTags

from fixlip.datasets.base import Box
from fixlip.errors import InputError
from fixlip.io.images import opened

FARTHEST = 1e9  # pixels; no picture reaches so far
TURNED = {  # EXIF orientation of a picture that lies on its side: box of the picture as stored -> upright
    5: lambda left, top, right, bottom, width, height: (top, left, bottom, right),
    6: lambda left, top, right, bottom, width, height: (height - bottom, left, height - top, right),
    7: lambda left, top, right, bottom, width, height: (height - bottom, width - right, height - top, width - left),
    8: lambda left, top, right, bottom, width, height: (top, width - right, bottom, width - left),
}


def clipped(box: Box, size: tuple[float, float]) -> Box | None:
    """The part of a box that is in the picture (`size`: width, height); None where that has no area.

    Example:
        >>> clipped((-5, 10, 20, 30), (100, 25)), clipped((10, 10, 10, 30), (100, 100))
        ((0, 10, 20, 25), None)
    """
    left, top, right, bottom = box
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, size[0]), min(bottom, size[1])
    return (left, top, right, bottom) if right > left and bottom > top else None


def numbers(values: object, count: int) -> tuple[float, ...] | None:
    """`values` if it is a list of so many numbers that may be pixels."""
    if not isinstance(values, list) or len(values) != count:
        return None
    if any(isinstance(v, bool) or not isinstance(v, (int, float)) or not abs(v) <= FARTHEST for v in values):
        return None
    return tuple(values)


def stored(path: Path) -> tuple[tuple[int, int], int] | None:
    """Width and height of a picture as it is stored, and its EXIF orientation; None where it cannot be opened.

    Reads the head of the file only.
    """
    try:
        with opened(path) as picture:
            orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
            return picture.size, orientation if isinstance(orientation, int) else 1
    except InputError:
        return None


def orientation_of(path: Path, size: tuple[float, float]) -> int:
    """The turn that boxes drawn on a picture of `size` (width, height) need: see `turned`.

    Annotation files say the size of the picture that their boxes were drawn on. Where that is the picture as stored and
    EXIF turns it on its side, the boxes turn with it; in all other cases they are taken as they are (1), and so are
    those of a picture that cannot be opened.

    Raises:
        InputError: the picture has another size.
    """
    head = stored(path)
    if head is None:
        return 1
    (width, height), orientation = head
    upright = (height, width) if orientation in TURNED else (width, height)
    if upright == tuple(size):
        return 1
    if (width, height) != tuple(size):
        sizes = f"{size[0]} x {size[1]} pixels, the picture has {upright[0]} x {upright[1]}"
        raise InputError(f"The boxes of {path.name} are for {sizes}: they must be of one size.")
    return orientation


def turned(boxes: Iterable[Box], orientation: int, size: tuple[float, float]) -> tuple[Box, ...]:
    """Boxes drawn on a stored picture of `size`, on the upright one."""
    if orientation not in TURNED:
        return tuple(boxes)
    return tuple(TURNED[orientation](*box, *size) for box in boxes)
