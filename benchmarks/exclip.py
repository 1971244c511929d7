"""`integrated-gradients` against the published computation from dense Jacobians: equal results, then seconds."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks import published_exclip as published
from benchmarks.agreement import agree
from benchmarks.clock import interleaved, timed
from benchmarks.meter import Fresh
from benchmarks.runs import Cases, Row, Settings
from benchmarks.subjects import game_of, load, picture_and_caption
from fixlip.estimators.integrated_gradients import IntegratedGradients
from fixlip.results.explanation import Explanation

TITLE = (
    "integrated-gradients against the published exCLIP from dense Jacobians: last block, 10 steps, right Riemann sum"
)
TARGETS = {"largest difference": ("<=", 1e-6, ""), "times faster": (">=", 50.0, "ViT-B-32")}
TOLERANCE = 1e-6
CAPTION = "a black dog next to a yellow hydrant"


def cases(settings: Settings) -> Cases:
    names = ("demo-clip",) if settings.quick else ("demo-clip", "ViT-B-32")
    return {name: partial(measure, name, settings) for name in names}


def measure(model: str, settings: Settings) -> Row:
    """One model; the published way, which may take minutes, once for its time and once in float64 for its numbers."""
    steps, device = 1 if settings.quick else 10, settings.device
    precise, _, _ = both(load.__wrapped__(model, device, "float64"), steps, device, TOLERANCE)
    off, dense, explain = both(load(model, device), steps, device, np.inf)
    seconds = interleaved({"ours": explain}, 1 if settings.quick else 3, device)["ours"]
    players = explain().players
    return {
        "players": f"{players.n_image} + {players.n_text}",
        "largest difference": precise,
        "in float32": off,
        "seconds": seconds,
        "dense, seconds": dense,
        "times faster": dense / seconds,
    }


def both(encoder: Any, steps: int, device: str, tolerance: float) -> tuple[float, float, Callable[[], Explanation]]:
    """The largest difference, relative to the largest interaction; seconds of the published way; and ours to call.

    Raises:
        AssertionError: the difference is larger than the tolerance.
    """
    noise = np.random.default_rng(0).integers(0, 255, (240, 240, 3), dtype=np.uint8)
    inputs = picture_and_caption() if encoder.name.startswith("demo") else (noise, CAPTION)
    game, whole = Fresh(game_of(encoder, *inputs)), game_of(published.padded(encoder), *inputs)
    explain = partial(IntegratedGradients(steps=steps, quadrature="right").explain, game, progress=False)
    seconds, truth = timed(partial(published.explain, whole, steps), device)
    return agree([explain().cross], [truth], tolerance), seconds, explain
