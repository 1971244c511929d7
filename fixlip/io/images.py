"""Reading of pictures: an upright RGB image from a path, a PIL image or an array."""

import io
import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import BITSPERSAMPLE, TiffImageFile

from fixlip.arguments import in_order
from fixlip.errors import InputError
from fixlip.runtime.threads import without_warnings

ImageLike = str | Path | bytes | Image.Image | np.ndarray

FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "ICO", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # no EPS, which would be executed
MAX_BYTES = 1 << 27  # of a file; the largest picture has some 90 million pixels
MAX_PIECES, MAX_READS = 10_000, 200_000  # pieces that a header, and a file, may be read in: a comment is many of them
MAX_SCANS = 100  # scans of a JPEG; progressive ones have about ten, and each takes as long as a whole picture
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")


def open_image(image: ImageLike) -> Image.Image:
    """Open an upright RGB picture.

    EXIF rotation is applied; transparency is shown on white; grey, palette, 16-bit, float and CMYK pictures are
    converted; of an animation the first frame is taken.

    Args:
        image: a path, the bytes of a file, a PIL image, or an array [height, width] or [height, width, 1, 3 or 4] of
            uint8 (0..255) or of floats (0..1).

    Raises:
        InputError: no such file, a file that is not a picture in one of the formats above (whatever its name), a
            truncated picture, one that is too large to open safely (pixels, bytes, or comments), or one with pixels
            that are not finite.
    """
    if isinstance(image, np.ndarray):
        return _upright_rgb(_from_array(image))
    if isinstance(image, Image.Image):
        with _refusing("The image"):
            return _upright_rgb(image)
    if not isinstance(image, (str, Path, bytes)):
        hint = "; fixlip.explain_many takes several pictures" if isinstance(image, list | tuple) else ""
        raise InputError(f"An image must be a path, a PIL image or an array, got {type(image).__name__}{hint}.")
    with opened(image) as picture:
        return _upright_rgb(picture)


def inputs_in_order(name: str, values: Any) -> list[Any]:
    """Return pictures or captions in a list, by `in_order`; an array that is one picture is a single value.

    Args:
        name: name of the argument.
        values: the pictures or captions, or one of them.

    Raises:
        InputError: as `in_order`.

    Example:
        >>> [len(inputs_in_order("images", np.zeros(shape))) for shape in ((4, 4, 3), (5, 4, 4, 3))]
        [1, 5]
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf" and _is_picture(values.shape):
        return [values]
    return in_order(name, values, Image.Image)


def _is_picture(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))


@contextmanager
def opened(path: str | Path | bytes) -> Iterator[Image.Image]:
    """Yield a picture file, or the bytes of one, as Pillow opens it: the header is read at once, the pixels later.

    Raises:
        InputError: as `open_image`; also for errors inside the ``with`` block.
    """
    inside, name = isinstance(path, bytes), "The picture" if isinstance(path, bytes) else repr(str(path))
    if not inside and not os.path.isfile(path):  # reading a pipe or a device might never end
        raise InputError(f"{name} is not a file." if os.path.lexists(path) else f"No picture {name}.")
    with (
        _refusing(name),
        Pieces(io.BytesIO(path) if isinstance(path, bytes) else io.FileIO(path)) as file,
        Image.open(file, formats=_readable()) as picture,
    ):
        if picture.width * picture.height > (Image.MAX_IMAGE_PIXELS or math.inf):  # where Pillow only warns
            raise Image.DecompressionBombError
        if picture.format in ("JPEG", "MPO") and _scans(file.whole()) > MAX_SCANS:
            raise ValueError(f"more than {MAX_SCANS} scans; save it again as an ordinary JPEG")
        file.left = MAX_READS
        yield picture


class TooLargeError(Exception):
    """A file that would take too long or too much memory."""


class Pieces(io.BufferedReader):
    """A file of limited size that is read in a limited number of pieces.

    Decoders take time, and some of them memory, for each comment and chunk of a file, not only for its pixels.

    Args:
        raw: the file, open and unbuffered, or bytes as `io.BytesIO`.

    Raises:
        TooLargeError: the file has too many bytes, or is read in too many pieces.
    """

    def __init__(self, raw: io.RawIOBase | io.BytesIO) -> None:
        super().__init__(raw)  # type: ignore[arg-type]
        self.left = MAX_PIECES
        size = self.seek(0, os.SEEK_END)
        if size > MAX_BYTES:
            self.close()
            raise TooLargeError(f"{size:,} bytes, the limit is {MAX_BYTES:,}")
        self.seek(0)

    def read(self, size: int | None = -1) -> bytes:
        """Read so many bytes, or all that are left, as one piece."""
        self.left -= 1
        if self.left < 0:
            raise TooLargeError("it has too many comments or other parts beside its pixels")
        return super().read(size)

    def whole(self) -> bytes:
        """Read the file from its beginning, and go back to where it was."""
        place = self.tell()
        self.seek(0)
        content = self.read()
        self.seek(place)
        return content


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Turn every error of a decoder into one line, without its warnings."""
    try:
        with without_warnings():
            yield
    except Image.DecompressionBombError as error:
        raise InputError(f"{name} has too many pixels; make it smaller first.") from error
    except TooLargeError as error:
        raise InputError(f"{name} is too large: {error}.") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{name} is not a picture in a supported format: {', '.join(_readable())}.") from error
    except MemoryError as error:
        raise InputError(f"{name} does not fit into memory.") from error
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{name} is damaged: {reason[:200]}.") from error


def _readable() -> list[str]:
    """Return those of `FORMATS` that this Pillow and its plugins read."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _scans(jpeg: bytes) -> int:
    """Count the scans of a JPEG before its end, up to more than `MAX_SCANS`."""
    place, scans = 2, 0
    for _ in range(MAX_PIECES):
        marker = _MARKER.search(jpeg, place)
        if marker is None or marker[1] == b"\xd9" or scans > MAX_SCANS:
            return scans
        scans += marker[1] == b"\xda"
        place = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2])
    raise TooLargeError(f"more than {MAX_PIECES:,} segments")


def _from_array(array: np.ndarray) -> Image.Image:
    if 0 in array.shape or not _is_picture(array.shape):
        raise InputError(
            f"An image array must have shape [height, width] or [height, width, 1, 3 or 4], got {array.shape}."
        )
    if np.issubdtype(array.dtype, np.floating):
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise InputError("A float image array must have values from 0 to 1.")
        array = (array * 255).round().astype(np.uint8)
    elif array.dtype != np.uint8:
        raise InputError(f"An image array must hold uint8 or floats, got {array.dtype}.")
    return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array)


def _upright_rgb(image: Image.Image) -> Image.Image:
    if 0 in image.size:
        raise ValueError(f"{image.width} x {image.height} pixels")
    image.load()
    white = _white(image)
    with suppress(Exception):  # a picture with broken EXIF stays as it is
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        image = _eight_bits(image, white)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper: Any = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image)
        image = paper
    return image.convert("RGB")


def _white(image: Image.Image) -> float | None:
    """Return the integer that stands for white, from the mode and the format; None where these do not tell."""
    bits = 16 if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")) else 32
    if isinstance(image, TiffImageFile) and image.mode.startswith("I"):
        bits = image.tag_v2.get(BITSPERSAMPLE, (bits,))[0]  # 12 bits are in the mode of 16
    return 2.0**bits - 1 if bits < 32 else None


def _eight_bits(image: Image.Image, white: float | None) -> Image.Image:
    """Scale integers from 0 to `white`, floats up to 1, or larger values to 0..255."""
    values = np.array(image, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("values that are not finite")
    steps = (1.0, 255.0) if image.mode == "F" else (255.0, 65535.0)
    most = float(values.max())
    top = white or next((step for step in steps if most <= step), most)
    np.clip(values, 0, top, out=values)
    values *= 255 / top
    return Image.fromarray(values.astype(np.uint8))
