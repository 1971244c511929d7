"""Mosaics: four pictures in a 2 x 2 grid, and a caption of the names of the first k of them."""

from collections.abc import Sequence

from PIL import Image, ImageOps

from fixlip.datasets.base import Box, Caption, GroundedObject


def quadrant(place: int, size: int) -> tuple[int, int, int, int]:
    """The box of a quadrant (0 to 3, row by row) of a mosaic of `size` x `size` pixels.

    Example:
        >>> quadrant(1, 448)
        (224, 0, 448, 224)
    """
    half = size // 2
    left, top = place % 2 * half, place // 2 * half
    return left, top, left + half, top + half


def compose(pictures: Sequence[Image.Image], places: Sequence[int], size: int) -> Image.Image:
    """Four pictures in their quadrants, each scaled to fill its own and cut to it at the centre."""
    mosaic = Image.new("RGB", (size, size))
    for picture, place in zip(pictures, places, strict=True):
        square = ImageOps.fit(picture, (size // 2, size // 2), Image.Resampling.BICUBIC)
        mosaic.paste(square, quadrant(place, size)[:2])
    return mosaic


def caption(names: Sequence[str], boxes: Sequence[Box], template: str, separator: str) -> Caption:
    """A caption of names, each with its box.

    Example:
        >>> caption(["cat", "tractor"], [(0, 0, 9, 9), (9, 0, 18, 9)], "a photo of {}", ", ").text
        'a photo of cat, tractor'
    """
    before, after = template.split("{}")
    objects: list[GroundedObject] = []
    text = before
    for name, box in zip(names, boxes, strict=True):
        text += separator if objects else ""
        objects.append(GroundedObject(name, (box,), (len(text), len(text) + len(name))))
        text += name
    return Caption(text + after, tuple(objects))
