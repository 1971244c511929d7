"""The depth of a picture is that of its mode and format, not that of its brightest pixel."""

from struct import pack

import numpy as np
import pytest
from PIL import Image

from fixlip.io.images import open_image
from tests.helpers.hostile_pictures import encoded

DARK = np.array([[0, 12_345], [257, 200]], np.uint16)  # of 65,535


def pgm(values, white):
    return f"P5 2 2 {white}\n".encode() + values.astype(">u2").tobytes()


def opened(content, tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(content)
    return np.asarray(open_image(path))[..., 0]


@pytest.mark.parametrize("part", [1, 50, 500])  # 500: no pixel above 255
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM", "PGM", "memory"])
def test_a_dark_picture_of_16_bits_stays_dark(kind, part, tmp_path):
    values = DARK // part
    image = Image.fromarray(values)
    if kind == "memory":
        found = np.asarray(open_image(image))[..., 0]
    else:
        found = opened(pgm(values, 65_535) if kind == "PGM" else encoded(image, kind), tmp_path)
    assert found.tolist() == (values / 257).astype(np.uint8).tolist()


def test_other_depths(tmp_path):
    assert opened(pgm(np.full((2, 2), 511), 1023), tmp_path).tolist() == [[127, 127]] * 2
    tags = {256: 2, 257: 1, 258: 12, 259: 1, 262: 1, 273: 122, 277: 1, 278: 1, 279: 3}  # 12 bits, packed
    entries = b"".join(pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    twelve = pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + bytes([0x7F, 0xFF, 0xFF])
    assert opened(twelve, tmp_path).tolist() == [[127, 255]]
    grey = np.full((2, 2), 200, np.uint8)
    for mode in ("L", "I", "F"):
        assert np.asarray(open_image(Image.fromarray(grey).convert(mode)))[..., 0].tolist() == grey.tolist()
    wide = Image.fromarray(np.array([[0, 2**30], [2**31 - 1, 0]], np.int32))
    assert opened(encoded(wide, "TIFF"), tmp_path).tolist() == [[0, 127], [255, 0]]
