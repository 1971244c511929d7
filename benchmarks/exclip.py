"""`integrated-gradients` against the published computation from dense Jacobians: equal results, then seconds."""

from functools import partial

import numpy as np

from benchmarks import published_exclip as published
from benchmarks.clock import timed
from benchmarks.runs import Cases, Row, Settings
from benchmarks.subjects import game_of, load
from fixlip.estimators.integrated_gradients import IntegratedGradients

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
    """One model; the published way, which may take minutes, once.

    Raises:
        AssertionError: the results differ.
    """
    encoder = load(model, device)
    game = game_of(encoder) if model.startswith("demo") else game_of(encoder, picture(), CAPTION)
    estimator = IntegratedGradients(steps=STEPS, quadrature="right")
    explain = partial(estimator.explain, game, progress=False)
    found = explain()
    dense, truth = timed(partial(published.explain, game, STEPS), device)
    off = float(np.abs(found.cross - truth).max() / np.abs(truth).max())
    if not off <= TOLERANCE:
        raise AssertionError(f"The results differ by {off:.1e} of the largest interaction; {TOLERANCE:.0e} is allowed.")
    seconds = float(np.median([timed(explain, device)[0] for _ in range(rounds)]))
    width = game.layers("image").features(game.layers("image").state(0)[None], 0).shape[1]
    return {
        "players": f"{game.n_image} + {game.n_text}",
        "embedding": width,
        "largest difference": off,
        "seconds": seconds,
        "dense, seconds": dense,
        "times faster": dense / seconds,
    }


def picture() -> np.ndarray:
    """Noise in colours; what a model with random weights makes of it costs the same as anything else."""
    return np.random.default_rng(0).integers(0, 255, (240, 240, 3), dtype=np.uint8)
