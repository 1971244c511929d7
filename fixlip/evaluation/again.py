"""Explanations of a finished run, computed again from what it says of itself."""

from pathlib import Path
from typing import Any

from fixlip.datasets.base import Item
from fixlip.errors import InputError
from fixlip.evaluation.folder import read_settings
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.rows import Row
from fixlip.evaluation.work import Task, Worker
from fixlip.results.explanation import Explanation


class Again:
    """Explains rows of a run again; one model is held at a time.

    Args:
        folder: of the run.

    Raises:
        FixlipError: there is no run, or its data are not at hand.
    """

    def __init__(self, folder: str | Path) -> None:
        settings = read_settings(folder)
        self.worker = Worker(Plan(**{name: settings[name] for name in Plan.__dataclass_fields__ if name in settings}))

    def item(self, row: Row) -> tuple[Item, int]:
        """The item of a row, and which of its captions was explained.

        Raises:
            InputError: the data at hand are not those of the run.
        """
        found: Any = self.worker.plan.dataset[row["index"]]
        captions = [caption.text for caption in getattr(found, "captions", ())]
        if found.id != row["item"] or row["caption"] not in captions:
            raise InputError(f"The data set at hand has another item {row['item']!r} than the one of the run.")
        return found, captions.index(row["caption"])

    def explanation(self, row: Row) -> Explanation:
        """The explanation of a row.

        Raises:
            FixlipError: the data or the model are not at hand, or not those of the run.
        """
        task = Task(row["model"], row["index"], self.item(row)[1])
        return self.worker.explain(task, row["estimator"])


def explain_item(folder: str | Path, row: Row) -> Explanation:
    """The explanation behind a row of a run, computed again: the same model, estimator, options and seed.

    Raises:
        FixlipError: the data or the model are not at hand, or not those of the run.
    """
    return Again(folder).explanation(row)
