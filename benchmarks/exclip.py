"""`integrated-gradients` against the published computation from dense Jacobians: equal results, then seconds."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks import published_exclip as published
from benchmarks.clock import timed
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
STEPS = 10


def cases(settings: Settings) -> Cases:
    names = ("demo-clip",) if settings.quick else ("demo-clip", "ViT-B-32")
    return {name: partial(measure, name, 1 if settings.quick else 3, settings.device) for name in names}


def measure(model: str, rounds: int, device: str) -> Row:
    """One model; the published way, which may take minutes, once for its time and once in float64 for its numbers.

    Raises:
        AssertionError: the results differ.
    """
    precise, _, _ = both(load.__wrapped__(model, device, "float64"), device)
    if not precise <= TOLERANCE:
        raise AssertionError(
            f"The results differ by {precise:.1e} of the largest interaction; allowed {TOLERANCE:.0e}."
        )
    encoder = load(model, device)
    off, dense, explain = both(encoder, device)
    seconds = float(np.median([timed(explain, device)[0] for _ in range(rounds)]))
    players = explain().players
    return {
        "players": f"{players.n_image} + {players.n_text}",
        "largest difference": precise,
        "in float32": off,
        "seconds": seconds,
        "dense, seconds": dense,
        "times faster": dense / seconds,
    }


def both(encoder: Any, device: str) -> tuple[float, float, Callable[[], Explanation]]:
    """The largest difference, relative to the largest interaction; seconds of the published way; and ours to call."""
    inputs = picture_and_caption() if encoder.name.startswith("demo") else (picture(), CAPTION)
    game, whole = Fresh(game_of(encoder, *inputs)), game_of(published.padded(encoder), *inputs)
    explain = partial(IntegratedGradients(steps=STEPS, quadrature="right").explain, game, progress=False)
    found = explain()
    dense, truth = timed(partial(published.explain, whole, STEPS), device)
    return float(np.abs(found.cross - truth).max() / np.abs(truth).max()), dense, explain


def picture() -> np.ndarray:
    """Noise in colours; what a model with random weights makes of it costs the same as anything else."""
    return np.random.default_rng(0).integers(0, 255, (240, 240, 3), dtype=np.uint8)
