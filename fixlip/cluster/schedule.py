"""Choice of the next task, and of those that have failed too often."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from itertools import count
from typing import Generic

from fixlip.cluster.job import T

ATTEMPTS = 3  # of a task that fails with nothing beside it


class Schedule(Generic[T]):
    """The tasks that are left, by number.

    A task that ends its worker, or that the machine refuses (memory, a missing package), may have suffered from others
    on that node. It is done again at the end, with nothing else on the node, on nodes where it has not failed if there
    are any; it has failed when that went wrong `ATTEMPTS` times.

    Args:
        tasks: numbered 0, 1, ...; each is taken when it is needed, so there may be more than memory holds.

    Attributes:
        tasks: those that were taken and are not done, by number.
    """

    def __init__(self, tasks: Iterable[T]) -> None:
        self.tasks: dict[int, T] = {}
        self._coming, self._numbers = iter(tasks), count()
        self._waiting, self._suspects = deque[int](), deque[int]()
        self._failures: Counter[int] = Counter()
        self._tried: defaultdict[int, set[str]] = defaultdict(set)

    def left(self) -> bool:
        """Return whether there is a task that is not done."""
        return bool(self.tasks) or self._take()

    def first(self) -> int:
        """The task to prepare for."""
        if not self._waiting:
            self._take()
        return next(iter([*self._waiting, *self._suspects]), min(self.tasks))

    def next(self, node: str, nodes: Iterable[str], alone: bool) -> int | None:
        """Take the next task for a worker that is free.

        Args:
            node: where the worker is.
            nodes: where workers are.
            alone: no other worker of this node has work.

        Returns:
            Its number; None where no task is for this worker now.
        """
        if self._waiting or self._take():
            return self._waiting.popleft()
        for number in self._suspects if alone else ():
            if node not in self._tried[number] or self._tried[number].issuperset(nodes):
                self._suspects.remove(number)
                return number
        return None

    def returned(self, number: int) -> None:
        """Give a task back that was not done, for no fault of its own."""
        if self._tried[number]:
            self._suspects.append(number)
        else:
            self._waiting.appendleft(number)

    def failed(self, number: int, node: str, alone: bool) -> bool:
        """Give a task back that failed on a node.

        Returns:
            Whether it has failed for good, and is not done again.
        """
        self._tried[number].add(node)
        self._failures[number] += alone
        if self._failures[number] >= ATTEMPTS:
            self.done(number)
            return True
        self._suspects.append(number)
        return False

    def divided(self, number: int, parts: Iterable[T]) -> None:
        """Take a task off the list and put its parts on, as suspect as it was."""
        self.done(number)
        self._suspects.extend(self._added(part) for part in parts)

    def done(self, number: int) -> None:
        """Take a task off the list."""
        del self.tasks[number]

    def _take(self) -> bool:
        for task in self._coming:
            self._waiting.append(self._added(task))
            return True
        return False

    def _added(self, task: T) -> int:
        number = next(self._numbers)
        self.tasks[number] = task
        return number
