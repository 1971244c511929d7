"""Hostile pictures: each gives the right picture or an error of one line, soon and in little memory."""

import json
import os
import subprocess
import sys
import warnings
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

import fixlip
from fixlip.datasets.boxes import stored
from fixlip.errors import InputError
from fixlip.io.images import FORMATS, open_image
from tests.helpers import hostile_pictures as corpus
from tests.helpers.hostile_pictures import SMOOTH, encoded

FAST = ("--model", "demo-clip", "--image-masks", "128", "--option", "interactions=cross", "--top", "1")
WHOLE, BROKEN, BOMBS = list(corpus.whole()), list(corpus.broken()), list(corpus.bombs())
GIGABYTES, SECONDS = 3, 5
RIGHT, LINE = "the right picture", "an error of one line"
OPENED = """
import json, resource, sys, time
from fixlip.errors import FixlipError
from fixlip.io.images import open_image
resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES << 30,) * 2)
for line in sys.stdin:
    start = time.monotonic()
    try:
        said = str(open_image(json.loads(line)).size)
    except FixlipError as error:
        said = f"error: {error}"
    print(json.dumps([said, time.monotonic() - start]), flush=True)
"""


def close(found, expected, to):
    assert found.mode == "RGB"
    assert found.size == expected.size
    return np.abs(np.asarray(found, dtype=float) - np.asarray(expected, dtype=float)).max() <= to


def one_line(error):
    said = str(error)
    return len(said.splitlines()) == 1 and said.isprintable()


@pytest.fixture
def file_of(tmp_path):
    def write(hostile):
        path = tmp_path / "picture.png"
        path.write_bytes(hostile.content)
        return path

    return write


@pytest.mark.parametrize("hostile", WHOLE, ids=lambda h: h.name)
def test_odd_pictures(hostile, file_of):
    assert close(open_image(file_of(hostile)), hostile.shows, hostile.to)


def test_orientations(file_of):
    for hostile in corpus.turned():
        path = file_of(hostile)
        assert close(open_image(path), hostile.shows, hostile.to), hostile.name
        assert stored(path)[0] in (SMOOTH.size, SMOOTH.size[::-1])


@pytest.mark.parametrize("hostile", BROKEN, ids=lambda h: h.name)
def test_broken_pictures(hostile, file_of):
    with pytest.raises(InputError, match=hostile.error) as caught:
        open_image(file_of(hostile))
    assert one_line(caught.value)
    assert "picture.png" in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "ICO"])
def test_cut_short(kind, file_of):
    data = encoded(SMOOTH, kind)
    expected = open_image(file_of(corpus.Hostile("", data)))
    refused = 0
    for length in sorted({*range(0, len(data), max(1, len(data) // 150)), *range(len(data) - 9, len(data))}):
        try:
            assert close(open_image(file_of(corpus.Hostile("", data[:length]))), expected, 0), length
        except InputError as error:
            refused += 1
            assert one_line(error)  # noqa: PT017
    assert refused > 50


def test_not_files(tmp_path):
    for path in corpus.not_files(tmp_path):
        with pytest.raises(InputError) as caught:
            open_image(path)
        assert one_line(caught.value)


def test_bombs(tmp_path):
    """In a process whose memory is limited; a pipe would be waited for until the time is over."""
    paths = corpus.not_files(tmp_path)[:7]
    for k, hostile in enumerate(BOMBS):
        (tmp_path / f"{k}").write_bytes(hostile.content)
        paths.append(str(tmp_path / f"{k}"))
    lines = "".join(json.dumps(path) + "\n" for path in paths)
    program = OPENED.replace("GIGABYTES", str(GIGABYTES))
    done = subprocess.run([sys.executable, "-c", program], input=lines, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(paths)
    for (said, seconds), hostile in zip(answers, [None] * 7 + BOMBS, strict=True):
        assert said.startswith("error: "), (said, hostile and hostile.name)
        assert hostile is None or hostile.error in said
        assert seconds < SECONDS


MEASURED = """
import json, resource, sys, time
from fixlip.errors import FixlipError
from fixlip.io.images import open_image
from PIL import Image
Image.init()
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (200 << 20),) * 2)
for line in sys.stdin:
    start = time.process_time()
    try:
        said = str(open_image(json.loads(line)).size)
    except FixlipError as error:
        said = str(error)
    print(json.dumps([said, time.process_time() - start]), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the size of a process from /proc")
def test_gigabytes_of_nothing_and_of_comments(tmp_path):
    """Files with gigabytes of holes, of every format, and headers with comments without end: soon, in 200 MB."""
    named = {kind: encoded(SMOOTH, kind) for kind in FORMATS if kind in Image.SAVE}
    assert {"AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP"} <= set(named)
    for name, content in named.items():
        (tmp_path / name).write_bytes(content)
        os.truncate(tmp_path / name, 3 << 30)
    endless = dict(corpus.endless())
    for name, content in endless.items():
        (tmp_path / name).write_bytes(content)
    lines = "".join(json.dumps(str(tmp_path / name)) + "\n" for name in (*named, *endless))
    done = subprocess.run([sys.executable, "-c", MEASURED], input=lines, capture_output=True, text=True, timeout=90)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(named) + len(endless), done.stderr
    for (said, seconds), name in zip(answers, (*named, *endless), strict=True):
        reason = "the limit is 134,217,728" if name in named else "too many comments or other parts"
        assert "is too large: " in said, (name, said)
        assert reason in said
        assert len(said.splitlines()) == 1
        assert seconds < 1, name


def test_a_picture_with_some_comments_is_read(file_of):
    data = encoded(SMOOTH, "JPEG", quality=95)
    content = data[:2] + b"\xff\xfe\x80\x00" + b"x" * 0x7FFE + b"\xff\xfe\x00\x03x" * 500 + data[2:]
    assert close(open_image(file_of(corpus.Hostile("", content))), SMOOTH, 9)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16"])
def test_the_largest_picture(mode, tmp_path):
    Image.new(mode, (9400, 9400)).save(tmp_path / "large.png", compress_level=1)
    program = OPENED.replace("GIGABYTES", str(GIGABYTES))
    line = json.dumps(str(tmp_path / "large.png")) + "\n"
    done = subprocess.run([sys.executable, "-c", program], input=line, capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout)[0] == "(9400, 9400)", done.stderr


def test_on_the_command_line(cli, tmp_path, file_of):
    def explained(path):
        code, printed, said = cli("explain", path, "a dog", *FAST)
        if code:
            assert (code, printed) == (2, "")
            assert said.startswith("fixlip: "), (path, said)
            assert len(said.splitlines()) == 1
        return code

    assert {explained(file_of(hostile)) for hostile in WHOLE[::9]} == {0}
    assert {explained(file_of(hostile)) for hostile in (*BROKEN, *BOMBS)} == {2}
    assert {explained(path) for path in corpus.not_files(tmp_path) if "\ud800" not in path} == {2}


@pytest.mark.parametrize("name", ["a\nb.png", "\udcff.png", "\u202egnp.png", "-x.png", " ", "a" * 250])
def test_names(name, tmp_path):
    (tmp_path / name).write_bytes(encoded(SMOOTH, "PNG"))
    assert close(open_image(tmp_path / name), SMOOTH, 0)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError) as caught:
        open_image(tmp_path / name)
    assert one_line(caught.value)


DTYPES = ("bool", "int8", "int16", "uint16", "int32", "int64", "uint64", "complex64", "U3", "S2", "O", "M8[s]", "V4")


def test_arrays():
    for dtype in DTYPES:
        with pytest.raises(InputError, match="must hold uint8 or floats") as caught:
            open_image(np.zeros((4, 4), dtype=dtype))
        assert one_line(caught.value)
    for shape in ((), (3,), (0, 4), (4, 0, 3), (4, 4, 2), (4, 4, 5), (4, 4, 3, 1)):
        with pytest.raises(InputError, match="shape"):
            open_image(np.zeros(shape))
    for value in (np.nan, np.inf, -0.1, 1.1):
        with pytest.raises(InputError, match="0 to 1"):
            open_image(np.full((2, 2), value))
    pixels = np.asarray(SMOOTH)
    for dtype in ("float16", "float32", ">f4", "float64", "longdouble"):
        assert close(open_image((pixels / 255).astype(dtype)), SMOOTH, 0)
    for view, expected in (
        (pixels[::-1, ::-1], SMOOTH.transpose(Image.Transpose.ROTATE_180)),
        (np.asfortranarray(pixels), SMOOTH),
        (np.dstack([pixels, np.full((40, 60), 255, np.uint8)]), SMOOTH),
        (np.asarray(SMOOTH.convert("L"))[..., None], SMOOTH.convert("L").convert("RGB")),
    ):
        assert close(open_image(view), expected, 0)


def test_pil_images(tmp_path):
    for mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "I", "F", "I;16"):
        assert open_image(Image.new(mode, (5, 4))).size == (5, 4)
    (tmp_path / "cut.png").write_bytes(encoded(SMOOTH, "PNG")[:120])
    cut = Image.open(tmp_path / "cut.png")
    for image in (
        Image.new("RGB", (0, 0)),
        Image.new("F", (0, 3)),
        Image.new("La", (3, 3)),
        cut,
    ):
        with pytest.raises(InputError, match="damaged"):
            open_image(image)
    cut.close()
    with pytest.raises(InputError, match="is not a picture in a supported format"):
        open_image(b"bytes")
    with pytest.raises(InputError, match="path, a PIL image or an array"):
        open_image(3)


def test_no_warning_and_no_filter_is_left(file_of):
    before = list(warnings.filters)
    for hostile in (*WHOLE[-8:], BROKEN[0]):
        with suppress(InputError):
            open_image(file_of(hostile))
    assert list(warnings.filters) == before


def test_explained_as_the_plain_picture(demo_clip, file_of):
    turned = next(h for h in corpus.turned() if h.name == "PNG-6")
    call = {"model": demo_clip, "image_masks": 128, "options": {"interactions": "cross"}, "progress": False}
    found = fixlip.explain(file_of(turned), "a dog", **call)
    expected = fixlip.explain(SMOOTH, "a dog", **call)
    np.testing.assert_array_equal(found.cross, expected.cross)
