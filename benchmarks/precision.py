"""Lower precision and compiled models against float32: seconds, and the error that they bring into the interactions."""

import copy
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

import fixlip
from benchmarks.clock import interleaved, timed
from benchmarks.overhead import in_batches
from benchmarks.runs import Cases, Row, Settings, Targets
from benchmarks.subjects import load, picture_and_caption, random_masks
from fixlip.results.explanation import Explanation

TITLE = "Precision and compilation: masked image passes, and cross pairs from the same masks, against float32"
TARGETS: Targets = {}
VARIANTS = ("float32", "bfloat16", "float16", "float32, compiled", "bfloat16, compiled")
BATCH = 64  # all batches are whole, so that a compiled model sees one shape


def cases(settings: Settings) -> Cases:
    models, variants = (("demo-clip",), VARIANTS[:2]) if settings.quick else (("demo-clip", "ViT-B-32"), VARIANTS)
    return {f"{model}, {name}": partial(measure, model, name, settings) for model in models for name in variants}


def measure(model: str, variant: str, settings: Settings) -> Row:
    """One variant beside float32, in turn; where the device cannot run it, the row says so."""
    device, masks = settings.device, settings.trial("ViT")
    plain, truth = load(model, device), explained(model, device, masks)
    try:
        encoder = converted(model, variant, device)
        first, _ = timed(partial(encode, encoder, masks, device), device)
        calls = {name: partial(encode, e, masks, device) for name, e in (("plain", plain), ("variant", encoder))}
        seconds = interleaved(calls, 3, device)
        explanation = explain(encoder, masks)
    except (RuntimeError, fixlip.FixlipError) as error:
        return {"float32 (s)": "", "outcome": str(error).split("\n")[0]}
    size = np.linalg.norm(truth.cross)
    return {
        "float32 (s)": seconds["plain"],
        "seconds": seconds["variant"],
        "times faster": seconds["plain"] / seconds["variant"],
        "first call (s)": first,
        "relative error of the cross pairs": float(np.linalg.norm(explanation.cross - truth.cross) / size),
        "correlation": float(np.corrcoef(explanation.cross.ravel(), truth.cross.ravel())[0, 1]),
        "sampling error": float(np.linalg.norm(truth.cross_stderr) / size),
        "similarity off by": abs(explanation.full_value - truth.full_value),
        "outcome": "done",
    }


def encode(encoder: Any, masks: int, device: str) -> list[torch.Tensor]:
    """Embed this many masked pictures."""
    x = encoder.image_input(picture_and_caption()[0])
    return in_batches(partial(encoder.embed_image, x), random_masks(x.n_patches, masks, device), BATCH)


def explain(encoder: Any, masks: int) -> Explanation:
    options = {"interactions": "cross"}
    return fixlip.explain(*picture_and_caption(), model=encoder, image_masks=masks, options=options, progress=False)


@lru_cache
def explained(model: str, device: str, masks: int) -> Explanation:
    """The explanation in float32."""
    return explain(load(model, device), masks)


def converted(model: str, variant: str, device: str) -> Any:
    """The model in another type, its image tower compiled or not."""
    dtype, _, compiled = variant.partition(", ")
    encoder = copy.copy(load.__wrapped__(model, device, dtype))
    if compiled:
        compiled_tower = torch.compile(encoder.image_tower.encode.__call__)
        encoder.image_tower = replace(encoder.image_tower, encode=compiled_tower)
    return encoder
