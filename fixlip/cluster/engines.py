"""Engines that do the tasks of a job: in this process, or on Ray (`fixlip.cluster.ray`)."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from fixlip.cluster.job import Job, R, T
from fixlip.errors import OptionError, unknown

ENGINES = ("local", "ray")


class Engine(Protocol):
    """An engine that does tasks."""

    def run(self, job: Job[T, R], tasks: Iterable[T]) -> Iterator[tuple[T, Iterable[R]]]:
        """Do tasks, which are taken as they are needed; they may come back in any order, each once or in parts."""


class Local:
    """Engine of this process, one task after the other."""

    def run(self, job: Job[T, R], tasks: Iterable[T]) -> Iterator[tuple[T, Iterable[R]]]:
        """Do tasks; see `Engine`."""
        work = getattr(job.worker(), job.method)
        for task in tasks:
            yield task, work(task)


def engine(name: str, *, workers: int = 2, address: str | None = None, gpus: float = 0, wait: float = 300) -> Engine:
    """An engine by name.

    Args:
        name: "local", or "ray".
        workers, address, gpus, wait: of `fixlip.cluster.ray.Ray`.

    Raises:
        OptionError: no such engine.
    """
    if name == "ray":
        from fixlip.cluster.ray import Ray

        return Ray(workers, address, gpus=gpus, wait=wait)
    if name != "local":
        raise OptionError(unknown("engine", name, ENGINES))
    return Local()
