"""Evaluate: what is missing is computed, row by row, by whatever engine."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from filelock import FileLock, Timeout
from tqdm import tqdm

from fixlip.errors import InputError, OptionError, unknown
from fixlip.evaluation import rows as rows_on_disk
from fixlip.evaluation.measures import MEASURES
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.rows import Journal, Row
from fixlip.evaluation.work import Task, Worker
from fixlip.storage import write_atomically

if TYPE_CHECKING:
    from fixlip.explanation import Explanation

SETTINGS, SELECTION = "run.json", "selection.jsonl"


class Engine(Protocol):
    """Where tasks are done."""

    def run(self, plan: Plan, method: str, tasks: list[Task]) -> Iterator[tuple[Task, Iterable[Row]]]:
        """Call that method of a `Worker` for each task; tasks may come back in any order, each once."""


class Local:
    """In this process, one task after the other."""

    def run(self, plan: Plan, method: str, tasks: list[Task]) -> Iterator[tuple[Task, Iterable[Row]]]:
        """See `Engine`."""
        worker = Worker(plan)
        for task in tasks:
            yield task, getattr(worker, method)(task)


ENGINES = ("local", "ray")


def engine(name: str, *, workers: int = 2, address: str | None = None, gpus: float = 0) -> Engine:
    """An engine by name; the other arguments are those of `fixlip.evaluation.cluster.Ray`.

    Raises:
        OptionError: no such engine.
    """
    if name == "ray":
        from fixlip.evaluation.cluster import Ray

        return Ray(workers, address, gpus=gpus)
    if name != "local":
        raise OptionError(unknown("engine", name, ENGINES))
    return Local()


@dataclass(frozen=True)
class Outcome:
    """What a run has come to.

    Attributes:
        folder: where the rows are.
        items: entries of the data set that were to be evaluated, of this shard.
        evaluated: those with at least one result.
        skipped: how many entries of this shard have which fault of their own.
        refused: how many explanations, or metrics of one, failed, for each sentence.
        empty: metrics that no item allows, with what they need.
        done, seconds: explanations made by this call, and the time that it took.
    """

    folder: Path
    items: int
    evaluated: int
    skipped: dict[str, int]
    refused: dict[str, int]
    empty: dict[str, str]
    done: int
    seconds: float

    @property
    def throughput(self) -> float:
        """Explanations a second."""
        return self.done / self.seconds if self.seconds else 0.0


def evaluate(
    plan: Plan,
    folder: str | Path,
    *,
    engine: Engine | None = None,
    limit: int | None = None,
    shard: tuple[int, int] = (1, 1),
    retry: bool = False,
    progress: bool | None = None,
) -> Outcome:
    """Measure explanations on a data set; started again, it goes on where it was.

    Every (model, estimator, item) is one line of ``rows-*.jsonl`` in the folder, on the disk before the next one
    begins. A run that was killed loses at most the explanation in hand, and none is counted twice. Metrics, models and
    estimators may be added to a folder later; other settings may not change. An item that cannot be used is a row as
    well, and the others go on.

    Args:
        plan: what to do.
        folder: results; made where it does not exist.
        engine: `Local()` when None, or `fixlip.evaluation.cluster.Ray(...)`; all give the same rows.
        limit: take the first items only.
        shard: (i, n): take every n-th item from the i-th (of 1..n) on; several may run at once into one folder.
        retry: do again what failed.
        progress: None shows a bar on a terminal.

    Raises:
        OptionError: a shard or limit out of range, a folder that holds a run with other settings, or that another
            process is writing this shard of.
        FixlipError: a name or option is unknown, or the data set is not as its format says; before any work.

    Example:
        >>> import tempfile
        >>> plan = Plan(("faithfulness",), "scenes:2", ("demo-clip",), ("itsm", "banzhaf image_masks=128"))
        >>> outcome = evaluate(plan, tempfile.mkdtemp(), progress=False)
        >>> outcome.items, outcome.evaluated, outcome.done
        (2, 2, 4)
    """
    i, n = shard
    if not 1 <= i <= n:
        raise OptionError(f"A shard is i of n with 1 <= i <= n, got {i} of {n}.")
    if limit is not None and limit < 1:
        raise OptionError(f"limit is a positive number, got {limit}.")
    folder, start = Path(folder), perf_counter()
    plan.dataset.__len__()
    plan = _settle(plan, folder)
    engine = engine or Local()
    with _lock(folder / f".shard-{i}-of-{n}.lock", "another process is writing this shard"):
        chosen = (
            _selected(plan, folder, engine, progress) if plan.selects else [(k, 0) for k in range(len(plan.dataset))]
        )
        chosen = chosen[:limit][i - 1 :: n]
        tasks = _missing(plan, rows_on_disk.read(folder), chosen, retry)
        total = len(chosen) * len(plan.encoders)
        done = 0
        with (
            Journal(folder / f"rows-{i}-of-{n}.jsonl") as journal,
            tqdm(
                total=total, initial=total - len(tasks), unit="item", disable=_hidden(progress), smoothing=0.05
            ) as bar,
        ):
            for task, rows in engine.run(plan, "rows", tasks):
                bar.set_description(task.model)
                for row in rows:
                    journal.append(row)
                    done += bool(row["estimator"])
                bar.update()
    return _outcome(plan, folder, {index for index, _ in chosen}, done, perf_counter() - start)


def explain_item(folder: str | Path, row: Row) -> "Explanation":
    """The explanation behind a row of a finished run, computed again.

    Raises:
        FixlipError: the data or the model are not at hand.
    """
    settings = read_settings(folder)
    names = {f: settings[f] for f in Plan.__dataclass_fields__ if f in settings}
    plan = Plan(**names | {"models": (row["model"],), "estimators": (row["estimator"],)})
    captions = [c.text for c in _item(plan, row["index"]).captions]
    return Worker(plan).explain(Task(row["model"], row["index"], captions.index(row["caption"])), row["estimator"])


def read_settings(folder: str | Path) -> dict[str, Any]:
    """What `run.json` says.

    Raises:
        InputError: there is none, or it is damaged.
    """
    path = Path(folder) / SETTINGS
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"No results in {str(folder)!r}: it has no {SETTINGS}; fixlip evaluate writes it.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {str(path)!r}: {error}.") from error
    return found


def _item(plan: Plan, index: int) -> Any:
    item = plan.dataset[index]
    if not hasattr(item, "captions"):
        raise InputError(item.reason)
    return item


def _settle(plan: Plan, folder: Path) -> Plan:
    """The plan with what earlier runs into this folder have decided; written there with what is new."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot make the folder {str(folder)!r}: {error.strerror or error}.") from error
    with _lock(folder / ".settings.lock", "another process is starting", wait=60):
        settings: dict[str, Any] = {
            "fixlip": _version(),
            "items": len(plan.dataset),
            "selected_by": next(iter(plan.encoders)),
        }
        before: dict[str, Any] = {}
        if (folder / SETTINGS).exists():
            before = read_settings(folder)
            plan = plan.joined(before)
            if len(plan.dataset) != before["items"]:
                raise OptionError(f"The data set had {before['items']} items and has {len(plan.dataset)} now.")
            settings |= {"selected_by": before["selected_by"]}
        if plan.threads is None:
            import torch

            plan = replace(plan, threads=torch.get_num_threads())
        settings |= plan.settings()
        for name in ("metrics", "models", "estimators"):
            settings[name] = list(dict.fromkeys([*before.get(name, []), *settings[name]]))
        write_atomically(folder / SETTINGS, (json.dumps(settings, indent=2, ensure_ascii=False) + "\n").encode())
    return plan


def _selected(plan: Plan, folder: Path, engine: Engine, progress: bool | None) -> list[tuple[int, int]]:
    """(place in the data set, caption) of each pair to explain: the captions, and the items, of the highest scores."""
    model = read_settings(folder)["selected_by"]
    if model not in plan.encoders:
        raise OptionError(f"The pairs of this folder are chosen by {model}; it has to be among the models.")
    with (
        _lock(folder / ".selection.lock", "another process selects the pairs", wait=-1),
        Journal(folder / SELECTION) as journal,
    ):
        scored = {row["index"]: row for row in rows_on_disk.lines(folder / SELECTION)}
        tasks = [Task(model, k) for k in range(len(plan.dataset)) if k not in scored]
        with tqdm(total=len(plan.dataset), initial=len(scored), desc="selecting", disable=_hidden(progress)) as bar:
            for task, rows in engine.run(plan, "scores", tasks):
                for row in rows:
                    journal.append(row)
                    scored[task.index] = row
                bar.update()
    best = plan.captions == "best"
    chosen = []
    for k, row in sorted(scored.items()):
        scores = row.get("scores", [])[: None if best else 1]
        at = scores.index(max(scores)) if scores else 0
        chosen.append((k, at, scores[at] if scores else float("-inf")))
    if plan.top is not None:
        kept = sorted(chosen, key=lambda c: (-c[2], c[0]))[: plan.top]
        faulty = [c for c in chosen if c[2] == float("-inf")]
        chosen = sorted({*kept, *faulty})
    return [(k, at) for k, at, _ in chosen]


def _missing(plan: Plan, found: list[Row], chosen: list[tuple[int, int]], retry: bool) -> list[Task]:
    """The tasks that are left, one model after the other."""
    done: dict[tuple[str, str, int], set[str]] = {}
    faulty = set()
    for row in found:
        if row["status"] == "bad" and retry:
            continue
        if row["status"] == "bad" and not row["model"]:
            faulty.add(row["index"])
        ever = set(plan.measures) if row["status"] == "bad" else set(row["metrics"])
        done[row["model"], row["estimator"], row["index"]] = ever
    tasks = []
    wanted = {"": plan.facts, **dict.fromkeys(plan.methods, tuple(plan.measures))}
    for model in plan.encoders:
        for index, caption in chosen:
            missing = {}
            for label, metrics in wanted.items():
                have = done.get((model, label, index), set())
                left = tuple(m for m in metrics if m not in have)
                if left:
                    missing[label] = left
            if missing and index not in faulty:
                tasks.append(Task(model, index, caption, missing))
    return tasks


def _outcome(plan: Plan, folder: Path, indices: set[int], done: int, seconds: float) -> Outcome:
    mine = [row for row in rows_on_disk.read(folder) if row["index"] in indices]
    good = [row for row in mine if row["status"] == "ok" and row["estimator"]]
    bad = [row for row in mine if row["status"] == "bad"]
    failed = [f"{metric}: {reason}" for row in good for metric, reason in row.get("failed", {}).items()]
    measured = {label for row in good for label, numbers in row["metrics"].items() if numbers is not None}
    needs = {label: MEASURES[name].needs for label, (name, _) in plan.measures.items()}
    return Outcome(
        folder,
        items=len(indices),
        evaluated=len({row["index"] for row in good}),
        skipped=dict(Counter(row["fault"] for row in bad if not row["model"])),
        refused=dict(Counter([row["reason"] for row in bad if row["model"]] + failed)),
        empty={label: need for label, need in needs.items() if good and label not in measured},
        done=done,
        seconds=seconds,
    )


@contextmanager
def _lock(path: Path, who: str, wait: float = 0) -> Iterator[None]:
    try:
        with FileLock(path, timeout=wait):
            yield
    except Timeout as error:
        raise OptionError(f"{str(path.parent)!r}: {who}.") from error


def _hidden(progress: bool | None) -> bool | None:
    return None if progress is None else not progress


def _version() -> str:
    from importlib.metadata import version

    return version("fixlip")
