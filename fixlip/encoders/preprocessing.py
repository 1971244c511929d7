"""Pictures as an open_clip model sees them."""

from dataclasses import fields
from typing import Any

import numpy as np
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from fixlip.encoders.base import ImageInput
from fixlip.errors import InputError, UnsupportedModelError, unknown
from fixlip.io.images import ImageLike, open_image

DISPLAY_SIDE = 448  # pixels of the longer side of the picture that travels with a result
MAX_ASPECT = 8  # beyond it a picture that will be cropped to the centre is cropped before it is resized


CELL = 32  # pixels of a cell where the tower has no patches of its own: the stride of a ResNet's last feature map


def visible_box(size: tuple[int, int], target: tuple[int, int], resize_mode: str) -> tuple[float, float, float, float]:
    """The part (left, top, right, bottom; pixels) of a picture of `size` that a model with input `target` sees.

    Both sizes are width, height. "shortest" keeps the centre, "squash" everything, "longest" pads.
    """
    width, height = size
    if resize_mode == "squash":
        return 0.0, 0.0, float(width), float(height)
    closest = min if resize_mode == "shortest" else max
    side = closest(width / target[0], height / target[1])
    w, h = side * target[0], side * target[1]
    if resize_mode == "shortest":  # not beyond the picture by a rounding error
        w, h = min(w, width), min(h, height)
    return (width - w) / 2, (height - h) / 2, (width + w) / 2, (height + h) / 2


class Preprocessor:
    """open_clip's own transform, and the picture that the model sees, for display.

    Args:
        preprocess: open_clip's preprocessing configuration, or a transform that does what one says.
        grid: rows and columns of patches; None for cells of `CELL` pixels.

    Raises:
        UnsupportedModelError: no configuration, or a transform that does something else.
    """

    def __init__(self, preprocess: Any, grid: tuple[int, int] | None = None) -> None:
        self.config = config_of(preprocess)
        configured = isinstance(preprocess, dict | PreprocessCfg)
        self.transform: Any = image_transform_v2(self.config, is_train=False) if configured else preprocess
        self.height, self.width = self.config.input_size[1:]
        rows, columns = grid or (max(1, self.height // CELL), max(1, self.width // CELL))
        self.grid = (int(rows), int(columns))

    def __call__(self, raw: ImageLike) -> ImageInput:
        """The picture as the model gets it.

        Raises:
            InputError: a picture so narrow that the model's preprocessing leaves nothing of it.
        """
        mode: str = self.config.resize_mode
        given = open_image(raw)
        image, target = given, (self.width, self.height)
        if mode == "shortest":
            image = _within_aspect(image)
        try:
            pixels = self.transform(image)
        except ValueError as error:
            raise InputError(f"A picture of {image.width} x {image.height} pixels is too narrow: {error}.") from error
        box = visible_box(image.size, target, mode)
        shown = display(self._denormalised(pixels), None, target) if mode == "longest" else display(image, box, target)
        visible = visible_box(given.size, target, mode)
        return ImageInput(
            pixels,
            self.grid,
            shown,
            size=(given.height, given.width),
            visible=visible,
            notes=cut_off(given.size, visible),
        )

    def _denormalised(self, pixels: torch.Tensor) -> Image.Image:
        mean, std = (torch.tensor(v)[:, None, None] for v in (self.config.mean, self.config.std))
        return Image.fromarray((((pixels * std + mean).clamp(0, 1)) * 255).byte().permute(1, 2, 0).numpy())


def display(image: Image.Image, box: tuple[float, float, float, float] | None, target: tuple[int, int]) -> np.ndarray:
    """The part of a picture that the model sees, uint8 [height, width, 3], in the proportions of `target`.

    What is beyond the picture is black.
    """
    scale = DISPLAY_SIDE / max(target)
    size = (max(1, round(target[0] * scale)), max(1, round(target[1] * scale)))
    if box is not None and (min(box) < 0 or box[2] > image.width or box[3] > image.height):
        left, top, right, bottom = (round(edge) for edge in box)
        image, box = image.crop((left, top, right, bottom)), None
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box))


def cut_off(size: tuple[int, int], visible: tuple[float, float, float, float]) -> tuple[str, ...]:
    """A note where less than 70 % of a picture (width, height) is seen."""
    seen = (visible[2] - visible[0]) * (visible[3] - visible[1]) / (size[0] * size[1])
    if seen >= 0.7:
        return ()
    return (f"the model sees only the central {seen:.0%} of the picture; crop it to what matters",)


def _within_aspect(image: Image.Image) -> Image.Image:
    """The centre of a picture, at most `MAX_ASPECT` times as long as wide; resizing all of it would fill the memory."""
    reach = MAX_ASPECT * min(image.size) / 2
    x, y = image.width / 2, image.height / 2
    left, top = round(max(0, x - reach)), round(max(0, y - reach))
    return image.crop((left, top, round(min(image.width, x + reach)), round(min(image.height, y + reach))))


def config_of(preprocess: Any) -> PreprocessCfg:
    """open_clip's preprocessing configuration, from a dictionary or of a transform that does what one says.

    Raises:
        UnsupportedModelError: a dictionary with other entries, or a transform that does something else.
    """
    if isinstance(preprocess, PreprocessCfg):
        return preprocess
    if isinstance(preprocess, dict):
        try:
            return PreprocessCfg(**preprocess)
        except TypeError as error:
            valid = [field.name for field in fields(PreprocessCfg)]
            entry = next((name for name in preprocess if name not in valid), str(error))
            raise UnsupportedModelError(unknown("entry of open_clip's preprocess_cfg", str(entry), valid)) from error
    steps = getattr(preprocess, "transforms", ())
    norm = next((step for step in steps if type(step).__name__ == "Normalize"), None)
    kinds = [step.interpolation for step in steps if hasattr(step, "interpolation") and not hasattr(step, "scale")]
    if norm is not None and kinds:
        probe = Image.fromarray((np.arange(90 * 120 * 3) % 251).astype(np.uint8).reshape(90, 120, 3))
        wanted = preprocess(probe)
        for mode in ("shortest", "squash", "longest"):
            config = PreprocessCfg(
                size=tuple(wanted.shape[-2:]),
                mean=tuple(norm.mean),
                std=tuple(norm.std),
                interpolation=getattr(kinds[0], "value", kinds[0]),
                resize_mode=mode,
            )
            if torch.equal(image_transform_v2(config, is_train=False)(probe), wanted):
                return config
    raise UnsupportedModelError(
        "fixlip cannot follow this preprocessing; give open_clip's preprocess_cfg as a dictionary (size, mean, std, "
        "interpolation, resize_mode) instead."
    )
