"""Explanations of a finished run, computed again."""

from pathlib import Path

from fixlip.datasets.base import Item
from fixlip.errors import InputError
from fixlip.evaluation.folder import read_settings
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.records import BadRow, ExplainedRow, Row
from fixlip.evaluation.work import Task, Worker
from fixlip.results.explanation import Explanation

Explained = ExplainedRow | BadRow


class Again:
    """Explains rows of a run again; one model is held at a time.

    Args:
        run: its plan; or its folder, and then what that names as model, data and options is loaded and computed,
            whatever it is: so take the folder of a run of your own.

    Raises:
        FixlipError: there is no run, or its data are not at hand.
    """

    def __init__(self, run: Plan | str | Path) -> None:
        if not isinstance(run, Plan):
            settings = read_settings(run)
            run = Plan(**{name: settings[name] for name in Plan.__dataclass_fields__ if name in settings})
        self.worker = Worker(run)

    def item(self, row: Explained) -> tuple[Item, int]:
        """The item of a row, and which of its captions was explained.

        Raises:
            InputError: the data at hand are not those of the run.
        """
        item = self.worker.plan.dataset[row.index]
        captions = [caption.text for caption in item.captions] if isinstance(item, Item) else []
        if not isinstance(item, Item) or item.id != row.item or row.caption not in captions:
            raise InputError(f"The data set at hand has another item {row.item!r} than the one of the run.")
        return item, captions.index(row.caption)

    def explanation(self, row: Explained) -> Explanation:
        """The explanation of a row.

        Raises:
            FixlipError: the data or the model are not at hand, or not those of the run.
        """
        task = Task(row.model, row.index, self.item(row)[1])
        return self.worker.explain(task, row.estimator)


def explain_item(run: Plan | str | Path, row: Row) -> Explanation:
    """The explanation behind a row of a run, computed again: the same model, estimator, options and seed.

    Args:
        run: its plan, or the folder of a run of your own, as for `Again`.
        row: of an estimator.

    Raises:
        FixlipError: the row is of no estimator, or the data or the model are not at hand, or not those of the run.
    """
    if not isinstance(row, Explained) or not row.estimator:
        raise InputError(f"Only a row of an estimator can be explained again; this one is about {row.item!r} alone.")
    return Again(run).explanation(row)
