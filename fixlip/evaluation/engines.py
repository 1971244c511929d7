"""Engines that do tasks: in this process, or on Ray (`fixlip.evaluation.cluster`)."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from fixlip.errors import OptionError, unknown
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.records import Row
from fixlip.evaluation.work import Task, Worker

ENGINES = ("local", "ray")


class Engine(Protocol):
    """An engine that does tasks."""

    def run(self, plan: Plan, method: str, tasks: list[Task]) -> Iterator[tuple[Task, Iterable[Row]]]:
        """Call that method of a `Worker` for each task; tasks may come back in any order, each once."""


class Local:
    """In this process, one task after the other."""

    def run(self, plan: Plan, method: str, tasks: list[Task]) -> Iterator[tuple[Task, Iterable[Row]]]:
        """Do tasks; see `Engine`."""
        worker = Worker(plan)
        for task in tasks:
            yield task, getattr(worker, method)(task)


def engine(name: str, *, workers: int = 2, address: str | None = None, gpus: float = 0, wait: float = 300) -> Engine:
    """An engine by name.

    Args:
        name: "local", or "ray".
        workers, address, gpus, wait: of `fixlip.evaluation.cluster.Ray`.

    Raises:
        OptionError: no such engine.
    """
    if name == "ray":
        from fixlip.evaluation.cluster import Ray

        return Ray(workers, address, gpus=gpus, wait=wait)
    if name != "local":
        raise OptionError(unknown("engine", name, ENGINES))
    return Local()
