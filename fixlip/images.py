"""Pictures in: from a path, a PIL image or an array to an upright RGB image."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fixlip.errors import InputError

ImageLike = str | Path | Image.Image | np.ndarray


def open_image(image: ImageLike) -> Image.Image:
    """An upright RGB picture.

    EXIF rotation is applied; transparency is shown on white; grey, palette, 16-bit and CMYK pictures are converted; of
    an animation the first frame is taken.

    Args:
        image: a path, a PIL image, or an array [height, width] or [height, width, 1, 3 or 4] of uint8 (0..255) or of
            floats (0..1).

    Raises:
        InputError: no such file, not a picture, truncated, or too large to open safely.
    """
    if isinstance(image, np.ndarray):
        return _upright_rgb(_from_array(image))
    if isinstance(image, Image.Image):
        return _upright_rgb(image)
    if not isinstance(image, (str, Path)):
        raise InputError(f"An image is a path, a PIL image or an array, got {type(image).__name__}.")
    path = Path(image)
    if not path.is_file():
        raise InputError(f"No picture {str(path)!r}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                return _upright_rgb(opened)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{str(path)!r} has too many pixels; make it smaller first.") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{str(path)!r} is not a picture that Pillow can read.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{str(path)!r} is damaged: {error}.") from error


def _from_array(array: np.ndarray) -> Image.Image:
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise InputError(f"An image array has shape [height, width] or [height, width, 1, 3 or 4], got {array.shape}.")
    if np.issubdtype(array.dtype, np.floating):
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise InputError("A float image array has values from 0 to 1.")
        array = (array * 255).round().astype(np.uint8)
    elif array.dtype != np.uint8:
        raise InputError(f"An image array is of uint8 or of floats, got {array.dtype}.")
    return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array)


def _upright_rgb(image: Image.Image) -> Image.Image:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if image.mode.startswith("I") and values.max() > 255 else max(values.max(), 255.0)
        image = Image.fromarray((values.clip(0, top) * (255 / top)).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white: Any = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    return image.convert("RGB")
