"""Pictures that try a reader: broken, huge, strange, or no pictures at all; each with what must come of it."""

import io
import os
import struct
import zlib
from dataclasses import dataclass
from itertools import product

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

SMOOTH = Image.fromarray(
    np.stack(
        np.broadcast_arrays(np.linspace(20, 230, 60)[None], np.linspace(240, 30, 40)[:, None], 90.0), axis=-1
    ).astype(np.uint8)
)
GREY = SMOOTH.convert("L").convert("RGB")
FIRST, SECOND = SMOOTH, SMOOTH.transpose(Image.Transpose.ROTATE_180)
TO_STORED = {  # EXIF orientation: how an upright picture is turned for the file
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True)
class Hostile:
    """A file, and what comes of it: the picture that it shows (to so many grey levels), or what the error says."""

    name: str
    content: bytes
    shows: Image.Image | None = None
    error: str = ""
    to: float = 1.0


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width, height, depth, colour, pixels, *chunks):
    """A PNG from its parts."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    made = (struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


def many_scans(n, side=64):
    """A progressive JPEG whose last scan comes so many times more."""
    data = encoded(Image.new("L", (side, side), 90), "JPEG", progressive=True)
    return data[:-2] + data[data.rfind(b"\xff\xda") : -2] * n + data[-2:]


def exif(orientation, text=""):
    made = Image.Exif()
    made[0x0112] = orientation
    if text:
        made[0x010E] = text
    return made.tobytes()


def turned():
    """One picture with each EXIF orientation, and with some that do not exist."""
    for orientation, kind in product((0, *range(1, 10), 65535), ("JPEG", "PNG", "WEBP", "TIFF")):
        how = TO_STORED.get(orientation)
        stored = SMOOTH if how is None else SMOOTH.transpose(how)
        options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
        yield Hostile(f"{kind}-{orientation}", encoded(stored, kind, exif=exif(orientation), **options), SMOOTH, to=9)


def whole():
    """Odd pictures that have nothing wrong with them."""
    high = np.asarray(SMOOTH).astype(np.uint16) * 257
    grey = np.asarray(SMOOTH.convert("L"))
    rows = b"".join(b"\0" + row.tobytes() for row in high.astype(">u2"))
    lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    clear = SMOOTH.copy()
    clear.putalpha(0)
    half = SMOOTH.quantize(200)
    white = Image.new("RGB", SMOOTH.size, "white")
    yield Hostile("grey of 16 bits", encoded(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"), GREY)
    yield Hostile("grey of 16 bits, TIFF", encoded(Image.fromarray(grey.astype(np.uint16) * 257), "TIFF"), GREY)
    yield Hostile("colours of 16 bits", png(*SMOOTH.size, 16, 2, rows), SMOOTH)
    bright = Image.fromarray((grey * (255 / grey.max())).astype(np.uint8)).convert("RGB")
    yield Hostile("integers of 32 bits", encoded(Image.fromarray(grey.astype(np.int32) * 8_000_000), "TIFF"), bright)
    yield Hostile("floats up to 1", encoded(Image.fromarray(grey.astype(np.float32) / 255), "TIFF"), GREY)
    yield Hostile("floats up to 255", encoded(Image.fromarray(grey.astype(np.float32)), "TIFF"), GREY)
    yield Hostile("one bit", encoded(SMOOTH.convert("1"), "PNG"), SMOOTH.convert("1").convert("RGB"))
    yield Hostile("a palette", encoded(SMOOTH.quantize(200), "PNG"), SMOOTH, to=20)
    yield Hostile("a palette, all clear", encoded(half, "PNG", transparency=bytes(200)), white)
    yield Hostile("all clear", encoded(clear, "PNG"), white)
    yield Hostile("grey with alpha", encoded(SMOOTH.convert("LA"), "PNG"), GREY)
    yield Hostile("CMYK", encoded(SMOOTH.convert("CMYK"), "JPEG", quality=95), SMOOTH, to=9)
    yield Hostile("YCbCr", encoded(SMOOTH.convert("YCbCr"), "TIFF"), SMOOTH, to=4)
    yield Hostile("LAB", encoded(ImageCms.applyTransform(SMOOTH, lab), "TIFF"), SMOOTH, to=20)
    for kind in ("PNG", "GIF", "WEBP", "TIFF", "MPO"):
        many = encoded(FIRST, kind, save_all=True, append_images=[SECOND])
        yield Hostile(f"several frames, {kind}", many, FIRST, to=30 if kind == "WEBP" else 20)
    yield Hostile("a JPEG called PNG", encoded(SMOOTH, "JPEG", quality=95), SMOOTH, to=9)
    yield Hostile("an icon", encoded(SMOOTH, "ICO", sizes=[SMOOTH.size]), SMOOTH)
    yield Hostile("much EXIF", encoded(SMOOTH, "JPEG", quality=95, exif=exif(1, "x" * 60_000)), SMOOTH, to=9)
    for kind in ("JPEG", "PNG", "WEBP"):
        broken = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(range(256))
        options = {} if kind == "PNG" else {"quality": 95}
        yield Hostile(f"broken EXIF, {kind}", encoded(SMOOTH, kind, exif=broken, **options), SMOOTH, to=9)
        yield Hostile(
            f"broken profile, {kind}", encoded(SMOOTH, kind, icc_profile=b"\1" * 9999, **options), SMOOTH, to=9
        )
    yield Hostile("one pixel", encoded(Image.new("RGB", (1, 1), "red"), "PNG"), Image.new("RGB", (1, 1), "red"))
    yield Hostile("very wide", encoded(Image.new("RGB", (100_000, 1)), "PNG"), Image.new("RGB", (100_000, 1)))
    yield Hostile("very tall", encoded(Image.new("RGB", (1, 100_000)), "PNG"), Image.new("RGB", (1, 100_000)))
    yield Hostile("many scans", many_scans(80), Image.new("RGB", (64, 64), (90, 90, 90)), to=9)


def endless(size=20_000_000):
    """Names and contents of pictures with so many bytes of comments, or of other parts beside the pixels."""
    jpeg, gif, whole = encoded(SMOOTH, "JPEG"), encoded(SMOOTH, "GIF"), encoded(SMOOTH, "PNG")
    table = 13 + 3 * 2 ** ((gif[10] & 7) + 1)  # where the colours of a GIF end
    empty = b"\0\0\0\0teSt" + struct.pack(">I", zlib.crc32(b"teSt"))
    yield "a PPM of one comment", b"P6 #" + b"x" * size
    yield "a PPM of many comments", b"P6 " + b"#x\n" * (size // 3)
    blocks = (b"\xff" + b"x" * 255) * (size // 256) + b"\0"
    yield "a GIF of one comment", gif[:table] + b"!\xfe" + blocks + gif[table:]
    yield "a GIF of an extension", gif[:table] + b"!\x01" + b"\1x" * (size // 2) + b"\0" + gif[table:]
    yield "a JPEG of empty comments", jpeg[:2] + b"\xff\xfe\0\2" * (size // 4) + jpeg[2:]
    yield "a JPEG of fill bytes", jpeg[:2] + b"\xff" * size + jpeg[2:]
    yield "a PNG of chunks before the pixels", whole[:33] + empty * (size // 12) + whole[33:]
    yield "a PNG of chunks behind the pixels", whole[:-12] + empty * (size // 12) + whole[-12:]


def broken():
    """Files that are no pictures, or none that can be used."""
    none = "not a picture in a supported format"
    for name, content in {
        "empty": b"",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "PDF": encoded(SMOOTH, "PDF"),
        "HTML": b"<!doctype html><img src=x onerror=alert(1)>",
        "a program": b"\x7fELF\2\1\1" + bytes(500),
        "a script": b"#!/bin/sh\ntouch executed\n",
        "EPS, which Ghostscript would run": encoded(SMOOTH, "EPS"),
        "EPS called JPEG": encoded(SMOOTH, "EPS"),
        "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200),
        "a format of games": encoded(SMOOTH, "DDS"),
        "JPEG 2000, which is read even when cut short": encoded(SMOOTH, "JPEG2000"),
        "a PNG of no pixels": png(0, 0, 8, 2, b""),
        "only a signature": b"\x89PNG\r\n\x1a\n",
    }.items():
        yield Hostile(name, content, error=none)
    text = PngImagePlugin.PngInfo()
    text.add_text("a", "b" * 30_000_000, zip=True)
    nothing = Image.fromarray(np.full((4, 4), np.nan, dtype=np.float32))
    endless = Image.fromarray(np.full((4, 4), np.inf, dtype=np.float32))
    for name, content in {
        "a text of 30 MB in a PNG": encoded(SMOOTH, "PNG", pnginfo=text),
        "a profile of 50 MB": encoded(SMOOTH, "PNG", icc_profile=bytes(50_000_000)),
        "floats that are not numbers": encoded(nothing, "TIFF"),
        "endless floats": encoded(endless, "TIFF"),
        "too many scans": many_scans(101),
        "a number of 10000 digits": b"P6 " + b"9" * 10_000 + b" 9 255\n",
        "a size that lies, PPM": b"P6 9000 9900 255\n" + b"0" * 30,
        "a wrong sum in a PNG": encoded(SMOOTH, "PNG").replace(b"IDATx", b"IDATy"),
    }.items():
        yield Hostile(name, content, error="damaged")


def bombs():
    """Little files of enormous pictures."""
    sizes = {"GIF": (6, "<HH", 65_535), "BMP": (18, "<ii", 60_000)}
    for kind, (place, form, side) in sizes.items():
        data = bytearray(encoded(Image.new("P", (9, 9)), kind))
        struct.pack_into(form, data, place, side, side)
        yield Hostile(f"{kind} bomb", bytes(data), error="too many pixels")
    yield Hostile("PNG bomb", png(100_000, 100_000, 8, 2, bytes(1000)), error="too many pixels")
    yield Hostile("PNG bomb of one bit", png(60_000, 60_000, 1, 0, bytes(7501 * 6000)), error="too many pixels")
    yield Hostile("PPM bomb", b"P6 100000 100000 255\n", error="too many pixels")
    tiff = encoded(Image.new("L", (7777, 1)), "TIFF").replace(struct.pack("<I", 7777), struct.pack("<I", 2**31 - 1))
    yield Hostile("TIFF bomb", tiff, error="")
    webp = bytearray(
        encoded(Image.new("RGBA", (30, 30)), "WEBP", save_all=True, append_images=[Image.new("RGBA", (30, 30), "red")])
    )
    webp[24:30] = b"\xff" * 6
    yield Hostile("WebP bomb", bytes(webp), error="")
    yield Hostile("a hundred thousand scans", many_scans(100_000), error="scans")


def not_files(folder):
    """Paths that are no pictures: none of them may be waited for."""
    os.mkfifo(folder / "pipe.png")
    (folder / "dangling.png").symlink_to(folder / "nowhere")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    (folder / "folder.png").mkdir()
    inside = ("pipe.png", "dangling.png", "loop.png", "zero.png", "folder.png", "missing.png")
    return [
        *(str(folder / name) for name in inside),
        "/dev/zero", "/dev/null", "", ".", "~", "https://example.org/a.png", "file:///etc/passwd", "a" * 10_000,
        "\udcff.png", "\ud800.png", "new\nline.png", "\u202egnp.exe",
    ]  # fmt: skip


def small():
    """Little pictures in all formats that are read: what a fuzzer starts from."""
    image = SMOOTH.resize((8, 6))
    frames = [image, image.rotate(180)]
    found = [encoded(image, kind) for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "ICO")]
    found += [encoded(frames[0], kind, save_all=True, append_images=frames[1:]) for kind in ("PNG", "GIF", "WEBP")]
    found += [encoded(image, "JPEG", progressive=True, exif=exif(6)), encoded(image, "PNG", exif=exif(6))]
    found += [encoded(image.quantize(4), "PNG", transparency=0), encoded(image.convert("CMYK"), "JPEG")]
    found += [encoded(image, "TIFF", compression=how) for how in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits")]
    return found
