"""Explanations on disk.

One file is one safetensors file: the arrays, the picture as PNG bytes, and a JSON header under the key ``fixlip``.
Nothing in it is ever executed; `fixlip.results.file_format` says what it may hold, docs/format.md what it means.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as pack

from fixlip.errors import InputError
from fixlip.io.files import plain, read_bytes, write_atomically
from fixlip.io.images import Pieces
from fixlip.io.schema import check_version, checked, parsed
from fixlip.players.base import Player, Players
from fixlip.results import file_format as layout
from fixlip.results.provenance import Provenance, StandardErrors
from fixlip.results.removal_curves import RemovalCurves
from fixlip.results.spectrum import Spectrum
from fixlip.results.third_order import ThirdOrder
from fixlip.runtime.threads import without_warnings

_SCALARS = ("baseline", "empty_value", "full_value", "index", "unit")
_THIRD = ("third_order_text_pairs", "third_order_image_pairs")
_NO_SUM = "0" * 64  # stands for the checksum while that is computed


def save(explanation: Mapping[str, Any], path: str | Path) -> None:
    """Write the fields of an explanation, whole or not at all; `load` gives equal ones back.

    Args:
        explanation: the fields, by name.
        path: path of the file; an old one is replaced.

    Raises:
        InputError: the path cannot be written (an old file is untouched), or `load` would refuse the explanation, for
            its infinite numbers, say.
    """
    stderr, removal, players = explanation["stderr"], explanation["curves"], explanation["players"]
    arrays = {name: explanation[name] for name in ("first_order", "second_order")}
    if stderr is not None:
        arrays["stderr_first_order"] = stderr.first_order
        arrays["stderr_second_order"] = stderr.second_order
        arrays |= {} if stderr.additive is None else {"stderr_additive": stderr.additive}
    for prefix, third in (("", explanation["third_order"]), ("stderr_", stderr and stderr.third_order)):
        arrays |= {prefix + name: values for name, values in zip(_THIRD, third.arrays if third else (), strict=False)}
    power = explanation["power"]
    if power is not None:
        arrays |= {"power_variances": power.variances, "power_errors": power.errors}
    curves = {} if removal is None else vars(removal)
    arrays |= {f"curves_{name}": value for name, value in curves.items() if isinstance(value, np.ndarray)}
    if players.picture is not None:
        arrays["picture"] = np.frombuffer(png_bytes(players.picture), dtype=np.uint8)
    if players.regions is not None:
        arrays["regions"] = players.regions
    if players.visible is not None:
        arrays["visible"] = np.array(players.visible, dtype=float)
    header = {
        "sha256": _NO_SUM,
        "version": layout.VERSION,
        **{name: explanation[name] for name in _SCALARS},
        "stderr_baseline": None if stderr is None else stderr.baseline,
        "power_total": 0.0 if power is None else power.total,
        "caption": players.caption,
        "grid": players.grid,
        "image": [asdict(p) for p in players.image],
        "text": [asdict(p) for p in players.text],
        "provenance": asdict(explanation["provenance"]),
        "curves": {name: value for name, value in curves.items() if isinstance(value, int)},
    }
    contiguous = {k: np.ascontiguousarray(v) for k, v in arrays.items()}
    text = json.dumps(plain(header), allow_nan=False)
    try:
        content = pack(contiguous, metadata={"fixlip": text})
        content = content.replace(_NO_SUM.encode(), sha256(content).hexdigest().encode(), 1)
        _read(content)
    except (ValueError, SafetensorError) as error:
        raise InputError(f"The explanation cannot be saved: {str(error).rstrip('.')}.") from error
    write_atomically(path, content)


def load(path: str | Path) -> dict[str, Any]:
    """Read the fields of an explanation that this version of fixlip or an earlier one has written.

    Args:
        path: path of the file.

    Raises:
        InputError: there is no such file, or it is no saved explanation, is damaged in any byte, or comes from a newer
            fixlip.
    """
    content = read_bytes(path, layout.LARGEST)
    try:
        return _read(content)
    except ValueError as error:
        raise InputError(f"{str(path)!r} is not a saved explanation: {str(error).rstrip('.')}.") from error


def _read(content: bytes) -> dict[str, Any]:
    """Read the fields of an explanation from the bytes of a file; a ValueError says what is wrong."""
    if len(content) > layout.LARGEST:
        raise ValueError(f"it has {len(content):,} bytes, at most {layout.LARGEST:,} are read")
    header = _header(content)
    if "sha256" in header:
        digest = str(header["sha256"]).encode()
        if _sum_without(content, digest) != digest:
            raise ValueError("it is damaged, its checksum does not match")
    version = header.get("version")
    check_version(version, layout.VERSION)
    if type(version) is not int or version < 1 or (version > 1 and "sha256" not in header):
        raise ValueError("it is damaged, its header has no version or no checksum")
    fields = checked(header, layout.Header)
    parts = _parts(content)
    shapes = {name: (part["dtype"], part["shape"]) for name, part in parts.items()}
    layout.check_layout(shapes, len(fields.image), len(fields.text))
    arrays = {}
    for name, part in parts.items():
        flat = np.frombuffer(part["data"], dtype=layout.ARRAYS[name][0][part["dtype"]])
        arrays[name] = flat.reshape(part["shape"]).copy()
    layout.check_values(arrays)
    return _from_parts(fields, arrays)


def _sum_without(content: bytes, digest: bytes) -> bytes:
    """The checksum of a file, with `_NO_SUM` in the place of the one that it holds; large arrays are not copied."""
    place, whole = content.find(digest), memoryview(content)
    if place < 0:
        return b""
    computed = sha256(whole[:place])
    for part in (_NO_SUM.encode(), whole[place + len(digest) :]):
        computed.update(part)
    return computed.hexdigest().encode()


def _header(content: bytes) -> dict[str, Any]:
    """Read the JSON of fixlip from the header of safetensors, whose length is in the first 8 bytes."""
    length = int.from_bytes(content[:8], "little")
    if not 0 < length <= min(len(content) - 8, layout.LONGEST):
        raise ValueError("it does not begin like one")
    try:
        header = parsed(parsed(content[8 : 8 + length])["__metadata__"]["fixlip"])
    except ValueError as error:
        raise ValueError(f"its header cannot be read: {error}") from error
    except (TypeError, LookupError, AttributeError) as error:
        raise ValueError("its header cannot be read") from error
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    return header


def _parts(content: bytes) -> dict[str, dict[str, Any]]:
    """Split the file into arrays: kind of number, shape and bytes of each, checked by safetensors."""
    try:
        return dict(deserialize(content))  # type: ignore[no-untyped-call]  # safetensors has no types
    except SafetensorError as error:
        raise ValueError(f"it is damaged, {str(error)[:200]!r}") from error  # which quotes what it read


def _from_parts(header: layout.Header, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    picture, visible = arrays.get("picture"), arrays.get("visible")
    players = Players(
        tuple(Player(**dict(p)) for p in header.image),
        tuple(Player(**dict(p)) for p in header.text),
        header.grid,
        header.caption,
        None if picture is None else _pixels(picture.tobytes()),
        arrays.get("regions"),
        None if visible is None else tuple(visible.astype(float).tolist()),
    )
    stderr = None
    if "stderr_first_order" in arrays:
        baseline = _number(header.stderr_baseline)
        effects = arrays["stderr_first_order"], arrays["stderr_second_order"]
        stderr = StandardErrors(baseline, *effects, _third(arrays, "stderr_"), arrays.get("stderr_additive"))
    curves: dict[str, Any] = {
        name.removeprefix("curves_"): array for name, array in arrays.items() if name.startswith("curves_")
    }
    provenance = dict(header.provenance)
    provenance |= {name: _number(provenance[name]) for name in ("logit_scale", "logit_bias", "seconds", "r2")}
    provenance |= {"details": {name: _number(value) for name, value in header.provenance.details.items()}}
    return {
        **{name: getattr(header, name) for name in _SCALARS},
        "first_order": arrays["first_order"],
        "second_order": arrays["second_order"],
        "players": players,
        "stderr": stderr,
        "provenance": Provenance(**provenance),
        "curves": RemovalCurves(**curves, **dict(header.curves)) if curves else None,
        "third_order": _third(arrays, ""),
        "power": _power(arrays, header.power_total),
    }


def _third(arrays: Mapping[str, np.ndarray], prefix: str) -> ThirdOrder | None:
    found = [arrays[prefix + name] for name in _THIRD if prefix + name in arrays]
    return ThirdOrder(*found) if found else None


def _power(arrays: Mapping[str, np.ndarray], total: float) -> Spectrum | None:
    if "power_variances" not in arrays:
        return None
    if total <= 0:
        raise ValueError("power_total is not positive")
    return Spectrum(arrays["power_variances"], arrays["power_errors"], total)


def _number(value: float | None) -> float:
    """Turn null, which stands for NaN in JSON, back into NaN."""
    return float("nan") if value is None else value


def _pixels(png: bytes) -> np.ndarray:
    """Decode the picture, if it is a PNG and not huge."""
    try:
        with without_warnings(), Image.open(Pieces(io.BytesIO(png)), formats=["PNG"]) as opened:
            if opened.width * opened.height > layout.PIXELS:
                raise ValueError(f"it has {opened.width} x {opened.height} pixels")
            return np.asarray(opened.convert("RGB"))
    except UnidentifiedImageError as error:
        raise ValueError("its picture is no PNG") from error
    except Exception as error:  # Pillow raises many kinds
        raise ValueError(f"its picture cannot be read, {' '.join(str(error).split())[:200]}") from error


def png_bytes(picture: np.ndarray) -> bytes:
    """Encode a uint8 picture [height, width, 3] as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
