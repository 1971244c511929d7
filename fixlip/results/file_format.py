"""The schema of a saved explanation: what a file may hold, and the checks that refuse the rest; see docs/format.md."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, FiniteFloat, JsonValue, PositiveInt, Strict, model_validator

from fixlip.io.schema import Fields, Four, Number, Pair, shortened

VERSION = 3
LARGEST = 1 << 30  # bytes of a file: the pairs and errors of 8,000 players
LONGEST = 1 << 22  # bytes of a header
PIXELS = 1 << 25  # of a picture


class PlayerFields(Fields):
    """A player; its box in shares of the picture, its span in characters of the caption."""

    modality: Literal["image", "text"]
    label: str
    box: Four | None
    span: Pair | None

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.box is not None and not _inside(*self.box):
            raise ValueError("the box is not within 0..1")
        return self


class ProvenanceFields(Fields):
    """The fields of `fixlip.results.provenance.Provenance`."""

    model: str = ""
    weights: str = ""
    dtype: str = ""
    logit_scale: Number | None = None
    logit_bias: Number | None = None
    removal: str = ""
    estimator: str = ""
    options: dict[str, JsonValue] = Field(default_factory=dict)
    budget: int | None = None
    image_passes: int = 0
    text_passes: int = 0
    seed: int = 0
    seconds: Number | None = 0.0
    r2: Number | None = None
    details: dict[str, Number | None] = Field(default_factory=dict)
    status: str = "ok"
    versions: dict[str, str] = Field(default_factory=dict)


class CurvesFields(Fields):
    """The fields of `fixlip.results.removal_curves.RemovalCurves` that are no arrays."""

    image_passes: int = 0
    text_passes: int = 0


class Header(Fields):
    """The fields of an explanation that are no arrays. NaN, which JSON does not have, is null."""

    sha256: str = ""
    version: int
    baseline: FiniteFloat
    empty_value: FiniteFloat
    full_value: FiniteFloat
    index: str
    unit: Literal["logit", "cosine", "relevance"]
    stderr_baseline: Number | None
    power_total: FiniteFloat = 0.0
    caption: str
    grid: Annotated[tuple[PositiveInt, PositiveInt], Strict(False)] | None
    image: list[PlayerFields]
    text: list[PlayerFields]
    provenance: ProvenanceFields
    curves: CurvesFields = CurvesFields()

    @model_validator(mode="after")
    def _together(self) -> Self:
        for modality, players in (("image", self.image), ("text", self.text)):
            for player in players:
                if player.modality != modality:
                    raise ValueError(f"a player of {modality} has the modality {player.modality}")
                start, end = player.span or (0, 0)
                if not 0 <= start <= end <= len(self.caption):
                    raise ValueError(f"the span {player.span} is outside of the caption of {len(self.caption)}")
        return self


FLOATS, INTEGERS = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}, {"I64": "<i8", "I32": "<i4", "I16": "<i2"}
# dtypes, lengths of the sides (n: players, i: image players, t: text players; a letter is one length throughout), what
# must be there with it
ARRAYS: dict[str, tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "first_order": (FLOATS, ("n",), ()),
    "second_order": (FLOATS, ("n", "n"), ()),
    "stderr_first_order": (FLOATS, ("n",), ("stderr_second_order",)),
    "stderr_second_order": (FLOATS, ("n", "n"), ("stderr_first_order",)),
    "stderr_additive": (FLOATS, ("n",), ("stderr_first_order",)),
    "third_order_text_pairs": (FLOATS, ("i", "t", "t"), ()),
    "third_order_image_pairs": (FLOATS, ("i", "i", "t"), ("third_order_text_pairs",)),
    "stderr_third_order_text_pairs": (FLOATS, ("i", "t", "t"), ("third_order_text_pairs", "stderr_second_order")),
    "stderr_third_order_image_pairs": (
        FLOATS,
        ("i", "i", "t"),
        ("third_order_image_pairs", "stderr_third_order_text_pairs"),
    ),
    "power_variances": (FLOATS, ("a", "b"), ("power_errors",)),
    "power_errors": (FLOATS, ("a", "b"), ("power_variances",)),
    "picture": ({"U8": "u1"}, ("bytes",), ()),
    "regions": (INTEGERS | {"I8": "i1", "U8": "u1"}, ("height", "width"), ()),
    "visible": (FLOATS, ("4",), ()),
    "curves_order": (INTEGERS, ("n",), ("curves_sizes", "curves_deletion", "curves_insertion")),
    "curves_sizes": (INTEGERS, ("m",), ("curves_order",)),
    "curves_deletion": (FLOATS, ("m",), ("curves_order",)),
    "curves_insertion": (FLOATS, ("m",), ("curves_order",)),
}
NEEDED = ("first_order", "second_order")
NUMBERS = ("first_order", "third_order", "power")  # where NaN stands for nothing


def _inside(left: float, top: float, right: float, bottom: float) -> bool:
    slack = 1e-6
    return -slack <= left <= right <= 1 + slack and -slack <= top <= bottom <= 1 + slack


def check_layout(layout: Mapping[str, tuple[str, list[int]]], n_image: int, n_text: int) -> None:
    """Check that arrays that belong together are there, in the right kinds and shapes.

    Args:
        layout: kind of number and shape of each array, by name.
        n_image, n_text: numbers of players.

    Raises:
        ValueError: an array is missing, unknown, or of another kind or shape.
    """
    lengths = {"n": n_image + n_text, "i": n_image, "t": n_text, "4": 4}
    for name, (kind, shape) in layout.items():
        if name not in ARRAYS:
            raise ValueError(f"there is no array {shortened(name)} in an explanation")
        kinds, sides, _ = ARRAYS[name]
        if kind not in kinds:
            raise ValueError(f"{name} is of {kind}, not of {' or '.join(kinds)}")
        wanted = [lengths.get(side) for side in sides]
        if len(shape) != len(sides) or any(w not in (None, s) for w, s in zip(wanted, shape, strict=True)):
            raise ValueError(f"{name} has the shape {shortened(shape)}, not {[w or 'any' for w in wanted]}")
        lengths |= dict(zip(sides, shape, strict=True))
    for name in (*NEEDED, *(other for present in layout for other in ARRAYS[present][2])):
        if name not in layout:
            raise ValueError(f"the array {name} is missing")


def check_values(arrays: Mapping[str, np.ndarray]) -> None:
    """Check that the numbers are possible in an explanation.

    Args:
        arrays: arrays by name, of checked kinds and shapes.

    Raises:
        ValueError: a number is impossible: infinite effects, an order that is not one, and the like.
    """
    for name, array in arrays.items():
        if array.dtype.kind == "f" and np.isinf(array).any():
            raise ValueError(f"{name} holds an infinite number")
        if name.startswith(NUMBERS) and np.isnan(array).any():
            raise ValueError(f"{name} holds what is not a number")
    if "visible" in arrays and not (np.isfinite(box := arrays["visible"]).all() and (box[:2] < box[2:]).all()):
        raise ValueError("visible is not a box with an area")
    if "curves_order" in arrays:
        order, sizes = arrays["curves_order"], arrays["curves_sizes"]
        if not np.array_equal(np.sort(order), np.arange(len(order))):
            raise ValueError("curves_order is not an order of the players")
        if len(sizes) and not 0 <= sizes.min() <= sizes.max() <= len(order):
            raise ValueError("curves_sizes are not numbers of players")
