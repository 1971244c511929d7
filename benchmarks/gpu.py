"""A GPU in six minutes: its encoders alone, explanations, agreement with the CPU, memory, an index, the tests.

    python -m benchmarks.gpu                       # into benchmarks/results/NAME-OF-THE-GPU
    python -m benchmarks.gpu --device cpu --quick  # every line of it, anywhere

Needs fixlip with all that it depends on, and what its tests import: ``pip install -e '.[index]' pytest hypothesis``; no
weights and no network. Where pylance (of ``index``) is missing, no index is built. Each stage has a limit of time that
its cases share; a case that runs over says so in its row, and the next stage goes on.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import torch

import fixlip
from benchmarks import overhead
from benchmarks.__main__ import main
from benchmarks.agreement import agree
from benchmarks.clock import RanOver, at_most, timed
from benchmarks.gpu_encoders import WAYS, alone, little_memory, tf32
from benchmarks.memory import peak_here
from benchmarks.meter import metered
from benchmarks.output import ROOT
from benchmarks.runs import Cases, Row, Settings
from benchmarks.search_index import OTHERS
from benchmarks.subjects import CROSS, load, picture_and_caption
from fixlip.datasets.scenes import make_scene
from fixlip.errors import MissingExtraError
from fixlip.runtime.memory import release

TITLE = "A GPU, random weights: encoders alone, explanations, agreement with the CPU, memory, an index, the tests"
SHARE, DIFFERENCE, STATUS = "share of the encoders", "difference, of the largest effect", "exit status"
TARGETS = {SHARE: (">=", 0.9, "explain"), DIFFERENCE: ("<=", 1e-3, ""), STATUS: ("<=", 0, "")}
SECONDS = {"encoders": 160, "explain": 50, "budget": 20, "as on a CPU": 25, "memory": 30, "index": 35, "tests": 30}
TESTS = "tests/conformance/test_gpu.py"


@dataclass(frozen=True)
class Sizes:
    """Models and numbers of a run: those of a GPU, or those of a trial."""

    one: str = "ViT-B-32"
    models: tuple[str, ...] = ("ViT-B-32", "ViT-B-16", "ViT-L-14", "ViT-B-16-SigLIP2", "ViT-SO400M-14-SigLIP")
    explained: tuple[tuple[str, str], ...] = (
        ("ViT-B-32", "float32"),
        ("ViT-B-32", "bfloat16"),
        ("ViT-L-14", "bfloat16"),
    )
    powers: tuple[int, ...] = (17, 21)
    batches: tuple[int, ...] = (64, 256, 1024)
    call: dict[str, Any] = field(default_factory=dict)  # of an explanation
    masks: int = 256  # where a CPU takes part, and of a picture of the index
    scenes: int = 200


TRIAL = Sizes(
    one="demo-clip",
    models=("demo-clip",),
    explained=(("demo-clip", "float32"),),
    powers=(9, 10),
    batches=(4, 16),
    call={"image_masks": 64, "text_masks": 16},
    masks=64,
    scenes=2,
)


@dataclass
class Stage:
    """Cases that share a limit of time."""

    left: float

    def __call__(self, measure: Callable[[], Row]) -> Row:
        """The row of one case, or one that says that there was no time for it."""
        start = perf_counter()
        try:
            with at_most(self.left):
                return measure()
        except RanOver:
            return {"note": f"stopped after {perf_counter() - start:.0f} s, the rest of its stage"}
        finally:
            self.left -= perf_counter() - start
            release()


def cases(settings: Settings) -> Cases:
    if not settings.quick and torch.device(settings.device).type != "cuda":
        return {}  # it would take hours
    sizes = TRIAL if settings.quick else Sizes()
    one, device = sizes.one, settings.device
    stages: dict[str, Cases] = {
        "encoders": {f"{m}, {way}": partial(alone, m, way, settings) for m in sizes.models for way in WAYS},
        "explain": {f"{m}, {dtype}": partial(explain, m, dtype, sizes, settings) for m, dtype in sizes.explained},
        "budget": {f"2^{power} values": partial(peak, 2**power, one, device) for power in sizes.powers},
        "as on a CPU": {
            "TF32 in convolutions alone": partial(as_on_a_cpu, sizes, device, convolutions=True),
            "no TF32": partial(as_on_a_cpu, sizes, device, convolutions=False),
        },
        "memory": {
            **{f"batch {b}": partial(peak, 2 ** sizes.powers[0], one, device, batch_size=b) for b in sizes.batches},
            **{f"nearly full, batch {b}": partial(runs_out, b, sizes, device) for b in ("auto", 2**16)},
        },
        "index": {f"{sizes.scenes} pictures": partial(index, sizes, device)},
        "tests": {"marked gpu": partial(tests, settings)},
    }
    limits = {stage: Stage(seconds) for stage, seconds in SECONDS.items()}
    return {f"{s}: {name}": partial(limits[s], measure) for s, rows in stages.items() for name, measure in rows.items()}


def explain(model: str, dtype: str, sizes: Sizes, settings: Settings) -> Row:
    """A whole explanation against its passes alone, and the hash of the weights, which is a part of it."""
    row = overhead.measure(model, CROSS | sizes.call, settings, dtype)
    hashed, _ = timed(lambda: load(model, settings.device, dtype).weights)
    return {
        "batch": row["best batch"],
        **spent(row["image passes"], row["explain (s)"]),
        SHARE: 1 / row["ratio"],
        "note": f"{row['encoders only (s)']:.3f} s for the passes alone, {hashed:.3f} s for the hash of the weights",
    }


def peak(budget: int, model: str, device: str, **options: Any) -> Row:
    """Time and memory of an explanation."""
    row = peak_here(budget, device, model, **options)
    added = {name: row[name] for name in row if "added" in name}
    return {"batch": options.get("batch_size", "auto"), **spent(row["image passes"], row["seconds"]), **added}


def as_on_a_cpu(sizes: Sizes, device: str, *, convolutions: bool) -> Row:
    """Cross pairs of the same weights and masks on both."""
    encoder, (image, caption) = load(sizes.one), picture_and_caption()
    call = partial(fixlip.explain, image, caption, model=encoder, image_masks=sizes.masks, **CROSS)
    expected = call()
    encoder.move(device, None)
    try:
        with tf32(convolutions=convolutions):
            seconds, found = timed(call, device)
    finally:
        encoder.move("cpu", None)
    off = agree([found.cross], [expected.cross], np.inf)
    return {**spent(found.provenance.image_passes, seconds), DIFFERENCE: off}


def runs_out(batch: Any, sizes: Sizes, device: str) -> Row:
    """An explanation while memory is nearly full, against one with enough.

    Raises:
        AssertionError: memory did not run out.
    """
    encoder, (image, caption) = load(sizes.one, device), picture_and_caption()
    call = partial(fixlip.explain, image, caption, **CROSS, **sizes.call)
    expected = call(model=encoder)
    with little_memory(encoder, device) as cramped:
        seconds, found = timed(partial(call, model=cramped.encoder, batch_size=batch), device)
    tried, fitted = max(cramped.tried), max(cramped.fitted)
    if not fitted < tried:
        raise AssertionError(f"Memory did not run out: a batch of {fitted} masks fitted.")
    off = agree([found.cross], [expected.cross], np.inf)
    passes = spent(found.provenance.image_passes, seconds)
    return {"batch": fitted, **passes, DIFFERENCE: off, "note": f"began with {tried}, went on with {fitted}"}


def index(sizes: Sizes, device: str) -> Row:
    """Pictures a second of an index that is built."""
    encoder, meter = metered(load(sizes.one, device))
    images = [make_scene(OTHERS + k).image for k in range(sizes.scenes)]
    with TemporaryDirectory() as out:
        build = partial(fixlip.build_index, model=encoder, image_masks=sizes.masks, progress=False)
        try:
            build(images[:1], Path(out) / "first")  # loads what is loaded lazily
        except MissingExtraError as error:
            return {"note": str(error)}
        meter.passes.clear()
        meter.seconds.clear()
        seconds, _ = timed(partial(build, images, Path(out) / "all"), device)
    share, rate = meter.seconds["image"] / seconds, len(images) / seconds
    return {**spent(meter.passes["image"], seconds), SHARE: share, "note": f"{rate:.1f} pictures a second"}


def tests(settings: Settings) -> Row:
    """The tests for a GPU, in a process of their own; a trial only collects them."""
    command = [sys.executable, "-m", "pytest", TESTS, "-q", "-m", "gpu", "-W", "default"]
    command += ["--collect-only"] * settings.quick
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr)
    return {STATUS: done.returncode, "note": done.stdout.strip().rpartition("\n")[2]}


def spent(passes: int, seconds: float) -> Row:
    """Columns that most rows have."""
    return {"image passes": passes, "seconds": seconds, "images a second": passes / seconds}


if __name__ == "__main__":
    sys.exit(main(["gpu", "--device", "cuda", *sys.argv[1:]]))
