"""Many captions on one picture, and many pictures with many captions: what is shared is done once."""

from dataclasses import dataclass
from functools import partial
from typing import Any

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


def cases(settings: Settings) -> Cases:
    device = settings.device
    few = {"image_masks": 128} if settings.quick else {}
    models = ("demo-clip",) if settings.quick else ("demo-clip", "demo-siglip")
    captions, grid, rounds = (4, (2, 2), 1) if settings.quick else (32, (3, 4), 3)
    found: Cases = {}
    for model in models:
        for pairs in ("cross",) if settings.quick else ("cross", "all"):
            call = few | {"options": {"interactions": pairs}}
            label = f"{model}, {pairs} pairs"
            found[f"{label}, {captions} captions"] = partial(one_image, model, captions, call, rounds, device)
        found[f"{model}, {grid[0]} pictures x {grid[1]} captions"] = partial(
            product, model, grid, few | {"options": {"interactions": "cross"}}, device
        )
    return found


@dataclass
class Run:
    """What explaining all pairs took: in all, and in each tower."""

    seconds: float
    meter: Meter
    found: list[Explanation]

    @property
    def seconds_without_text(self) -> float:
        """Seconds of everything but the passes of the text tower."""
        return self.seconds - self.meter.seconds["text"]


def explain(encoder: Any, images: list[Any], texts: list[str], call: dict[str, Any], device: str) -> Run:
    """All pairs of some inputs."""
    counted, meter = metered(encoder)
    pairs = partial(fixlip.explain_many, images, texts, pairs="all", model=counted, progress=False, **call)
    seconds, found = timed(lambda: list(pairs()), device)
    return Run(seconds, meter, found)


def one_image(model: str, captions: int, call: dict[str, Any], rounds: int, device: str) -> Row:
    """One picture with many captions against the same picture with one."""
    encoder, scenes = load(model, device), [make_scene(SEED + k) for k in range(captions)]
    images, texts = [scenes[0].image], [s.caption for s in scenes]
    explain(encoder, images, texts[:1], call, device)
    one, many = [], []
    for _ in range(rounds):
        one.append(explain(encoder, images, texts[:1], call, device))
        many.append(explain(encoder, images, texts, call, device))
    alone, shared = (float(np.median([run.seconds_without_text for run in runs])) for runs in (one, many))
    of_tower = [float(np.median([run.meter.seconds["image"] for run in runs])) for runs in (one, many)]
    check(many[0].found[0], one[0].found[0])
    return {
        "pairs explained": captions,
        "image passes, one caption": one[0].meter.passes["image"],
        "image passes, all": many[0].meter.passes["image"],
        "text passes, all": many[0].meter.passes["text"],
        "seconds, one caption": float(np.median([run.seconds for run in one])),
        "seconds, all": float(np.median([run.seconds for run in many])),
        "image tower, one caption (s)": of_tower[0],
        "image tower, all (s)": of_tower[1],
        "image side, against one caption": of_tower[1] / of_tower[0],
        "without text passes, one caption (s)": alone,
        "without text passes, all (s)": shared,
        "without text passes, against one caption": shared / alone,
    }


def product(model: str, grid: tuple[int, int], call: dict[str, Any], device: str) -> Row:
    """N pictures x M captions against the passes of N pictures and of M captions."""
    encoder = load(model, device)
    scenes = [make_scene(SEED + k) for k in range(max(grid))]
    images, texts = [s.image for s in scenes[: grid[0]]], [s.caption for s in scenes[: grid[1]]]
    pairs = explain(encoder, images, texts, call, device)
    alone = [explain(encoder, [image], texts[:1], call, device).meter.passes["image"] for image in images]
    of_text = [explain(encoder, images[:1], [text], call, device).meter.passes["text"] for text in texts]
    each = sum(alone) + sum(of_text)
    made = pairs.meter.passes["image"] + pairs.meter.passes["text"]
    return {
        "pairs explained": grid[0] * grid[1],
        "image passes, all": pairs.meter.passes["image"],
        "text passes, all": pairs.meter.passes["text"],
        "passes of each input alone": each,
        "against each input once": made / each,
        "seconds, all": pairs.seconds,
    }


def check(shared: Explanation, alone: Explanation) -> None:
    """A caption among others is explained as it is by itself.

    Raises:
        AssertionError: it is not.
    """
    agree(effects_of(shared), effects_of(alone), 1e-5)
