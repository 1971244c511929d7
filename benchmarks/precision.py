"""Lower precision and compiled models: passes a second, and the error that they bring into the interactions."""

import copy
from collections.abc import Callable
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
VARIANTS: dict[str, tuple[str, bool]] = {  # type of the floats, compiled
    "float32": ("float32", False),
    "bfloat16": ("bfloat16", False),
    "float16": ("float16", False),
    "float32, compiled": ("float32", True),
    "bfloat16, compiled": ("bfloat16", True),
}
CALL: dict[str, Any] = {"options": {"interactions": "cross"}, "progress": False}
BATCH = {"cpu": 64}  # masks in a batch: all batches are whole, so that a compiled model sees one shape


def cases(settings: Settings) -> Cases:
    cuda = torch.device(settings.device).type == "cuda"
    if settings.quick:
        models, chosen, masks = ("demo-clip",), ("float32", "bfloat16"), 128
    else:
        models = ("demo-clip", "demo-siglip", "ViT-B-32") + (("ViT-B-16", "ViT-L-14") if cuda else ())
        chosen, masks = tuple(VARIANTS), 4096 if cuda else 256
    return {
        f"{model}, {name}": partial(measure, model, name, masks, settings.device) for model in models for name in chosen
    }


def measure(model: str, variant: str, masks: int, device: str) -> Row:
    """One variant beside float32, in turn; a device that cannot do it says so."""
    plain = load(model, device)
    truth = explained(model, device, masks)
    try:
        encoder = made(model, variant, device)
        first, _ = timed(partial(run, encoder, masks, device), device)
        calls: dict[str, Callable[[], Any]] = {
            name: partial(run, e, masks, device) for name, e in (("plain", plain), ("variant", encoder))
        }
        seconds = interleaved(calls, 3, device)
        found = fixlip.explain(*picture_and_caption(), model=encoder, image_masks=masks, **CALL)
    except (RuntimeError, fixlip.FixlipError) as error:
        return {"float32 (s)": "", "outcome": str(error).split("\n")[0]}
    return {
        "float32 (s)": seconds["plain"],
        "seconds": seconds["variant"],
        "times faster": seconds["plain"] / seconds["variant"],
        "first call (s)": first,
        "relative error of the cross pairs": float(
            np.linalg.norm(found.cross - truth.cross) / np.linalg.norm(truth.cross)
        ),
        "correlation": float(np.corrcoef(found.cross.ravel(), truth.cross.ravel())[0, 1]),
        "sampling error": float(np.linalg.norm(truth.cross_stderr) / np.linalg.norm(truth.cross)),
        "similarity off by": abs(found.full_value - truth.full_value),
        "outcome": "done",
    }


def run(encoder: Any, masks: int, device: str) -> None:
    """Masked image passes."""
    x = encoder.image_input(picture_and_caption()[0])
    in_batches(partial(encoder.embed_image, x), random_masks(x.n_patches, masks, device), BATCH.get(device, 512))


@lru_cache
def explained(model: str, device: str, masks: int) -> Explanation:
    """By float32."""
    return fixlip.explain(*picture_and_caption(), model=load(model, device), image_masks=masks, **CALL)


def made(model: str, variant: str, device: str) -> Any:
    """The model in another type, its image tower compiled or not."""
    dtype, compiled = VARIANTS[variant]
    encoder = copy.copy(load.__wrapped__(model, device, dtype))
    if compiled:
        encode = torch.compile(encoder.image_tower.encode.__call__)
        encoder.image_tower = replace(encoder.image_tower, encode=encode)
    return encoder
