"""Evaluate: what is missing is computed, row by row, by whatever engine."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from tqdm import tqdm

from fixlip.cluster.engines import Engine, Local
from fixlip.errors import OptionError
from fixlip.evaluation.folder import settle
from fixlip.evaluation.job import Evaluation
from fixlip.evaluation.metrics import get_metric
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.records import BadRow, ExplainedRow
from fixlip.evaluation.rows import Journal, Results
from fixlip.evaluation.tasks import hidden, missing, selected
from fixlip.fitting.stopping import all_or_nothing
from fixlip.io.files import lock


@dataclass(frozen=True)
class Outcome:
    """Outcome of a run.

    Attributes:
        folder: where the rows are.
        items: entries of the data set that were to be evaluated, of this shard.
        evaluated: those with at least one result.
        skipped: how many entries of this shard have which fault of their own.
        refused: how many explanations, or metrics of one, failed, for each sentence.
        empty: metrics that no item allows, with what they need.
        damaged: how many lines of which file were damaged, and are left out.
        done, seconds: explanations made by this call, and the time that it took.
    """

    folder: Path
    items: int
    evaluated: int
    skipped: dict[str, int]
    refused: dict[str, int]
    empty: dict[str, str]
    damaged: dict[str, int]
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
    examples: int = 0,
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
        engine: `Local()` when None, or `fixlip.cluster.ray.Ray(...)`; all give the same rows.
        limit: take the first items only.
        shard: (i, n): take every n-th item from the i-th (of 1..n) on; several may run at once into one folder.
        retry: do again what failed.
        examples: keep explanations for reports: for each model a typical one, and so many failures of each kind. They
            are chosen among all rows at the end, and explained once more, in this process.
        progress: None shows a bar on a terminal.

    Raises:
        OptionError: a shard, a limit or a number of examples out of range, a folder that holds a run with other
            settings, or that another process is writing this shard of.
        FixlipError: a name or option is unknown, or the data set is not as its format says; before any work.

    Example:
        >>> import tempfile
        >>> plan = Plan(("faithfulness",), "scenes:1", ("demo-clip",), ("itsm",))
        >>> outcome = evaluate(plan, tempfile.mkdtemp(), progress=False)
        >>> outcome.items, outcome.evaluated, outcome.done
        (1, 1, 1)
    """
    i, n = shard
    if not 1 <= i <= n:
        raise OptionError(f"A shard is i of n with 1 <= i <= n, got {i} of {n}.")
    if limit is not None and limit < 1:
        raise OptionError(f"limit is a positive number, got {limit}.")
    if examples < 0:
        raise OptionError(f"examples is 0 or more, got {examples}.")
    folder, start = Path(folder), perf_counter()
    plan = settle(plan, folder)
    engine = engine or Local()
    with lock(folder / f".shard-{i}-of-{n}.lock", "another process is writing this shard"):
        results = Results(folder, outline=True)
        chosen = [(k, 0) for k in range(len(plan.dataset))]
        if plan.selects:
            chosen = selected(plan, folder, engine, progress, results.damaged)
        chosen = chosen[:limit][i - 1 :: n]
        tasks = missing(plan, results.rows(), chosen, retry)
        total = len(chosen) * len(plan.encoders)
        done = 0
        with (
            all_or_nothing(),
            Journal(folder / f"rows-{i}-of-{n}.jsonl") as journal,
            tqdm(total=total, initial=total - len(tasks), unit="item", disable=hidden(progress), smoothing=0.05) as bar,
        ):
            for task, rows in engine.run(Evaluation(plan, "rows"), tasks):
                bar.set_description(task.model)
                for row in rows:
                    journal.append(row)
                    results.add(row)
                    done += bool(row.estimator)
                bar.update()
    if examples:
        from fixlip.evaluation.report.stored import store

        store(plan, folder, examples)
    return _outcome(plan, folder, results, {index for index, _ in chosen}, done, perf_counter() - start)


def _outcome(plan: Plan, folder: Path, results: Results, indices: set[int], done: int, seconds: float) -> Outcome:
    rows = [row for row in results.rows() if row.index in indices]
    good = [row for row in rows if isinstance(row, ExplainedRow)]
    bad = [row for row in rows if isinstance(row, BadRow)]
    failed = [f"{metric}: {reason}" for row in good for metric, reason in row.failed.items()]
    measured = {label for row in good for label, numbers in row.metrics.items() if numbers is not None}
    needs = {label: get_metric(name).needs for label, (name, _) in plan.measures.items()}
    return Outcome(
        folder,
        items=len(indices),
        evaluated=len({row.index for row in good}),
        skipped=dict(Counter(row.fault for row in bad if not row.model)),
        refused=dict(Counter([row.reason for row in bad if row.model] + failed)),
        empty={label: need for label, need in needs.items() if good and label not in measured},
        damaged=dict(results.damaged),
        done=done,
        seconds=seconds,
    )
