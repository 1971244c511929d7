"""What `drop` saves: time of masked image passes at p = 0.5, each removal beside the others, and their agreement.

    python -m benchmarks.removal [--models "demo-clip ViT-B-32"] [--passes N] [--rounds N] [--out NAME]

`drop` computes only the tokens that are left, `attention` hides the others: the same numbers. Real architectures have
random weights, which cost the same.
"""

import time

import numpy as np

from benchmarks.output import arguments, publish
from benchmarks.subjects import load
from fixlip.games.similarity import games

REMOVALS = ("mean", "attention", "drop")
MODELS = ("demo-clip", "demo-siglip", "ViT-B-32")


def measure(name: str, passes: int, rounds: int, device: str) -> dict:
    """Median seconds of each removal over interleaved rounds, and the largest difference of attention and drop."""
    encoder = load(name, device)
    picture = np.random.default_rng(0).integers(0, 255, (240, 240, 3), dtype=np.uint8)
    each = {r: next(games(encoder.with_removal(image=r), [picture], ["dog"], [(0, 0)])) for r in REMOVALS}
    n = each["mean"].n_image
    masks = np.random.default_rng(1).random((passes, n)) < 0.5
    seconds: dict[str, list[float]] = {r: [] for r in REMOVALS}
    found = {}
    for r in REMOVALS:
        each[r].image_embeddings(masks[:16])
    for _ in range(rounds):
        for r in REMOVALS:
            start = time.perf_counter()
            found[r] = each[r].image_embeddings(masks)
            seconds[r].append(time.perf_counter() - start)
    median = {r: float(np.median(s)) for r, s in seconds.items()}
    return {
        "model": name,
        "patches": n,
        "passes": passes,
        **{f"{r} (s)": s for r, s in median.items()},
        "drop / mean": median["drop"] / median["mean"],
        "drop / attention": median["drop"] / median["attention"],
        "largest difference, attention to drop": f"{np.abs(found['attention'] - found['drop']).max():.0e}",
    }


def main() -> None:
    args = arguments(__doc__, models=" ".join(MODELS), passes=256, rounds=3, device="cpu")
    rows = [measure(name, args.passes, args.rounds, args.device) for name in args.models.split()]
    publish("Image passes at p = 0.5 by removal operator", rows, args.out)


if __name__ == "__main__":
    main()
