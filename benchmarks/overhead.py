"""A whole explanation against its encoder passes alone, and what there is besides the encoders.

The limit is the same number of masked passes of each tower, from masks that lie ready on the device, in batches of the
size that is the fastest, and nothing else: no preprocessing, no game, no estimator. The model is loaded on both sides.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

import fixlip
from benchmarks.breakdown import ENCODERS, breakdown
from benchmarks.clock import interleaved, timed
from benchmarks.runs import Cases, Row, Settings
from benchmarks.subjects import load, picture_and_caption, random_masks
from fixlip.encoders import DualEncoder

TITLE = "A whole explanation against the same encoder passes with nothing around, at the best batch size"
TARGETS = {"ratio": ("<=", 1.10, "")}
SIZES = (16, 32, 64, 128, 256, 512)
CROSS = {"options": {"interactions": "cross"}}
CPU = {  # what to explain where passes are slow: call, masks for one trial of a batch size, and rounds
    ("demo-clip", "default"): ({}, 512, 3),
    ("demo-clip", "cross"): (CROSS, 512, 5),
    ("demo-siglip", "default"): ({}, 512, 3),
    ("demo-siglip", "cross"): (CROSS, 512, 5),
    ("ViT-B-32", "cross"): (CROSS, 256, 3),
    ("ViT-B-16", "cross, 512 image masks"): (CROSS | {"image_masks": 512}, 128, 3),
    ("ViT-B-32", "default"): ({}, 256, 1),
}
GPU = {
    **{(m, "default"): ({}, 4096, 3) for m in ("demo-clip", "demo-siglip", "ViT-B-32", "ViT-B-16", "ViT-L-14")},
    **{(m, "cross"): (CROSS, 4096, 3) for m in ("demo-clip", "demo-siglip", "ViT-B-32")},
    **{
        (m, f"2^{k} values"): (CROSS | {"budget": 2**k}, 4096, 3)
        for m in ("ViT-B-32", "ViT-B-16", "ViT-L-14", "ViT-B-16-SigLIP2")
        for k in (17, 19, 21)
    },
}
QUICK = {("demo-clip", "cross, 128 image masks"): (CROSS | {"image_masks": 128}, 64, 1)}


def cases(settings: Settings) -> Cases:
    cuda = torch.device(settings.device).type == "cuda"
    chosen: dict[tuple[str, str], tuple[dict[str, Any], int, int]] = QUICK if settings.quick else GPU if cuda else CPU
    return {
        f"{model}, {label}": partial(measure, model, call, trial, rounds, settings.device)
        for (model, label), (call, trial, rounds) in chosen.items()
    }


def measure(model: str, call: dict[str, Any], trial: int, rounds: int, device: str) -> Row:
    """Seconds of both, in turn, and where the explanation spends what the encoders do not."""
    image, caption = picture_and_caption()
    fixlip.explain(image, caption, model="demo-clip", image_masks=128, progress=False, **CROSS)  # what is loaded lazily
    encoder = load(model, device)
    explain = partial(fixlip.explain, image, caption, model=encoder, progress=False, **call)
    limit = Limit(encoder, image, caption, trial)
    whole, alone = [], []
    for _ in range(rounds):
        taken, found = timed(explain, device)
        passes = found.provenance.image_passes, found.provenance.text_passes
        whole.append(taken)
        alone.append(timed(partial(limit, *passes), device)[0])
    seconds, least = float(np.median(whole)), float(np.median(alone))
    parts = breakdown(explain)
    besides = {name: s for name, s in parts.items() if name != ENCODERS}
    return {
        "players": f"{found.players.n_image} + {found.players.n_text}",
        "image passes": passes[0],
        "text passes": passes[1],
        "best batch": f"{limit.sizes[0]}, {limit.sizes[1]}",
        "explain (s)": seconds,
        "encoders only (s)": least,
        "ratio": seconds / least,
        **limit.speeds(),
        "its own encoder calls (s)": parts[ENCODERS],
        "besides (s)": sum(besides.values()),
        "most of it": ", ".join(f"{name} {s:.3f}" for name, s in list(besides.items())[:5]),
    }


class Limit:
    """Encoder passes with nothing around, at the batch size that is the fastest.

    Args:
        encoder: the model.
        image, caption: the inputs.
        trial: masks on which each batch size is tried.
    """

    def __init__(self, encoder: DualEncoder, image: Any, caption: str, trial: int) -> None:
        self.encoder, self.trial = encoder, trial
        self.ready: dict[tuple[int, int], torch.Tensor] = {}
        self.x, self.t = encoder.image_input(image), encoder.text_input(caption)
        calls = (partial(encoder.embed_image, self.x), partial(encoder.embed_text, self.t))
        self.sides = tuple(zip(calls, (self.x.n_patches, self.t.n_tokens), strict=True))
        self.sizes = tuple(self._best(embed, n) for embed, n in self.sides)

    def __call__(self, image_passes: int, text_passes: int) -> None:
        """So many passes of each tower."""
        for (embed, n), passes, size in zip(self.sides, (image_passes, text_passes), self.sizes, strict=True):
            in_batches(embed, self._masks(n, passes), size)

    def speeds(self) -> dict[str, float]:
        """Masked pictures a second, and whole ones of the model's own `encode_image`."""
        (embed, n), _ = self.sides
        size = self.sizes[0]
        masks, pixels = self._masks(n, self.trial), self.x.pixels.expand(size, -1, -1, -1).contiguous()

        def whole() -> None:
            with torch.inference_mode():
                for batch in masks.split(size):
                    self.encoder.model.encode_image(pixels[: len(batch)])

        calls = {"masked pictures a second": partial(in_batches, embed, masks, size), "whole pictures a second": whole}
        seconds = interleaved(calls, 3, self.encoder.device.type)
        return {name: self.trial / s for name, s in seconds.items()}

    def _best(self, embed: Callable[..., Any], n: int) -> int:
        masks = self._masks(n, self.trial)
        sizes = [size for size in SIZES + (1024, 2048) * (self.encoder.device.type == "cuda") if size <= self.trial]
        timed(partial(in_batches, embed, masks[: sizes[0]], sizes[0]))
        calls = {str(size): partial(in_batches, embed, masks, size) for size in sizes}
        seconds = interleaved(calls, 2, self.encoder.device.type)
        return int(min(seconds, key=lambda size: seconds[size]))

    def _masks(self, n: int, m: int) -> torch.Tensor:
        if (n, m) not in self.ready:
            self.ready[n, m] = random_masks(n, m, self.encoder.device.type)
        return self.ready[n, m]


def in_batches(embed: Callable[..., Any], masks: torch.Tensor, size: int) -> list[torch.Tensor]:
    """All masks through a tower."""
    return [embed(batch) for batch in masks.split(size)]
