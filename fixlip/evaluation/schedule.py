"""Which task is next, and which has failed too often."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable

ATTEMPTS = 3  # of a task that fails with nothing beside it


class Schedule:
    """The tasks that are left, by number.

    A task that ends its worker, or that the machine refuses (memory, a missing package), may have suffered from others
    on that node. It is done again at the end, with nothing else on the node, on nodes where it has not failed if there
    are any; it has failed when that went wrong `ATTEMPTS` times.

    Args:
        tasks: how many; their numbers are 0, 1, ...
    """

    def __init__(self, tasks: int) -> None:
        self.left = set(range(tasks))
        self._waiting, self._suspects = deque(range(tasks)), deque[int]()
        self._failures: Counter[int] = Counter()
        self._tried: defaultdict[int, set[str]] = defaultdict(set)

    def first(self) -> int:
        """The task to prepare for."""
        return next(iter([*self._waiting, *self._suspects]), min(self.left))

    def next(self, node: str, nodes: Iterable[str], alone: bool) -> int | None:
        """Take the next task for a worker that is free.

        Args:
            node: where the worker is.
            nodes: where workers are.
            alone: no other worker of this node has work.

        Returns:
            Its number; None where no task is for this worker now.
        """
        if self._waiting:
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

    def done(self, number: int) -> None:
        """Take a task off the list."""
        self.left.remove(number)
