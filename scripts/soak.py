"""One process, an hour of mixed explanations: nothing may grow, and nothing stay behind.

``python -m scripts.soak [--minutes 60] [--seed 0] [--out benchmarks/results/soak]``. Ends with status 1 where it does.
"""

import argparse
import gc
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import matplotlib as mpl
import numpy as np
import psutil
import torch

import fixlip
from benchmarks.output import show, write
from fixlip.errors import BudgetError, FixlipError, OptionError
from fixlip.estimator import Estimator
from fixlip.evaluation import Plan, evaluate
from fixlip.request import Request
from fixlip.results.explanation import Explanation
from tests.helpers.models import FAMILIES, encoder_of
from tests.helpers.state import differences, photograph

WORDS = ("a", "dog", "next", "to", "the", "yellow", "bus", "and", "no", "cat", "on", "skateboards", "under")
MOST_GROWTH = {"MB": 0.03, "objects": 0.01, "tensors": 0.01, "files": 0, "threads": 0, "temporary files": 0}
PASSES = 200
SLOW = {"shapiq:SVARMIQ"}  # a loop in Python over all pairs for each mask


@dataclass
class Soak:
    """The inputs of the explanations, and a count of the work.

    Attributes:
        rng: chooses everything.
        folder: for files of the thing in hand.
        encoders: the models.
        done, refused: how often each thing was done, and ended in an error of fixlip.
    """

    rng: np.random.Generator
    folder: Path
    encoders: list[Any]
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def pick(self, of: Iterable[Any]) -> Any:
        """One of them."""
        of = list(of)
        return of[int(self.rng.integers(len(of)))]

    def input(self) -> dict[str, Any]:
        """A picture, a caption and how to divide them."""
        height, width = self.rng.integers(20, 300, 2)
        return {
            "image": self.rng.integers(0, 255, (height, width, 3), dtype=np.uint8),
            "text": " ".join(self.rng.choice(WORDS, self.rng.integers(1, 7))),
            "image_players": self.pick(["patches", "grid:2", "grid:3"]),
            "seed": int(self.rng.integers(1000)),
            "batch_size": self.pick(["auto", 7, 64]),
        }

    def explain(self, names: Iterable[str] = ("banzhaf", "shapley", "shapley-owen"), **call: Any) -> Explanation:
        """One explanation by one of the estimators, by any model."""
        call = {"model": self.pick(self.encoders), **self.input(), "progress": False, **call}
        estimator = fixlip.get_estimator(self.pick(names))
        return fixlip.explain(estimator=estimator, **effort(estimator), **call)


def effort(estimator: Estimator) -> dict[str, int]:
    """The budget, as options that the estimator takes."""
    for words in ({"image_masks": PASSES}, {"budget": 20 * PASSES}):
        with suppress(BudgetError):
            try:
                estimator.passes(16, 3, Request(**words))
            except OptionError:
                continue
        return words
    return {}


def any_estimator(soak: Soak) -> None:
    name = soak.pick(sorted(set(fixlip.list_estimators()) - SLOW))
    players = "grid:2" if name == "exact" or name.startswith("shapiq:") else soak.pick(["patches", "grid:3"])
    words = " ".join(soak.rng.choice(WORDS, soak.rng.integers(1, 4)))
    soak.explain([name], image_players=players, text=words)
    soak.done[f"explain by {name}"] += 1


def kept(soak: Soak) -> None:
    found, path = soak.explain(), soak.folder / "one.fixlip"
    found.save(path)
    if Explanation.load(path) != found:
        raise AssertionError("what was loaded is not what was saved")


def damaged(soak: Soak) -> None:
    path = soak.folder / "one.fixlip"
    soak.explain().save(path)
    content = bytearray(path.read_bytes())
    content[int(soak.rng.integers(len(content)))] ^= 1 << int(soak.rng.integers(8))
    path.write_bytes(content)
    try:
        Explanation.load(path)
    except FixlipError:
        return
    raise AssertionError("a flipped bit went unnoticed")


def shown(soak: Soak) -> None:
    found = soak.explain(curves=True)
    found.to_html(soak.folder / "page.html")
    from fixlip import plots

    plots.save(plots.overview(found), soak.folder / f"figure.{soak.pick(['png', 'pdf', 'svg'])}")


def compared(soak: Soak) -> None:
    models = [soak.pick(soak.encoders) for _ in range(2)]
    call = {k: v for k, v in soak.input().items() if k != "image_players"}
    fixlip.compare(**call, models=models, image_players="grid:3", image_masks=64, progress=False).agreement()


def many(soak: Soak) -> None:
    images, texts = zip(*((i["image"], i["text"]) for i in (soak.input() for _ in range(3))), strict=True)
    model = soak.pick(soak.encoders)
    list(fixlip.explain_many(images, texts, pairs="all", model=model, image_players="grid:3", progress=False))


def in_threads(soak: Soak) -> None:
    model = soak.pick(soak.encoders)
    calls = [soak.input() for _ in range(4)]
    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(fixlip.explain, **c, model=model, image_masks=200, progress=False) for c in calls]:
            one.result()


def interrupted(soak: Soak) -> None:
    at = int(soak.rng.integers(1, PASSES))
    error = soak.pick([KeyboardInterrupt, MemoryError, ValueError])

    def stop(done: int, total: int) -> None:
        if done >= at:
            raise error

    try:
        soak.explain(progress=stop)
    except (KeyboardInterrupt, MemoryError, ValueError):
        return


def evaluated(soak: Soak) -> None:
    name = soak.pick(["demo-clip", "demo-siglip"])
    plan = Plan(("grounding", "insertion-deletion"), "scenes:2", (name,), ("itsm", "banzhaf image_masks=64"))
    evaluate(plan, soak.folder / "run", progress=False)


ACTIONS: dict[str, tuple[float, Callable[[Soak], None]]] = {
    "explain": (10, any_estimator),
    "save and load": (2, kept),
    "load a damaged file": (2, damaged),
    "page and figure": (1, shown),
    "compare": (2, compared),
    "explain many": (2, many),
    "two threads": (2, in_threads),
    "interrupted": (3, interrupted),
    "evaluate": (0.3, evaluated),
}


def act(soak: Soak, name: str) -> None:
    """Do one thing, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        soak.folder = Path(folder)
        try:
            ACTIONS[name][1](soak)
            soak.done[name] += 1
        except FixlipError as error:  # a budget too small for so many players, say
            soak.refused[f"{name}: {type(error).__name__}"] += 1


def sample(minutes: float, soak: Soak) -> dict[str, float]:
    """A count of everything that the process holds."""
    gc.collect()
    process, objects = psutil.Process(), gc.get_objects()
    return {
        "minutes": round(minutes, 1),
        "done": soak.done.total(),
        "refused": soak.refused.total(),
        "MB": process.memory_info().rss / 2**20,
        "objects": len(objects),
        "tensors": sum(issubclass(type(o), torch.Tensor) for o in objects),
        "files": process.num_fds(),
        "threads": process.num_threads(),
        "temporary files": sum(1 for _ in Path(tempfile.gettempdir()).iterdir()),
    }


def growth(samples: list[dict[str, float]], after: float = 0.5) -> dict[str, float]:
    """The relative growth of each measure, from the quarter of the work after `after` to the last (medians).

    Work is what was done, not time: others may have had the processor. In its first half things are imported, cached
    and sized that are needed rarely.
    """
    work = np.array([s["done"] for s in samples]) / samples[-1]["done"]
    early, late = (work >= after) & (work < after + 0.25), work >= 0.75
    middle = {
        name: [np.median(np.array([s[name] for s in samples])[part]) for part in (early, late)] for name in MOST_GROWTH
    }
    return {name: float((b - a) / max(a, 1)) for name, (a, b) in middle.items()}


def verdict(samples: list[dict[str, float]], changed: list[str]) -> list[str]:
    """A line for everything that has grown by more than `MOST_GROWTH` or was left behind."""
    grown = [f"{name} grew by {g:.1%}" for name, g in growth(samples).items() if g > MOST_GROWTH[name]]
    return grown + changed


def soak_for(minutes: float, seed: int = 0, every: float = 30.0) -> tuple[list[dict[str, float]], list[str], Soak]:
    """Act until the time is over.

    Args:
        minutes: for how long, after each thing was done once.
        seed: of what is done.
        every: seconds from one sample to the next.

    Returns:
        The samples, what has changed about models and process since the beginning, and what was done.
    """
    encoders = [fixlip.load_model(name, device="cpu") for name in ("demo-clip", "demo-siglip")]
    encoders += [encoder_of(family) for family in FAMILIES]
    soak = Soak(np.random.default_rng(seed), Path(), encoders)
    for name in ACTIONS:
        act(soak, name)
    weights = np.array([weight for weight, _ in ACTIONS.values()])
    before, start, samples = photograph(*encoders), monotonic(), [sample(0, soak)]
    while (passed := monotonic() - start) < 60 * minutes:
        act(soak, str(soak.rng.choice(list(ACTIONS), p=weights / weights.sum())))
        if passed > every * len(samples):
            samples.append(sample(passed / 60, soak))
    return samples, differences(before, photograph(*encoders)), soak


def told(grown: dict[str, float]) -> str:
    """The growth of each quantity, in words."""
    return ", ".join(f"{name} {g:+.2%}" for name, g in grown.items())


def main() -> int:
    """Run a soak with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write NAME.json and NAME.md")
    given = parser.parse_args()
    mpl.use("agg")
    tempfile.tempdir = tempfile.mkdtemp(prefix="soak-")
    samples, changed, soak = soak_for(given.minutes, given.seed, every=min(30, 60 * given.minutes / 40))
    bad = verdict(samples, changed)
    notes = [
        f"From the third quarter of the work to the last: {told(growth(samples))}.",
        f"From the second quarter of the work to the last: {told(growth(samples, 0.25))}.",
        f"Left behind in models and process: {'; '.join(changed) or 'nothing'}.",
        f"Done: {', '.join(f'{name} {n}' for name, n in sorted(soak.done.items()))}.",
        f"Refused: {', '.join(f'{name} {n}' for name, n in sorted(soak.refused.items())) or 'nothing'}.",
        f"Verdict: {'; '.join(bad) or 'flat'}.",
    ]
    title = "Soak: mixed explanations in one process"
    shown = samples[:: max(1, len(samples) // 12)]
    show(title, shown, notes)
    if given.out:
        write(title, shown, notes, given.out, minutes=given.minutes, changed=changed, samples=samples)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
