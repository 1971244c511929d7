"""What a saved explanation is made of: the one place that says it, and that refuses the rest; see docs/format.md."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fixlip.kinds import FINITE, JSON, Maybe, Optional, check, told

VERSION = 2
LARGEST = 1 << 28  # bytes of a file: the pairs and errors of 4000 players
LONGEST = 1 << 22  # bytes of a header
PIXELS = 1 << 25  # of a picture

PLAYER = {"modality": str, "label": str, "box": Maybe((float,) * 4), "span": Maybe((int, int))}
PROVENANCE = {
    "model": Optional(str),
    "weights": Optional(str),
    "logit_scale": Optional(Maybe(float)),
    "logit_bias": Optional(Maybe(float)),
    "removal": Optional(str),
    "estimator": Optional(str),
    "options": Optional({str: JSON}),
    "budget": Optional(Maybe(int)),
    "image_passes": Optional(int),
    "text_passes": Optional(int),
    "seed": Optional(int),
    "seconds": Optional(Maybe(float)),
    "r2": Optional(Maybe(float)),
    "details": Optional({str: Maybe(float)}),
    "status": Optional(str),
    "versions": Optional({str: str}),
}
HEADER = {
    "sha256": Optional(str),
    "version": int,
    "baseline": FINITE,
    "empty_value": FINITE,
    "full_value": FINITE,
    "index": str,
    "unit": {"logit", "cosine", "relevance"},
    "stderr_baseline": Maybe(float),
    "caption": str,
    "grid": Maybe((int, int)),
    "image": [PLAYER],
    "text": [PLAYER],
    "provenance": PROVENANCE,
    "curves": Optional({"image_passes": Optional(int), "text_passes": Optional(int)}),
}

FLOATS, INTEGERS = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}, {"I64": "<i8", "I32": "<i4", "I16": "<i2"}
# dtypes, lengths of the sides (n: players; a letter is one length throughout), what must be there with it
ARRAYS: dict[str, tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "first_order": (FLOATS, ("n",), ()),
    "second_order": (FLOATS, ("n", "n"), ()),
    "stderr_first_order": (FLOATS, ("n",), ("stderr_second_order",)),
    "stderr_second_order": (FLOATS, ("n", "n"), ("stderr_first_order",)),
    "picture": ({"U8": "u1"}, ("bytes",), ()),
    "regions": (INTEGERS | {"I8": "i1", "U8": "u1"}, ("height", "width"), ()),
    "curves_order": (INTEGERS, ("n",), ("curves_sizes", "curves_deletion", "curves_insertion")),
    "curves_sizes": (INTEGERS, ("m",), ("curves_order",)),
    "curves_deletion": (FLOATS, ("m",), ("curves_order",)),
    "curves_insertion": (FLOATS, ("m",), ("curves_order",)),
}
NEEDED = ("first_order", "second_order")


def check_header(header: Mapping[str, Any]) -> None:
    """Whether a header has its fields, each of its kind, and these go together.

    Args:
        header: as read.

    Raises:
        ValueError: what is wrong, and where.
    """
    check(header, HEADER)
    length = len(header["caption"])
    if header["grid"] is not None and min(header["grid"]) < 1:
        raise ValueError(f"grid is {header['grid']}")
    for modality in ("image", "text"):
        for k, player in enumerate(header[modality]):
            where = f"{modality}[{k}]"
            if player["modality"] != modality:
                raise ValueError(f"{where} has the modality {told(player['modality'])}")
            if player["box"] is not None and not _inside(*player["box"]):
                raise ValueError(f"the box of {where}, {player['box']}, is not within 0..1")
            if player["span"] is not None and not 0 <= player["span"][0] <= player["span"][1] <= length:
                raise ValueError(f"the span of {where}, {player['span']}, is outside of the caption of {length}")


def _inside(left: float, top: float, right: float, bottom: float) -> bool:
    slack = 1e-6
    return -slack <= left <= right <= 1 + slack and -slack <= top <= bottom <= 1 + slack


def check_layout(layout: Mapping[str, tuple[str, list[int]]], players: int) -> None:
    """Whether there are the arrays that belong together, of the right kinds and shapes.

    Args:
        layout: kind of number and shape by name.
        players: number of players.

    Raises:
        ValueError: what is wrong.
    """
    lengths = {"n": players}
    for name, (kind, shape) in layout.items():
        if name not in ARRAYS:
            raise ValueError(f"there is no array {told(name)} in an explanation")
        kinds, sides, _ = ARRAYS[name]
        if kind not in kinds:
            raise ValueError(f"{name} is of {kind}, not of {' or '.join(kinds)}")
        wanted = [lengths.get(side) for side in sides]
        if len(shape) != len(sides) or any(w not in (None, s) for w, s in zip(wanted, shape, strict=True)):
            raise ValueError(f"{name} has the shape {told(shape)}, not {[w or 'any' for w in wanted]}")
        lengths |= dict(zip(sides, shape, strict=True))
    for name in (*NEEDED, *(other for found in layout for other in ARRAYS[found][2])):
        if name not in layout:
            raise ValueError(f"the array {name} is missing")


def check_values(arrays: Mapping[str, np.ndarray]) -> None:
    """Whether numbers are such as an explanation has.

    Args:
        arrays: by name, of kinds and shapes that are checked.

    Raises:
        ValueError: what is wrong.
    """
    for name, array in arrays.items():
        if array.dtype.kind == "f" and np.isinf(array).any():
            raise ValueError(f"{name} holds an infinite number")
    if np.isnan(arrays["first_order"]).any():
        raise ValueError("first_order holds what is not a number")
    if "curves_order" in arrays:
        order, sizes = arrays["curves_order"], arrays["curves_sizes"]
        if not np.array_equal(np.sort(order), np.arange(len(order))):
            raise ValueError("curves_order is not an order of the players")
        if len(sizes) and not 0 <= sizes.min() <= sizes.max() <= len(order):
            raise ValueError("curves_sizes are not numbers of players")
