"""Changes of the whole process, or of a whole model, that several threads may want at the same time."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import wraps
from threading import RLock


def shared(change: Callable[..., AbstractContextManager[object]]) -> Callable[..., AbstractContextManager[None]]:
    """A context manager as threads can use it: the first that enters makes the change, the last that leaves undoes it.

    Args:
        change: of which each thread by itself would undo what the others still need, or restore what they have made.
            Its arguments say what is changed; they can be hashed.

    Example:
        >>> @shared
        ... @contextmanager
        ... def open_door(name):
        ...     print(name, "opened")
        ...     yield
        ...     print(name, "closed")
        >>> with open_door("front"):
        ...     with open_door("front"):
        ...         print("both are in")
        front opened
        both are in
        front closed
    """
    lock, inside, undo = RLock(), dict[object, int](), dict[object, ExitStack]()

    @wraps(change)
    @contextmanager
    def entered(*what: object) -> Iterator[None]:
        with lock:
            if what not in inside:
                undo[what] = ExitStack()
                undo[what].enter_context(change(*what))
            inside[what] = inside.get(what, 0) + 1
        try:
            yield
        finally:
            with lock:
                inside[what] -= 1
                if not inside[what]:
                    del inside[what]
                    undo.pop(what).close()

    return entered


@shared
def _kept_filters() -> AbstractContextManager[object]:
    return warnings.catch_warnings()


@contextmanager
def without_warnings(message: str = "", category: type[Warning] = Warning) -> Iterator[None]:
    """Ignore some warnings for a while, as `warnings.filterwarnings` does.

    Python's filters are those of the whole process: what is ignored here is ignored in other threads too, until none of
    them is in here any more. `warnings.catch_warnings` by itself would leave the filters of one thread behind when
    another one leaves first.

    Args:
        message: pattern of their text.
        category: their class.
    """
    with _kept_filters():
        warnings.filterwarnings("ignore", message, category)
        yield
