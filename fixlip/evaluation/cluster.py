"""Tasks on a Ray cluster, or on several processes of this machine."""

import math
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import current_thread, main_thread
from typing import Any

from fixlip.errors import MissingExtraError, OptionError
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.records import BadRow, Row
from fixlip.evaluation.work import Task, Worker

RETRIES = 2  # of a task whose worker died


@dataclass(frozen=True)
class Ray:
    """Workers that each hold a model and take the next task when they are free.

    A worker that dies is started again by Ray, and its task done again; after `RETRIES` more deaths the item is
    recorded as bad. Every worker computes with the threads of the plan, so that the rows are those of a local run.

    Attributes:
        workers: how many.
        address: of an existing cluster ("auto", "ray://host:10001"); when None this machine.
        cpus, gpus: what Ray keeps free for each worker; a share of a GPU can be given.
    """

    workers: int = 2
    address: str | None = None
    cpus: float = 1
    gpus: float = 0

    def __post_init__(self) -> None:
        if self.workers < 1 or self.cpus < 0 or self.gpus < 0:
            raise OptionError(f"Ray needs at least one worker and no negative shares, got {self}.")

    def run(self, plan: Plan, method: str, tasks: list[Task]) -> Iterator[tuple[Task, Iterable[Row]]]:
        """Do tasks; see `fixlip.evaluation.engines.Engine`.

        Args:
            plan: of the evaluation, with data, models and estimators by name.
            method, tasks: as there.

        Raises:
            OptionError: something in the plan is an object, which workers could not load.
        """
        ray, named = _ray(), (plan.data, *plan.models, *plan.estimators)
        if not all(isinstance(value, str) for value in named):
            raise OptionError("Workers of Ray load what they need: give data, models and estimators by name.")
        started = not ray.is_initialized()
        if started:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports to its makers otherwise
            resources = {} if self.address else {"num_cpus": self._whole_cpus(), "include_dashboard": False}
            with _own_signals():
                ray.init(address=self.address, log_to_driver=False, logging_level="error", **resources)
        try:
            actor = ray.remote(RemoteWorker).options(
                num_cpus=self.cpus, num_gpus=self.gpus, max_restarts=-1, max_task_retries=RETRIES
            )
            pool = ray.util.ActorPool([actor.remote(replace(plan)) for _ in range(min(self.workers, len(tasks)))])
            left = dict(enumerate(tasks))
            for number, task in left.items():
                pool.submit(lambda worker, call: worker.call.remote(*call), (number, method, task))
            while pool.has_next():
                try:
                    number, rows = pool.get_next_unordered()
                except ray.exceptions.RayActorError:
                    continue  # which task it was shows at the end
                except ray.exceptions.RayTaskError as error:
                    raise error.cause from None
                yield left.pop(number), rows
            for task in left.values():
                yield task, [died(task)]
        finally:
            if started:
                ray.shutdown()

    def _whole_cpus(self) -> int:
        return max(1, math.ceil(self.workers * self.cpus))


class RemoteWorker:
    """A `Worker` whose answers can be sent."""

    def __init__(self, plan: Plan) -> None:
        self.worker = Worker(plan)

    def call(self, number: int, method: str, task: Task) -> tuple[int, list[Row]]:
        """The number of a task, and its rows."""
        return number, list(getattr(self.worker, method)(task))


def died(task: Task) -> Row:
    """Record an item that killed every worker that tried it."""
    reason = f"the worker died on this item {RETRIES + 1} times"
    return BadRow(item=f"#{task.index}", index=task.index, model="", estimator="", fault="worker died", reason=reason)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself, and ends the program by it with a code of its own."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if current_thread() is main_thread():
        signal.signal(signal.SIGTERM, before)


def _ray() -> Any:
    try:
        import ray
        import ray.util
    except ImportError as error:
        raise MissingExtraError("Running on Ray needs it: pip install 'fixlip[ray]'.") from error
    return ray
