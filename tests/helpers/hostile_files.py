"""Saved explanations that somebody made by hand: whole files, with a checksum that fits, and something wrong inside."""

import io
import json
import struct
import zlib
from hashlib import sha256

import numpy as np
from PIL import Image

from tests.helpers.saved import DATA

ZEROS = "0" * 64


def taken_apart(name="v2-full"):
    """Header and arrays of a good file: name -> (kind of safetensors, shape, bytes)."""
    content = (DATA / f"{name}.fixlip").read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    outer = json.loads(content[8:start])
    header = json.loads(outer.pop("__metadata__")["fixlip"])
    return header, {
        key: (part["dtype"], part["shape"], content[start + part["data_offsets"][0] : start + part["data_offsets"][1]])
        for key, part in outer.items()
    }


def put_together(header, parts):
    """The file, by the format itself; a text as header is taken as it is."""
    text = header if isinstance(header, str) else json.dumps({**header, "sha256": ZEROS})
    layout, data = {"__metadata__": {"fixlip": text}}, b""
    for name, (kind, shape, content) in parts.items():
        layout[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    written = json.dumps(layout).encode()
    written += b" " * (-len(written) % 8)
    return sealed(struct.pack("<Q", len(written)) + written + data)


def sealed(content):
    """The file with its checksum."""
    return content.replace(ZEROS.encode(), sha256(content).hexdigest().encode(), 1)


def changed(path, value):
    """A good file with one value of its header replaced: `path` leads to it; ... as value takes it out."""
    header, parts = taken_apart()
    *way, last = path
    place = header
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return put_together(header, parts)


def with_array(name, kind, shape, content):
    """A good file with another array."""
    header, parts = taken_apart()
    parts[name] = (kind, shape, content)
    return put_together(header, parts)


def without(*names):
    """A good file that lacks arrays."""
    header, parts = taken_apart()
    return put_together(header, {name: part for name, part in parts.items() if name not in names})


def with_numbers(name, place, value):
    """A good file with one number of an array replaced."""
    header, parts = taken_apart()
    kind, shape, content = parts[name]
    numbers = np.frombuffer(content, dtype={"F64": "<f8", "I64": "<i8"}[kind]).copy()
    numbers[place] = value
    parts[name] = (kind, shape, numbers.tobytes())
    return put_together(header, parts)


def with_picture(content):
    """A good file with another picture."""
    return with_array("picture", "U8", [len(content)], content)


def encoded(kind, size=(8, 6), **options):
    """A small picture of a format."""
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, kind, **options)
    return buffer.getvalue()


def png_bomb(width, height):
    """A PNG that says that it is huge, with little in it."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 20)))
        + chunk(b"IEND", b"")
    )


def with_chunk(kind, data):
    """A small PNG with a chunk more."""
    content = encoded("PNG")
    extra = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return content[:33] + extra + content[33:]


def nested(depth):
    """Lists within lists, as JSON."""
    return "[" * depth + "]" * depth


def hostile():
    """Name -> content of all of them."""
    text = json.dumps({**taken_apart()[0], "sha256": ZEROS})
    unsealed = (DATA / "v2-full.fixlip").read_bytes().replace(taken_apart()[0]["sha256"].encode(), ZEROS.encode())
    found = {
        "header: a list": put_together("[]", {}),
        "header: null": put_together("null", {}),
        "header: not JSON": put_together("{", {}),
        "header: deep": put_together(f'{{"sha256": "{ZEROS}", "version": 2, "x": {nested(100_000)}}}', {}),
        "header: outer deep": (n := nested(100_000).encode()) and struct.pack("<Q", len(n)) + n,
        "header: huge number": put_together('{"version": ' + "9" * 5000 + "}", {}),
        "header: Infinity": put_together(text.replace("-1.25", "Infinity"), taken_apart()[1]),
        "header: NaN": put_together(text.replace("-1.25", "NaN"), taken_apart()[1]),
        "header: 1e999": put_together(text.replace("-1.25", "1e999"), taken_apart()[1]),
        "header: a field twice": put_together(text[:-1] + ', "unit": "logit"}', taken_apart()[1]),
        "header: a field of a field twice": put_together(
            text.replace('"seed":', '"seed": 0, "seed":'), taken_apart()[1]
        ),
        "header: an array twice": sealed(unsealed.replace(b'"curves_sizes"', b'"curves_order"', 1)),
        "header: not UTF-8": struct.pack("<Q", 8) + b'{"a\xff":1}',
        "header: UTF-16": struct.pack("<Q", 12) + '{"a":1}'.encode("utf-16")[:12],
        "header: metadata a number": struct.pack("<Q", 24) + b'{"__metadata__": 1}     ',
        "header: metadata of a number": struct.pack("<Q", 32) + b'{"__metadata__": {"fixlip": 1}} ',
        "header: longer than the file": struct.pack("<Q", 1 << 20) + b"{}",
        "header: longer than any": struct.pack("<Q", (1 << 64) - 1) + b"{}",
        "header: 8 MB": struct.pack("<Q", 1 << 23) + b"{" + b" " * ((1 << 23) - 2) + b"}",
        "arrays: many": put_together(text, {f"a{k}": ("U8", [0], b"") for k in range(50_000)}),
        "arrays: none": put_together(text, {}),
        "picture: bomb": with_picture(png_bomb(30_000, 30_000)),
        "picture: bomb of a row": with_picture(png_bomb(2_000_000_000, 1)),
        "picture: text bomb": with_picture(with_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 28), 9))),
        "picture: cut": with_picture(encoded("PNG", (200, 200))[:-40]),
        "picture: nothing": with_picture(b""),
        "picture: noise": with_picture(bytes(range(256))),
        "picture: EPS": with_picture(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/tmp/x) (w) file\n%%EOF"),
    }
    found |= {f"picture: {kind}": with_picture(encoded(kind)) for kind in ("TIFF", "GIF", "JPEG", "WEBP", "BMP", "ICO")}
    header, parts = taken_apart()
    for name, (_, shape, _) in parts.items():
        size = int(np.prod(shape))
        for kind, width in (("BF16", 2), ("F8_E4M3", 1), ("BOOL", 1), ("U64", 8), ("I8", 1), ("C64", 8)):
            found[f"arrays: {name} of {kind}"] = with_array(name, kind, shape, bytes(size * width))
        found[f"arrays: {name} of no dimension"] = with_array(name, parts[name][0], [], parts[name][2][:8])
        found[f"arrays: no {name}"] = without(name) if name != "picture" else with_picture(b"x")
    for name in ("first_order", "second_order", "stderr_second_order", "curves_deletion"):
        found[f"values: inf in {name}"] = with_numbers(name, 1, np.inf)
    found |= {
        "values: NaN in first_order": with_numbers("first_order", 0, np.nan),
        "values: curves_order twice the same": with_numbers("curves_order", 0, 1),
        "values: curves_order beyond": with_numbers("curves_order", 0, 2**62),
        "values: curves_sizes beyond": with_numbers("curves_sizes", 0, 8),
        "values: curves_sizes negative": with_numbers("curves_sizes", 0, -1),
        "arrays: curves of other lengths": with_array("curves_insertion", "F64", [3], bytes(24)),
        "arrays: an unknown one": with_array("__class__", "U8", [1], b"x"),
        "arrays: huge shape of nothing": with_array("first_order", "F64", [0, 1 << 62], b""),
        "arrays: shape overflows": with_array("first_order", "F64", [1 << 62, 1 << 62], bytes(8)),
        "arrays: overlapping": put_together(header, parts).replace(b'"data_offsets": [56', b'"data_offsets": [48'),
        "regions: and a grid": with_array("regions", "I16", [2, 2], bytes(8)),
    }
    v2 = taken_apart("v2-regions")
    for what, labels in (("beyond", [9, 0]), ("below", [-2, 0]), ("flat", None)):
        shape, data = ([1, 2], np.array(labels, "<i2").tobytes()) if labels else ([2], bytes(4))
        found[f"regions: {what}"] = put_together(v2[0], v2[1] | {"regions": ("I16", shape, data)})
    found["regions: none"] = put_together(v2[0], v2[1] | {"regions": ("I16", [0, 4], b"")})
    wrong = {  # what to put in the place of each field
        "a list": [],
        "an object": {},
        "deep": json.loads(nested(60)),
        "a long text": "x" * 100_000,
        "true": True,
        "1e300": 1e300,
        "-5": -5,
    }
    fields = [(name,) for name in header if name != "sha256"] + [("provenance", name) for name in header["provenance"]]
    fields += [(side, k, name) for side in ("image", "text") for k in (0, 1) for name in header[side][0]]
    fields += [("image", 0), ("text", 1), ("grid", 0), ("image", 0, "box", 2), ("text", 0, "span", 1)]
    for way in fields:
        for what, value in wrong.items():
            found[f"field {way}: {what}"] = changed(way, value)
        found[f"field {way}: gone"] = changed(way, ...)
    for way in ((), ("provenance",), ("image", 0), ("curves",)):
        found[f"field {way}: one more"] = changed((*way, "__class__"), "os.system")
    found |= {
        "players: strings": changed(("image",), ["a", "b", "c", "d"]),
        "players: too many": changed(("text",), header["text"] * 1000),
        "grid: zero": changed(("grid",), [0, 4]),
        "grid: negative": changed(("grid",), [-2, -2]),
        "grid: others": changed(("grid",), [4, 2]),
        "box: outside": changed(("image", 0, "box"), [0, 0, 1.5, 1]),
        "box: negative": changed(("image", 0, "box"), [-1, 0, 1, 1]),
        "box: turned around": changed(("image", 0, "box"), [1, 0, 0, 1]),
        "span: outside": changed(("text", 0, "span"), [0, 10_000]),
        "span: turned around": changed(("text", 0, "span"), [2, 1]),
        "options: deep": changed(("provenance", "options"), {"a": json.loads(nested(900))}),
        "details: a text": changed(("provenance", "details"), {"a": "b"}),
        "versions: a number": changed(("provenance", "versions"), {"a": 1}),
        "unit: another": changed(("unit",), "</script>"),
    }
    return found
