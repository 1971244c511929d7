"""The time that `drop` saves: seconds of masked image passes at p = 0.5 by removal operator, and their agreement.

`drop` computes only the tokens that are left, `attention` hides the others: the same numbers. Real architectures have
random weights, which cost the same as trained ones.
"""

from functools import partial

from benchmarks.clock import interleaved
from benchmarks.precision import encode
from benchmarks.runs import Cases, Row, Settings
from benchmarks.subjects import load

TITLE = "Image passes at p = 0.5 by removal operator"
TARGETS = {"largest difference, attention to drop": ("<=", 1e-5, "")}


def cases(settings: Settings) -> Cases:
    models = ("demo-clip",) if settings.quick else ("demo-clip", "demo-siglip", "ViT-B-32")
    return {model: partial(measure, model, settings) for model in models}


def measure(model: str, settings: Settings) -> Row:
    """Median seconds of each removal, and the largest difference between `attention` and `drop`."""
    encoder, passes = load(model, settings.device), settings.trial("ViT")
    calls = {
        removal: partial(encode, encoder.with_removal(image=removal), passes, settings.device)
        for removal in ("mean", "attention", "drop")
    }
    hidden, dropped = (sum(batch.double().cpu() for batch in calls[removal]()) for removal in ("attention", "drop"))
    seconds = interleaved(calls, 3, settings.device)
    return {
        "passes": passes,
        **{f"{removal} (s)": s for removal, s in seconds.items()},
        "drop / mean": seconds["drop"] / seconds["mean"],
        "drop / attention": seconds["drop"] / seconds["attention"],
        "largest difference, attention to drop": float((hidden - dropped).abs().max()),
    }
