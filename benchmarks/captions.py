"""Many captions on one picture: what they share is computed once, and the explanations are the same."""

from functools import partial
from typing import Any

import numpy as np

import fixlip
from benchmarks.agreement import agree, effects_of
from benchmarks.clock import timed
from benchmarks.meter import Meter, metered
from benchmarks.runs import Cases, Row, Settings
from benchmarks.subjects import load, picture_and_caption
from fixlip.results.explanation import Explanation

TITLE = "Many captions at the price of one: explain_many(pairs='all')"
TARGETS = dict.fromkeys(
    ("image side, against one caption", "without text passes, against one caption"), ("<=", 1.2, "")
)
SEED = 7_000_000


def cases(settings: Settings) -> Cases:
    models, kinds = (("demo-clip",), ("cross",)) if settings.quick else (("demo-clip", "demo-siglip"), ("cross", "all"))
    count = 2 if settings.quick else 32
    return {
        f"{model}, {pairs} pairs, {count} captions": partial(measure, model, pairs, count, settings)
        for model in models
        for pairs in kinds
    }


def measure(model: str, pairs: str, captions: int, settings: Settings) -> Row:
    """One picture with many captions against the same picture with one; the explanations must be the same."""
    masks = {"image_masks": 64, "text_masks": 16} if settings.quick else {"image_masks": 512}  # for all alike
    call: dict[str, Any] = {"options": {"interactions": pairs}, "progress": False} | masks
    explain = partial(run, load(model, settings.device), call, settings.device)
    explain(1)
    one, many = zip(*((explain(1), explain(captions)) for _ in range(1 if settings.quick else 3)), strict=True)
    (first, _, before), (together, _, meter) = one[0], many[0]
    agree(effects_of(together), effects_of(first), 1e-5)
    (seconds, image, text), (all_seconds, all_image, all_text) = (
        np.median([(total, meter.seconds["image"], meter.seconds["text"]) for _, total, meter in runs], axis=0).tolist()
        for runs in (one, many)
    )
    return {
        "pairs explained": captions,
        "image passes, one caption": before.passes["image"],
        "image passes, all": meter.passes["image"],
        "text passes, all": meter.passes["text"],
        "seconds, one caption": seconds,
        "seconds, all": all_seconds,
        "image tower, one caption (s)": image,
        "image tower, all (s)": all_image,
        "image side, against one caption": all_image / image,
        "without text passes, against one caption": (all_seconds - all_text) / (seconds - text),
    }


def run(model: Any, call: dict[str, Any], device: str, captions: int) -> tuple[Explanation, float, Meter]:
    """Explain an unseen picture with its own caption, which is returned, and with those of the scenes after it."""
    encoder, meter = metered(model)
    (image, *_), texts = zip(*(picture_and_caption(SEED + k) for k in range(captions)), strict=True)
    explain = partial(fixlip.explain_many, [image], list(texts), pairs="all", model=encoder, **call)
    seconds, explanations = timed(lambda: list(explain()), device)
    return explanations[0], seconds, meter
