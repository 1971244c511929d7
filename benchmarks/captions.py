"""Many captions on one picture, and many pictures with many captions: what they share is computed once."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

import fixlip
from benchmarks.agreement import agree, effects_of
from benchmarks.clock import timed
from benchmarks.meter import Meter, metered
from benchmarks.runs import Cases, Row, Settings
from benchmarks.subjects import load
from fixlip.datasets.scenes import make_scene
from fixlip.results.explanation import Explanation

TITLE = "Many captions at the price of one: explain_many(pairs='all')"
TARGETS = {"image side, against one caption": ("<=", 1.2, ""), "against each input once": ("<=", 1.0, "")}
SEED = 7_000_000


class Run(NamedTuple):
    """The seconds that explaining all pairs took, in all and in each tower, and the explanations."""

    seconds: float
    meter: Meter
    explanations: list[Explanation]


def cases(settings: Settings) -> Cases:
    few: dict[str, Any] = {"image_masks": 128} if settings.quick else {}
    models = ("demo-clip",) if settings.quick else ("demo-clip", "demo-siglip")
    captions, grid, rounds = (4, (2, 2), 1) if settings.quick else (32, (3, 4), 3)
    rows: Cases = {}
    for model in models:
        for pairs in ("cross",) if settings.quick else ("cross", "all"):
            explain = partial(run, model, settings.device, few | {"options": {"interactions": pairs}})
            rows[f"{model}, {pairs} pairs, {captions} captions"] = partial(one_image, explain, captions, rounds)
        explain = partial(run, model, settings.device, few | {"options": {"interactions": "cross"}})
        rows[f"{model}, {grid[0]} pictures x {grid[1]} captions"] = partial(product, explain, *grid)
    return rows


def run(model: str, device: str, call: dict[str, Any], images: list[Any], texts: list[str]) -> Run:
    """Explain all pairs of the inputs."""
    encoder, meter = metered(load(model, device))
    pairs = partial(fixlip.explain_many, images, texts, pairs="all", model=encoder, progress=False, **call)
    seconds, explanations = timed(lambda: list(pairs()), device)
    return Run(seconds, meter, explanations)


def inputs(n_images: int, n_texts: int) -> tuple[list[Any], list[str]]:
    """Pictures and captions of scenes that no model was trained on."""
    scenes = [make_scene(SEED + k) for k in range(max(n_images, n_texts))]
    return [s.image for s in scenes[:n_images]], [s.caption for s in scenes[:n_texts]]


def one_image(explain: Any, captions: int, rounds: int) -> Row:
    """One picture with many captions against the same picture with one; the explanations must be the same."""
    images, texts = inputs(1, captions)
    explain(images, texts[:1])
    turns = [(explain(images, texts[:1]), explain(images, texts)) for _ in range(rounds)]
    one, many = zip(*turns, strict=True)
    agree(effects_of(many[0].explanations[0]), effects_of(one[0].explanations[0]), 1e-5)
    seconds, tower, rest = (
        [float(np.median([measured(r) for r in runs])) for runs in (one, many)]
        for measured in (
            lambda r: r.seconds,
            lambda r: r.meter.seconds["image"],
            lambda r: r.seconds - r.meter.seconds["text"],
        )
    )
    return {
        "pairs explained": captions,
        "image passes, one caption": one[0].meter.passes["image"],
        "image passes, all": many[0].meter.passes["image"],
        "text passes, all": many[0].meter.passes["text"],
        "seconds, one caption": seconds[0],
        "seconds, all": seconds[1],
        "image tower, one caption (s)": tower[0],
        "image tower, all (s)": tower[1],
        "image side, against one caption": tower[1] / tower[0],
        "without text passes, one caption (s)": rest[0],
        "without text passes, all (s)": rest[1],
        "without text passes, against one caption": rest[1] / rest[0],
    }


def product(explain: Any, n_images: int, n_texts: int) -> Row:
    """Several pictures x several captions against the passes of each picture and of each caption alone."""
    images, texts = inputs(n_images, n_texts)
    pairs = explain(images, texts)
    alone = sum(explain([image], texts[:1]).meter.passes["image"] for image in images)
    alone += sum(explain(images[:1], [text]).meter.passes["text"] for text in texts)
    return {
        "pairs explained": n_images * n_texts,
        "image passes, all": pairs.meter.passes["image"],
        "text passes, all": pairs.meter.passes["text"],
        "passes of each input alone": alone,
        "against each input once": sum(pairs.meter.passes.values()) / alone,
        "seconds, all": pairs.seconds,
    }
