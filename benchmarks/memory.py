"""Peak memory against the budget, each budget in a process of its own.

python -m benchmarks memory [--quick] [--device cuda]
"""

from functools import partial

import fixlip
from benchmarks.clock import added_memory, in_child
from benchmarks.runs import Cases, Row, Settings
from benchmarks.subjects import load, picture_and_caption

TITLE = "demo-clip: memory of the whole process against the budget, cross pairs"
TARGETS = {"against the first": ("<=", 1.1, "")}


def cases(settings: Settings) -> Cases:
    powers = (13, 14) if settings.quick else (15, 17, 19, 21)
    return {f"2^{power}": partial(measure, power, powers[0], settings.device) for power in powers}


FIRST: dict[tuple[int, str], float] = {}


def measure(power: int, first: int, device: str) -> Row:
    """One budget, and what the smallest one takes."""
    row = in_child(peak, 2**power, device)
    if (first, device) not in FIRST:
        FIRST[first, device] = row["peak (MiB)"] if power == first else in_child(peak, 2**first, device)["peak (MiB)"]
    return row | {"against the first": row["peak (MiB)"] / FIRST[first, device]}


def peak(budget: int, device: str) -> Row:
    """MiB in this process."""
    encoder = load("demo-clip", device)
    image, caption = picture_and_caption()
    with added_memory(device) as memory:
        found = fixlip.explain(
            image, caption, model=encoder, budget=budget, progress=False, options={"interactions": "cross"}
        )
    noted = found.provenance
    row: Row = {"image passes": noted.image_passes, "text passes": noted.text_passes, "seconds": noted.seconds}
    row |= {"peak (MiB)": memory.before + memory.added, "of it added (MiB)": memory.added}
    return row | ({"added on the GPU (MiB)": memory.gpu} if memory.gpu else {})


if __name__ == "__main__":
    from benchmarks.__main__ import main

    main(["memory"])
