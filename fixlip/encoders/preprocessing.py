"""Pictures as an open_clip model sees them."""

from typing import Any

import numpy as np
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from fixlip.errors import InputError

DISPLAY_SIDE = 448  # pixels of the longer side of the picture that travels with a result
MAX_ASPECT = 8  # beyond it a picture that will be cropped to the centre is cropped before it is resized


def visible_box(size: tuple[int, int], target: tuple[int, int], resize_mode: str) -> tuple[float, float, float, float]:
    """The part (left, top, right, bottom; pixels) of a picture of `size` that a model with input `target` sees.

    Both sizes are width, height. "shortest" keeps the centre, "squash" everything.
    """
    width, height = size
    if resize_mode != "shortest":
        return 0.0, 0.0, float(width), float(height)
    side = min(width / target[0], height / target[1])
    w, h = side * target[0], side * target[1]
    return (width - w) / 2, (height - h) / 2, (width + w) / 2, (height + h) / 2


class Preprocessor:
    """open_clip's own transform, and the picture that the model sees, for display."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = PreprocessCfg(**config)
        self.transform = image_transform_v2(self.config, is_train=False)
        self.height, self.width = self.config.input_size[1:]

    def __call__(self, image: Image.Image) -> tuple[torch.Tensor, np.ndarray, tuple[str, ...]]:
        """Normalised pixels [3, height, width], the visible picture (uint8), and notes.

        Raises:
            InputError: a picture so narrow that the model's preprocessing leaves nothing of it.
        """
        mode: str = self.config.resize_mode
        notes: tuple[str, ...] = ()
        box = visible_box(image.size, (self.width, self.height), mode)
        seen = (box[2] - box[0]) * (box[3] - box[1]) / (image.width * image.height)
        if seen < 0.7:
            notes = (f"the model sees only the central {seen:.0%} of the picture; crop it to what matters",)
        if mode == "shortest":
            image = _within_aspect(image)
            box = visible_box(image.size, (self.width, self.height), mode)
        try:
            pixels = self.transform(image)
        except ValueError as error:
            raise InputError(f"A picture of {image.width} x {image.height} pixels is too narrow: {error}.") from error
        shown, region = (self._denormalised(pixels), None) if mode == "longest" else (image, box)
        scale = DISPLAY_SIDE / max(self.width, self.height)
        size = (round(self.width * scale), round(self.height * scale))
        return pixels, np.asarray(shown.resize(size, Image.Resampling.BICUBIC, box=region)), notes

    def _denormalised(self, pixels: torch.Tensor) -> Image.Image:
        mean, std = (torch.tensor(v)[:, None, None] for v in (self.config.mean, self.config.std))
        return Image.fromarray((((pixels * std + mean).clamp(0, 1)) * 255).byte().permute(1, 2, 0).numpy())


def _within_aspect(image: Image.Image) -> Image.Image:
    """The centre of a picture, at most `MAX_ASPECT` times as long as wide; resizing all of it would fill the memory."""
    reach = MAX_ASPECT * min(image.size) / 2
    x, y = image.width / 2, image.height / 2
    left, top = round(max(0, x - reach)), round(max(0, y - reach))
    return image.crop((left, top, round(min(image.width, x + reach)), round(min(image.height, y + reach))))
