"""Encoders of a GPU: masked images a second with nothing around, their best batch, and a memory that is nearly full."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache, partial
from math import ceil
from typing import Any

import torch

from benchmarks.clock import timed
from benchmarks.runs import Row, Settings
from benchmarks.subjects import load, picture_and_caption, random_masks
from fixlip.runtime.memory import is_memory, release

WAYS = ("float32", "float32, TF32", "bfloat16", "bfloat16, compiled")
FIRST, LAST = 32, 4096  # batches that are tried
GAIN = 1.05  # of a batch twice as large, to go on
LEFT = 384  # MiB of a GPU that is nearly full
FEW = 8  # masks that an encoder has memory for, where there is no GPU to fill


def alone(model: str, way: str, settings: Settings) -> Row:
    """Masked images a second of one architecture, at its best batch; compiled, at the best batch of what is not."""
    dtype, _, how = way.partition(", ")
    with tf32(products=how == "TF32"):
        if how != "compiled":
            batch, rate = eager(model, way, settings)
        else:
            batch, _ = eager(model, dtype, settings)
            encoder = compiled(load(model, settings.device, dtype), "eager" if settings.quick else "inductor")
            x, masks = drawn(encoder, batch, settings)
            rate = per_second(partial(encoder.embed_image, x), masks, settings)
    return {"batch": batch, "images a second": rate}


@cache
def eager(model: str, way: str, settings: Settings) -> tuple[int, float]:
    """The best batch, and masked images a second in it."""
    encoder = load(model, settings.device, way.partition(", ")[0])
    x, masks = drawn(encoder, FIRST * 2 if settings.quick else LAST, settings)
    return best_batch(partial(encoder.embed_image, x), masks, settings)


def drawn(encoder: Any, number: int, settings: Settings) -> tuple[Any, torch.Tensor]:
    """A picture, prepared, and masks of it."""
    x = encoder.image_input(picture_and_caption()[0])
    return x, random_masks(x.n_patches, number, settings.device)


def best_batch(embed: Callable[[torch.Tensor], Any], masks: torch.Tensor, settings: Settings) -> tuple[int, float]:
    """The batch that is doubled until nothing is gained or memory runs out, and masks a second in it."""
    batch, rate, size = 0, 0.0, FIRST
    while size <= len(masks):
        try:
            now = per_second(embed, masks[:size], settings)
        except Exception as error:
            if not batch or not is_memory(error):
                raise
            break
        if now < GAIN * rate:
            break
        batch, rate, size = size, now, 2 * size
    release()
    return batch, rate


def per_second(embed: Callable[[torch.Tensor], Any], masks: torch.Tensor, settings: Settings) -> float:
    """Masks a second in one batch, after a first one that does not count."""
    call = partial(embed, masks)
    call()
    once, _ = timed(call, settings.device)
    times = ceil((0.01 if settings.quick else 0.3) / once)
    seconds, _ = timed(lambda: [call() for _ in range(times)], settings.device)
    return times * len(masks) / seconds


def compiled(encoder: Any, backend: str) -> Any:
    """The same encoder, its image tower compiled block by block."""
    other, tower = copy(encoder), encoder.image_tower
    step = torch.compile(tower.encode.step, backend=backend)
    other.image_tower = replace(tower, encode=replace(tower.encode, step=step))
    return other


@contextmanager
def tf32(*, products: bool = False, convolutions: bool = True) -> Iterator[None]:
    """Let a GPU round float32 to TF32; without arguments as torch does by default."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if products else "highest")
    torch.backends.cudnn.allow_tf32 = convolutions
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


@dataclass
class Cramped:
    """An encoder in little memory: the sizes of the batches that it was given, and of those that fitted."""

    encoder: Any
    tried: list[int] = field(default_factory=list)
    fitted: list[int] = field(default_factory=list)


@contextmanager
def little_memory(encoder: Any, device: str, left: int = LEFT) -> Iterator[Cramped]:
    """Fill a GPU with one tensor, but for so many MiB; elsewhere the encoder has no memory for many masks."""
    cuda, other = torch.device(device).type == "cuda", encoder.with_removal()  # which remembers no batch
    cramped = Cramped(other)

    def embed(x: Any, masks: torch.Tensor) -> torch.Tensor:
        cramped.tried.append(len(masks))
        if not cuda and len(masks) > FEW:
            raise torch.OutOfMemoryError(f"no memory for {len(masks)} masks")
        embeddings: torch.Tensor = encoder.embed_image(x, masks)
        cramped.fitted.append(len(masks))
        return embeddings

    other.embed_image = embed
    release()
    free = torch.cuda.mem_get_info(device)[0] - left * 2**20 if cuda else 0
    ballast = torch.empty(max(free, 0), dtype=torch.uint8, device=device)
    try:
        yield cramped
    finally:
        del ballast
        release()
