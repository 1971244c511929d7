"""Integrated gradients: the completeness gap against the number of steps, for the last blocks and for earlier layers.

The gap is averaged over scenes that no model was trained on.
"""

from functools import partial
from typing import Any

import numpy as np

import fixlip
from benchmarks.runs import Cases, Row, Settings, Targets
from benchmarks.subjects import load
from fixlip.datasets.scenes import scenes

TITLE = "Completeness gap of integrated gradients, mean of 3 scenes"
TARGETS: Targets = {}
SEED = 8_000_000
LAYERS: dict[str, dict[str, Any]] = {
    "last blocks": {},
    "text 0, image half way": {"text_layer": 0, "image_layer": 0.5},
}


def cases(settings: Settings) -> Cases:
    models, layers = (("demo-clip",), ["last blocks"]) if settings.quick else (("demo-clip", "demo-siglip"), LAYERS)
    return {
        f"{model}, {place}, {quadrature}": partial(measure, model, LAYERS[place] | {"quadrature": quadrature}, settings)
        for model in models
        for place in layers
        for quadrature in ("gauss-legendre", "right")
    }


def measure(model: str, options: dict[str, Any], settings: Settings) -> Row:
    """The mean gap, as a share of what the interactions should add up to, for each number of steps."""
    encoder = load(model, settings.device)
    row: Row = {}
    for steps in (4, 8) if settings.quick else (4, 8, 16, 32):
        estimator = fixlip.get_estimator("integrated-gradients", steps=steps, **options)
        explain = partial(fixlip.explain, model=encoder, estimator=estimator, progress=False)
        all_scenes = scenes(1 if settings.quick else 3, seed=SEED)
        gaps = [explain(s.image, s.caption).provenance.details["completeness_gap"] for s in all_scenes]
        row[f"{steps} steps"] = f"{np.mean(gaps):.2%}"
    return row
