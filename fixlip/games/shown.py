"""Test that the picture that is shown, and the part that is said to be seen, are what goes into the model."""

from typing import Any

import numpy as np
from PIL import Image

from fixlip.encoders.base import DualEncoder, ImageInput
from fixlip.errors import UnsupportedModelError

ALIKE = 0.97  # share of the variance of the pixels: a shift by one of 48 gives less, another interpolation more
PADDED = 0.8  # where the picture was padded: its edge lies anywhere in a pixel
FEW = 12  # pixels across a padded picture below which its part is not compared
WAVES = ((1.3, 0.7, 0.3), (-0.9, 1.6, 1.1), (2.1, -1.2, 2.0))  # of each channel: periods across, down, and the phase


def target_card(size: tuple[int, int]) -> Image.Image:
    """A smooth picture of this width and height that looks different when moved, turned, stretched or recoloured."""
    v, u = np.meshgrid(*((np.arange(128) + 0.5) / 128,) * 2, indexing="ij")
    waves = [np.cos(2 * np.pi * (a * u + b * v) + phase) for a, b, phase in WAVES]
    waves = [wave + 0.6 * np.cos(2 * np.pi * (3.1 * u - 2.3 * v) + k) for k, wave in enumerate(waves)]
    card = (127.5 + 75 * np.stack(waves, axis=-1)).round().astype(np.uint8)
    return Image.fromarray(card).resize(size, Image.Resampling.BICUBIC)


def check_shown(encoder: DualEncoder, size: tuple[int, int], side: str) -> None:
    """Ask the encoder for a picture of this height and width, and compare what it shows with the pixels that go in.

    A channel of the pixels may be any brighter or darker, since models normalise.

    Args:
        encoder: the model.
        size: height and width of the picture as given.
        side: "image", or "text" where a picture takes the place of the caption.

    Raises:
        UnsupportedModelError: they differ.
    """
    card = target_card((size[1], size[0]))
    prepare: Any = encoder.image_input if side == "image" else encoder.text_input
    x: ImageInput = prepare(card)
    pixels = x.pixels.float().cpu().numpy()
    height, width = pixels.shape[-2:]
    shown = np.asarray(Image.fromarray(x.picture).resize((width, height), Image.Resampling.BICUBIC))
    part, within = _cut(card, x.visible, (width, height))
    compared = [("picture that is shown", shown, np.ones_like(within))]
    if within.all() or min(within.any(0).sum(), within.any(1).sum()) >= FEW:
        compared.append(("part that is named", part, within))
    for what, seen, where in compared:
        alike = _alike(pixels[:, where], seen[where].T)
        if alike < (ALIKE if within.all() else PADDED):
            raise UnsupportedModelError(
                f"{encoder.name}: the {what} is not what its preprocessing gives the model (only {alike:.0%} agree), "
                "so heat maps would lie in wrong places. Give the preprocessing of its training: an image "
                "processor that resizes and crops the centre, or open_clip's preprocess_cfg."
            )


def _cut(
    card: Image.Image, visible: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """A part of a picture, and where the picture is in it: uint8 [height, width, 3] and bool [height, width]."""
    whole, pad = card.size, max(0, *(int(np.ceil(-edge)) for edge in visible[:2]))
    pad = max(pad, *(int(np.ceil(edge - side)) for edge, side in zip(visible[2:], whole, strict=True)))
    left, top, right, bottom = (edge + pad for edge in visible)
    box = (max(0.0, left), max(0.0, top), min(right, whole[0] + 2 * pad), min(bottom, whole[1] + 2 * pad))
    found = []
    for picture in (card, Image.new("L", whole, 255)):
        canvas = Image.new(picture.mode, (whole[0] + 2 * pad, whole[1] + 2 * pad))
        canvas.paste(picture, (pad, pad))
        found.append(np.asarray(canvas.resize(size, Image.Resampling.BICUBIC, box=box)))
    return found[0], found[1] == 255


def _alike(pixels: np.ndarray, seen: np.ndarray) -> float:
    """The share of the variance of the pixels that what is seen explains, least of channels [3, n]; 0 if inverted."""
    least = 1.0
    for ours, theirs in zip(seen.astype(float), pixels.astype(float), strict=True):
        ours, theirs = ours - ours.mean(), theirs - theirs.mean()
        if not ours.any() and not theirs.any():
            continue
        norm = float(np.sqrt((ours @ ours) * (theirs @ theirs)))
        agreement = float(ours @ theirs) / norm if norm else 0.0
        least = min(least, max(agreement, 0.0) ** 2)
    return least
