"""Tasks on a Ray cluster, or on several processes of this machine."""

import math
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import current_thread, main_thread
from typing import Any

from fixlip.errors import MissingExtraError, OptionError
from fixlip.evaluation.crew import Crew
from fixlip.evaluation.places import Places
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.records import Row
from fixlip.evaluation.work import Task


@dataclass(frozen=True)
class Ray:
    """Workers that each hold a model and take the next task when they are free; see `fixlip.evaluation.crew.Crew`.

    Every worker computes with the threads of the plan, so that the rows are those of a local run.

    Attributes:
        workers: how many; work begins with those that have a place, and the others join when they get one.
        address: of an existing cluster ("auto", "ray://host:10001"); when None this machine.
        cpus, gpus: what Ray keeps free for each worker; a share of a GPU can be given.
        wait: how many seconds to wait while no worker has a place.
    """

    workers: int = 2
    address: str | None = None
    cpus: float = 1
    gpus: float = 0
    wait: float = 300

    def __post_init__(self) -> None:
        if self.workers < 1 or self.cpus < 0 or self.gpus < 0 or not self.wait >= 0:
            raise OptionError(f"Ray needs at least one worker, no negative shares and no negative time, got {self}.")

    def run(self, plan: Plan, method: str, tasks: list[Task]) -> Iterator[tuple[Task, Iterable[Row]]]:
        """Do tasks; see `fixlip.evaluation.engines.Engine`.

        Args:
            plan: of the evaluation, with data, models and estimators by name.
            method, tasks: as there.

        Raises:
            OptionError: something in the plan is an object, which workers could not load.
            ClusterError: no node can do the work, or no worker got a place in time.
        """
        ray, named = _ray(), (plan.data, *plan.models, *plan.estimators)
        if not all(isinstance(value, str) for value in named):
            raise OptionError("Workers of Ray load what they need: give data, models and estimators by name.")
        if not tasks:
            return
        with self._connected(ray):
            crew = Crew(
                ray, plan, method, tasks, Places(min(self.workers, len(tasks)), self.cpus, self.gpus, self.wait)
            )
            try:
                yield from crew.work()
            finally:
                crew.dismiss()

    @contextmanager
    def _connected(self, ray: Any) -> Iterator[None]:
        if ray.is_initialized():
            yield
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports to its makers otherwise
        resources = {} if self.address else {"num_cpus": self._whole_cpus(), "include_dashboard": False}
        _quiet(ray)
        with _own_signals():
            ray.init(address=self.address or "local", log_to_driver=False, logging_level="error", **resources)
        try:
            yield
        finally:
            ray.shutdown()

    def _whole_cpus(self) -> int:
        return max(1, math.ceil(self.workers * self.cpus))


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself, and ends the program by it with a code of its own."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if current_thread() is main_thread():
        signal.signal(signal.SIGTERM, before)


def _quiet(ray: Any) -> None:
    """Keep what Ray notes of nodes and workers off standard output, which is for results; no option does."""
    with suppress(AttributeError):
        module = ray._private.worker
        module.print_to_stdstream = lambda *args, **options: None


def _ray() -> Any:
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise MissingExtraError("Running on Ray needs it: pip install 'fixlip[ray]'.") from error
    return ray
