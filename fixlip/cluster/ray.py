"""Tasks on a Ray cluster, or on several processes of this machine."""

import math
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from threading import current_thread, main_thread
from typing import Any

from fixlip.cluster.crew import Crew
from fixlip.cluster.job import Job, R, T
from fixlip.cluster.places import Places
from fixlip.errors import MissingExtraError, OptionError
from fixlip.runtime.threads import starting_processes


@dataclass(frozen=True)
class Ray:
    """Workers that each hold a model and take the next task when they are free; see `fixlip.cluster.crew.Crew`.

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

    def run(self, job: Job[T, R], tasks: Iterable[T]) -> Iterator[tuple[T, Iterable[R]]]:
        """Do tasks; see `fixlip.cluster.engines.Engine`.

        Raises:
            OptionError: the job takes an object, which workers could not load.
            ClusterError: no node can do the work, or no worker got a place in time.
        """
        ray, make, tasks = _ray(), job.remote(), iter(tasks)
        begin = [*islice(tasks, self.workers)]
        if not begin:
            return
        places = Places(len(begin), self.cpus, self.gpus, self.wait)
        with self._connected(ray):
            crew = Crew(ray, job, make, chain(begin, tasks), places)
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
        with _own_signals(), starting_processes():
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
