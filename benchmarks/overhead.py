"""A whole explanation against the same encoder passes with nothing around them.

The baseline is the same number of masked passes of each tower, from masks that are already on the device, in batches of
the fastest size: no preprocessing, no game, no estimator. The model is loaded beforehand for both.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

import fixlip
from benchmarks.clock import interleaved
from benchmarks.runs import Cases, Row, Settings
from benchmarks.subjects import CROSS, load, picture_and_caption, random_masks

TITLE = "A whole explanation against the same encoder passes with nothing around, at the best batch size"
TARGETS = {"ratio": ("<=", 1.10, "")}
SIZES = (16, 32, 64, 128, 256, 512)
CASES: list[tuple[str, str, dict[str, Any]]] = [  # model, what is asked for, the call
    ("demo-clip", "default", {"progress": False}),
    ("demo-clip", "cross", CROSS),
    ("demo-siglip", "default", {"progress": False}),
    ("demo-siglip", "cross", CROSS),
    ("ViT-B-32", "cross", CROSS),
    ("ViT-B-16", "cross, 512 image masks", CROSS | {"image_masks": 512}),
]
QUICK = [("demo-clip", "cross, 64 image masks", CROSS | {"image_masks": 64, "text_masks": 16})]


def cases(settings: Settings) -> Cases:
    every = QUICK if settings.quick else CASES
    return {f"{model}, {label}": partial(measure, model, call, settings) for model, label, call in every}


def measure(model: str, call: dict[str, Any], settings: Settings, dtype: str | None = None) -> Row:
    """Seconds of both, in turn."""
    encoder, device, (image, caption) = load(model, settings.device, dtype), settings.device, picture_and_caption()
    explain = partial(fixlip.explain, image, caption, **call)
    explanation = explain(model=encoder)  # with it what is loaded lazily
    passes = explanation.provenance.image_passes, explanation.provenance.text_passes
    x, t = encoder.image_input(image), encoder.text_input(caption)
    embeds = partial(encoder.embed_image, x), partial(encoder.embed_text, t)
    masks = [random_masks(n, m, device) for n, m in zip((x.n_patches, t.n_tokens), passes, strict=True)]
    most = 32 if settings.quick else 1024 if device.startswith("cuda") else 512 if model.startswith("demo") else 256
    sizes = [fastest(embed, ready[:most], device) for embed, ready in zip(embeds, masks, strict=True)]
    calls = {
        "whole": partial(explain, model=encoder),
        "alone": lambda: [in_batches(*tower) for tower in zip(embeds, masks, sizes, strict=True)],
    }
    seconds = interleaved(calls, 1 if settings.quick else 3, device)
    return {
        "players": f"{explanation.players.n_image} + {explanation.players.n_text}",
        "image passes": passes[0],
        "text passes": passes[1],
        "best batch": f"{sizes[0]}, {sizes[1]}",
        "explain (s)": seconds["whole"],
        "encoders only (s)": seconds["alone"],
        "ratio": seconds["whole"] / seconds["alone"],
    }


def fastest(embed: Callable[..., Any], masks: torch.Tensor, device: str) -> int:
    """The size of batches in which these masks are encoded fastest."""
    sizes = [size for size in SIZES + (1024,) * device.startswith("cuda") if size <= max(len(masks), SIZES[0])]
    in_batches(embed, masks[: sizes[0]], sizes[0])
    seconds = interleaved({str(size): partial(in_batches, embed, masks, size) for size in sizes}, 2, device)
    return int(min(seconds, key=lambda size: seconds[size]))


def in_batches(embed: Callable[..., Any], masks: torch.Tensor, size: int) -> list[torch.Tensor]:
    """Encode all masks, so many at a time."""
    return [embed(batch) for batch in masks.split(size)]
