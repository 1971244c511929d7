"""Which pairs are explained, and what of it is left to do."""

from pathlib import Path

from tqdm import tqdm

from fixlip.errors import OptionError
from fixlip.evaluation.engines import Engine
from fixlip.evaluation.folder import lock, read_settings
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.rows import Journal, Row, lines
from fixlip.evaluation.work import Task

SELECTION = "selection.jsonl"


def selected(plan: Plan, folder: Path, engine: Engine, progress: bool | None) -> list[tuple[int, int]]:
    """(place in the data set, caption) of each pair to explain: the captions, and the items, of the highest scores."""
    model = read_settings(folder)["selected_by"]
    if model not in plan.encoders:
        raise OptionError(f"The pairs of this folder are chosen by {model}; it has to be among the models.")
    with (
        lock(folder / ".selection.lock", "another process selects the pairs", wait=-1),
        Journal(folder / SELECTION) as journal,
    ):
        scored = {row["index"]: row for row in lines(folder / SELECTION)}
        tasks = [Task(model, k) for k in range(len(plan.dataset)) if k not in scored]
        with tqdm(total=len(plan.dataset), initial=len(scored), desc="selecting", disable=hidden(progress)) as bar:
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


def missing(plan: Plan, found: list[Row], chosen: list[tuple[int, int]], retry: bool) -> list[Task]:
    """The tasks that are left, one model after the other."""
    done: dict[tuple[str, str, int], set[str]] = {}
    faulty = set()
    for row in found:
        if row["status"] == "bad" and retry:
            continue
        if row["status"] == "bad" and not row["model"]:
            faulty.add(row["index"])
        again = set(row.get("failed", {})) if retry else set()
        ever = set(plan.measures) if row["status"] == "bad" else set(row["metrics"]) - again
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


def hidden(progress: bool | None) -> bool | None:
    """Return what tqdm calls `disable`; None shows a bar on a terminal."""
    return None if progress is None else not progress
