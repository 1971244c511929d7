"""A whole explanation against the same encoder passes with nothing around them.

The baseline is the same number of masked passes of each tower, from masks that are already on the device, in batches of
the fastest size: no preprocessing, no game, no estimator. The model is loaded beforehand for both.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

import fixlip
from benchmarks.clock import interleaved, timed
from benchmarks.meter import metered
from benchmarks.runs import Cases, Row, Settings
from benchmarks.subjects import load, picture_and_caption, random_masks
from fixlip.encoders import DualEncoder

TITLE = "A whole explanation against the same encoder passes with nothing around, at the best batch size"
TARGETS = {"ratio": ("<=", 1.10, "")}
SIZES = (16, 32, 64, 128, 256, 512)
CROSS: dict[str, Any] = {"options": {"interactions": "cross"}}
CASES: dict[tuple[str, str], tuple[dict[str, Any], int]] = {  # model and what is asked for: the call, rounds
    ("demo-clip", "default"): ({}, 3),
    ("demo-clip", "cross"): (CROSS, 5),
    ("demo-siglip", "default"): ({}, 3),
    ("demo-siglip", "cross"): (CROSS, 5),
    ("ViT-B-32", "cross"): (CROSS, 3),
    ("ViT-B-16", "cross, 512 image masks"): (CROSS | {"image_masks": 512}, 3),
    ("ViT-B-32", "default"): ({}, 1),
}
QUICK = {("demo-clip", "cross, 128 image masks"): (CROSS | {"image_masks": 128}, 1)}


def cases(settings: Settings) -> Cases:
    return {
        f"{model}, {label}": partial(measure, model, call, rounds, settings)
        for (model, label), (call, rounds) in (QUICK if settings.quick else CASES).items()
    }


def measure(model: str, call: dict[str, Any], rounds: int, settings: Settings) -> Row:
    """Seconds of both, in turn, and the seconds that an explanation spends inside and outside its encoder."""
    image, caption = picture_and_caption()
    fixlip.explain(image, caption, model="demo-clip", image_masks=128, progress=False, **CROSS)  # what is loaded lazily
    encoder = load(model, settings.device)
    explain = partial(fixlip.explain, image, caption, progress=False, **call)
    baseline = Baseline(encoder, image, caption, settings.trial(model))
    whole, alone = [], []
    for _ in range(rounds):
        seconds, explanation = timed(partial(explain, model=encoder), settings.device)
        passes = explanation.provenance.image_passes, explanation.provenance.text_passes
        whole.append(seconds)
        ready = baseline.masks(*passes)
        alone.append(timed(partial(baseline, *ready), settings.device)[0])
    watched, meter = metered(encoder)
    total, inside = timed(partial(explain, model=watched), settings.device)[0], sum(meter.seconds.values())
    return {
        "players": f"{explanation.players.n_image} + {explanation.players.n_text}",
        "image passes": passes[0],
        "text passes": passes[1],
        "best batch": f"{baseline.sizes[0]}, {baseline.sizes[1]}",
        "explain (s)": float(np.median(whole)),
        "encoders only (s)": float(np.median(alone)),
        "ratio": float(np.median(whole) / np.median(alone)),
        "its own encoder calls (s)": inside,
        "besides (s)": total - inside,
    }


class Baseline:
    """Encoder passes with nothing around them, at the fastest batch size.

    Args:
        encoder: the model.
        image, caption: the inputs.
        trial: the number of masks on which each batch size is tried.
    """

    def __init__(self, encoder: DualEncoder, image: Any, caption: str, trial: int) -> None:
        self.device, self.trial = encoder.device.type, trial
        x, t = encoder.image_input(image), encoder.text_input(caption)
        self.towers = ((partial(encoder.embed_image, x), x.n_patches), (partial(encoder.embed_text, t), t.n_tokens))
        self.sizes = [self._fastest(embed, random_masks(n, trial, self.device)) for embed, n in self.towers]

    def masks(self, *passes: int) -> list[torch.Tensor]:
        """Masks for each tower, on its device, as many as passes."""
        return [random_masks(n, m, self.device) for (_, n), m in zip(self.towers, passes, strict=True)]

    def __call__(self, *masks: torch.Tensor) -> None:
        """Encode the masked inputs of each tower."""
        for (embed, _), ready, size in zip(self.towers, masks, self.sizes, strict=True):
            in_batches(embed, ready, size)

    def _fastest(self, embed: Callable[..., Any], masks: torch.Tensor) -> int:
        sizes = [size for size in SIZES + (1024, 2048) * (self.device == "cuda") if size <= self.trial]
        in_batches(embed, masks[: sizes[0]], sizes[0])
        seconds = interleaved({str(size): partial(in_batches, embed, masks, size) for size in sizes}, 2, self.device)
        return int(min(seconds, key=lambda size: seconds[size]))


def in_batches(embed: Callable[..., Any], masks: torch.Tensor, size: int) -> list[torch.Tensor]:
    """Encode all masks, so many at a time."""
    return [embed(batch) for batch in masks.split(size)]
