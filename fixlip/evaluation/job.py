"""The work of an evaluation, as an engine does it."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

from fixlip.cluster.job import UnableError
from fixlip.cluster.proof import Proof
from fixlip.errors import OptionError
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.readiness import proof_of_data, proof_of_model, sendable
from fixlip.evaluation.records import BadRow, Row
from fixlip.evaluation.work import MACHINE, EntryError, Task, Worker, opened


class Evaluation:
    """Explanations that are measured, or captions that are scored; see `fixlip.cluster.job.Job`.

    Every worker computes with the threads of the plan, so that all engines give the same rows.

    Args:
        plan: what to do; for workers elsewhere it has data, models and estimators by name.
        method: "rows" or "scores" of a `Worker`.
    """

    def __init__(self, plan: Plan, method: str) -> None:
        self.plan, self.method = plan, method
        self.weights: dict[str, Proof] = {}  # by model: of the first worker that has it

    def worker(self) -> Worker:
        """The worker of this process."""
        return Worker(self.plan)

    def remote(self) -> Callable[[], Any]:
        """Make the function that makes a `RemoteWorker`; see `fixlip.cluster.job.Job`.

        Raises:
            OptionError: something in the plan is an object, which workers could not load.
        """
        if not all(isinstance(value, str) for value in (self.plan.data, *self.plan.models, *self.plan.estimators)):
            raise OptionError("Workers of Ray load what they need: give data, models and estimators by name.")
        fields = sendable(self.plan)

        def make() -> Any:
            from fixlip.evaluation.job import RemoteWorker
            from fixlip.evaluation.plan import Plan

            return RemoteWorker(Plan(**fields))

        return make

    @cached_property
    def mine(self) -> Proof:
        """The proof of this process, without a model."""
        return proof_of_data(self.plan.dataset)

    def difference(self, task: Task, theirs: Proof) -> str:
        """Say what differs between a worker and this process, or in weights the first worker with that model."""
        return self.mine.difference(theirs) or self.weights.setdefault(task.model, theirs).difference(theirs)

    def checked(self, task: Task, rows: list[Row]) -> list[Row]:
        """The rows; where the item is at fault, as it is here.

        Raises:
            UnableError: the item can be used here.
        """
        if faults := [row.reason for row in rows if isinstance(row, BadRow) and not row.model]:
            try:
                opened(self.plan.dataset, task.index)
            except EntryError as error:
                return [error.row()]
            raise UnableError(faults[0])
        return rows

    def is_short(self, rows: list[Row]) -> bool:
        """Return whether the machine lacked something for one of the rows."""
        return any(isinstance(row, BadRow) and row.fault == MACHINE for row in rows)

    def dead(self, task: Task, reason: str) -> list[Row]:
        """A bad row for each estimator of a task that ends its worker."""
        what: dict[str, Any] = {"item": f"#{task.index}", "index": task.index, "model": task.model}
        what |= {"fault": "worker died", "reason": reason}
        return [BadRow(**what, estimator=label) for label in task.missing or [""]]

    def parts(self, task: Task) -> list[Task]:
        """None: a task is one item."""
        return []


class RemoteWorker(Worker):
    """A worker on a node of a cluster."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.data = proof_of_data(plan.dataset)

    def prove(self, fields: dict[str, Any]) -> Proof:
        """The data and the weights that it has, after it has used the model of the task with these fields."""
        return replace(self.data, weights=proof_of_model(self, Task(**fields)))
