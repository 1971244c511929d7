"""Lists of the pairs that are explained, and of what is left to do."""

import math
from collections import Counter
from collections.abc import Set as AbstractSet
from pathlib import Path

from tqdm import tqdm

from fixlip.cluster.engines import Engine
from fixlip.errors import OptionError
from fixlip.evaluation.folder import read_settings
from fixlip.evaluation.job import Evaluation
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.records import BadRow, ExplainedRow, PictureRow, Row, ScoresRow
from fixlip.evaluation.rows import Journal, lines
from fixlip.evaluation.work import MACHINE, EntryError, Task, opened
from fixlip.io.files import lock

SELECTION = "selection.jsonl"


def selected(
    plan: Plan, folder: Path, engine: Engine, progress: bool | None, damaged: Counter[str]
) -> list[tuple[int, int]]:
    """(place in the data set, caption) of each pair to explain: the captions, and the items, of the highest scores."""
    model = read_settings(folder)["selected_by"]
    if model not in plan.encoders:
        raise OptionError(f"The pairs of this folder are chosen by {model}; it has to be among the models.")
    with (
        lock(folder / ".selection.lock", "another process selects the pairs", wait=-1),
        Journal(folder / SELECTION) as journal,
    ):
        before = lines(folder / SELECTION, damaged)
        scored = {row.index: row for row in before if stands(plan, row)}
        tasks = [Task(model, k) for k in range(len(plan.dataset)) if k not in scored]
        with tqdm(total=len(plan.dataset), initial=len(scored), desc="selecting", disable=hidden(progress)) as bar:
            for task, rows in engine.run(Evaluation(plan, "scores"), tasks):
                for row in rows:
                    journal.append(row)
                    scored[task.index] = row
                bar.update()
    best = plan.captions == "best"
    chosen = []
    for k, row in sorted(scored.items()):
        logits = row.scores[: None if best else 1] if isinstance(row, ScoresRow) else []
        scores = [-math.inf if logit is None else logit for logit in logits] or [-math.inf]
        highest = max(scores)
        chosen.append((k, scores.index(highest), highest))
    if plan.top is not None:
        kept = sorted(chosen, key=lambda c: (-c[2], c[0]))[: plan.top]
        faulty = [c for c in chosen if c[2] == -math.inf]
        chosen = sorted({*kept, *faulty})
    return [(k, at) for k, at, _ in chosen]


def stands(plan: Plan, row: Row) -> bool:
    """Return whether a row need not be done again, without being asked for.

    What the machine lacked it may have now: memory, a package, the folder or the picture of an entry.
    """
    if not isinstance(row, BadRow) or row.model:
        return not isinstance(row, BadRow) or row.fault != MACHINE
    if row.fault != "error" and not row.reason.startswith("No picture"):
        return True
    try:
        opened(plan.dataset, row.index)
    except EntryError as error:
        return (error.item, error.fault) == (row.item, row.fault)
    return False


def missing(plan: Plan, rows: list[Row], chosen: list[tuple[int, int]], retry: bool) -> list[Task]:
    """The tasks that are left, one model after the other."""
    done: dict[tuple[str, str, int], AbstractSet[str]] = {}
    faulty = set()
    for row in rows:
        labels: AbstractSet[str] = frozenset()
        if isinstance(row, ExplainedRow | PictureRow):
            labels = row.metrics.keys()
            if retry and isinstance(row, ExplainedRow):
                labels -= row.failed.keys()
        elif not retry and stands(plan, row):
            labels = {*plan.measures, *plan.facts}
            if not row.model:
                faulty.add(row.index)
        done[row.model, row.estimator, row.index] = labels
    tasks = []
    wanted = {"": plan.facts, **dict.fromkeys(plan.methods, tuple(plan.measures))}
    for model in plan.encoders:
        for index, caption in chosen:
            missing = {}
            for label, metrics in wanted.items():
                have = done.get((model, label, index), frozenset())
                left = tuple(m for m in metrics if m not in have)
                if left:
                    missing[label] = left
            if missing and index not in faulty:
                tasks.append(Task(model, index, caption, missing))
    return tasks


def hidden(progress: bool | None) -> bool | None:
    """Return what tqdm calls `disable`; None shows a bar on a terminal."""
    return None if progress is None else not progress
