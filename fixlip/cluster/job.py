"""The contract between the machinery of a cluster and the work that it does."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from fixlip.cluster.proof import Proof
from fixlip.runtime.memory import is_memory

T = TypeVar("T")  # a task: a dataclass with the label of the model that it needs, `model`
R = TypeVar("R")  # a row of its answer


class UnableError(Exception):
    """A fault of the node that a worker is on, in a sentence; no other node has it."""


class Job(Protocol[T, R]):
    """One kind of work.

    Attributes:
        method: of its workers: does a task, and yields rows.
    """

    method: str

    def worker(self) -> Any:
        """The worker of this process."""

    def remote(self) -> Callable[[], Any]:
        """Make the function that makes a worker elsewhere, with a method `prove`: the fields of a task -> `Proof`.

        It is a function inside another one, and holds plain values: so it is sent by value, and can say where fixlip is
        missing.

        Raises:
            OptionError: the work takes objects that cannot be loaded elsewhere.
        """

    def difference(self, task: T, theirs: Proof) -> str:
        """Say what differs between this process and a worker that prepared for a task; empty where nothing does."""

    def checked(self, task: T, rows: list[R]) -> list[R]:
        """The rows of a task as they are kept.

        Raises:
            UnableError: what went wrong does so on that node alone.
        """

    def is_short(self, rows: list[R]) -> bool:
        """Return whether the machine lacked something (memory, a package), so that another attempt is worthwhile."""

    def dead(self, task: T, reason: str) -> list[R]:
        """The rows of a task that ends its worker every time."""

    def parts(self, task: T) -> list[T]:
        """Smaller tasks in the place of one that failed; none where it cannot be divided."""


def is_of_machine(error: Exception) -> bool:
    """Say whether an error comes from what the machine lacks: memory, a package, a file."""
    return isinstance(error, OSError | ImportError | MemoryError) or is_memory(error)
