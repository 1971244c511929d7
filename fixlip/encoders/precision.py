"""The types that a model may compute in."""

from functools import cache
from time import perf_counter

import torch

DTYPES = {name: getattr(torch, name) for name in ("bfloat16", "float16", "float32", "float64")}
ROWS, WIDTH = 1024, 768  # of a product as in the layers of a ViT-B
TRIES = 5
WORTH = 1.5  # times as fast, from which a coarser type is taken


@cache
def fastest(device: str) -> torch.dtype:
    """Return bfloat16 where a device multiplies in it at least 1.5 times as fast as in float32, else float32.

    Both types are timed once in a process, for some milliseconds: processors with matrix units for bfloat16 are many
    times as fast in it, those without are slower.
    """
    coarse, fine = (_seconds(device, dtype) for dtype in (torch.bfloat16, torch.float32))
    return torch.bfloat16 if WORTH * coarse <= fine else torch.float32


def _seconds(device: str, dtype: torch.dtype) -> float:
    """Time a product, the best of some tries; infinity where the device cannot make it."""

    def once() -> float:
        start = perf_counter()
        (rows @ weights).sum().item()  # waits for the device
        return perf_counter() - start

    try:
        rows, weights = (torch.ones(shape, device=device, dtype=dtype) for shape in ((ROWS, WIDTH), (WIDTH, 4 * WIDTH)))
        once()
        return min(once() for _ in range(TRIES))
    except RuntimeError:
        return float("inf")
