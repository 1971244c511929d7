"""Peak memory against the budget, each budget in a process of its own."""

from functools import cache, partial
from typing import Any

import fixlip
from benchmarks.clock import added_memory
from benchmarks.runs import Cases, Row, Settings
from benchmarks.subjects import CROSS, load, picture_and_caption

TITLE = "demo-clip: memory of the whole process against the budget, cross pairs"
TARGETS = {"against the first": ("<=", 1.1, "")}


def cases(settings: Settings) -> Cases:
    powers = (9, 10) if settings.quick else (15, 17, 19, 21)
    return {f"2^{power}": partial(measure, power, powers[0], settings) for power in powers}


def measure(power: int, first: int, settings: Settings) -> Row:
    """One budget, and what the smallest one takes."""
    row = peak(power, settings)
    return row | {"against the first": row["peak (MiB)"] / peak(first, settings)["peak (MiB)"]}


@cache
def peak(power: int, settings: Settings) -> Row:
    """Memory and time of one budget, measured in a process of its own."""
    return settings.apart(peak_here, 2**power, settings.device)


def peak_here(budget: int, device: str, model: str = "demo-clip", **options: Any) -> Row:
    """MiB in this process."""
    encoder, (image, caption) = load(model, device), picture_and_caption()
    with added_memory(device) as memory:
        facts = fixlip.explain(image, caption, model=encoder, budget=budget, **CROSS, **options).provenance
    row: Row = {"image passes": facts.image_passes, "text passes": facts.text_passes, "seconds": facts.seconds}
    return row | {"peak (MiB)": memory.before + memory.added} | memory.cells()
