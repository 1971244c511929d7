"""Pictures as an open_clip model sees them."""

from typing import Any

import numpy as np
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

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
        size = self.config.size
        self.height, self.width = (size, size) if isinstance(size, int) else size

    def __call__(self, image: Image.Image) -> tuple[torch.Tensor, np.ndarray, tuple[str, ...]]:
        """Normalised pixels [3, height, width], the visible picture (uint8), and notes."""
        mode, notes = self.config.resize_mode, ()
        left, top, right, bottom = visible_box(image.size, (self.width, self.height), mode)
        seen = (right - left) * (bottom - top) / (image.width * image.height)
        if seen < 0.7:
            notes = (f"the model sees only the central {seen:.0%} of the picture; crop it to what matters",)
        if mode == "shortest" and max(image.size) > MAX_ASPECT * min(image.size):
            reach = MAX_ASPECT / 2 * min(image.size)
            x, y = image.width / 2, image.height / 2
            image = image.crop(
                (round(max(0, x - reach)), round(max(0, y - reach)), round(x + reach), round(y + reach))
                if image.width > image.height
                else (0, round(y - reach), image.width, round(y + reach))
            )
            left, top, right, bottom = visible_box(image.size, (self.width, self.height), mode)
        pixels = self.transform(image)
        if mode == "longest":
            mean, std = torch.tensor(self.config.mean), torch.tensor(self.config.std)
            shown = Image.fromarray(((pixels * std[:, None, None] + mean[:, None, None]).clamp(0, 1) * 255).byte()
                                    .permute(1, 2, 0).numpy())  # fmt: skip
        else:
            shown = image
        scale = DISPLAY_SIDE / max(self.width, self.height)
        shown = shown.resize(
            (round(self.width * scale), round(self.height * scale)),
            Image.Resampling.BICUBIC,
            box=(left, top, right, bottom) if mode != "longest" else None,
        )
        return pixels, np.asarray(shown), notes
