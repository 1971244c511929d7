"""Changes to the whole process or to a model that several threads may need at the same time."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache, wraps
from threading import Condition, Lock, RLock, local
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

F = TypeVar("F", bound=Callable[..., Any])
FEW = 1024  # rows of matrices, up to which one thread of BLAS is as fast as two
_limiting = Lock()


def shared(change: Callable[..., AbstractContextManager[object]]) -> Callable[..., AbstractContextManager[None]]:
    """Share a context manager between threads: the first to enter makes the change, the last to leave undoes it.

    Args:
        change: a context manager that threads must not enter separately, because each would undo a change that others
            still need. Its hashable arguments say what is changed.

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


def in_turn(change: Callable[..., AbstractContextManager[object]]) -> Callable[..., AbstractContextManager[None]]:
    """Share a context manager between threads that want the same state of a thing; others wait until all have left.

    A thread that is inside already stays in the state that it has, whatever it asks for.

    Args:
        change: a context manager of a thing and a state, both hashable, that brings the thing into the state.
    """
    condition, states, inside = Condition(), dict[object, object](), Counter[object]()
    undo, own = dict[object, ExitStack](), local()

    @wraps(change)
    @contextmanager
    def entered(thing: object, state: object) -> Iterator[None]:
        mine = own.__dict__.setdefault("inside", set())
        if thing in mine:
            yield
            return
        counted = False
        try:
            with condition:
                condition.wait_for(lambda: states.get(thing, state) == state)
                if thing not in states:
                    undo[thing] = ExitStack()
                    undo[thing].enter_context(change(thing, state))
                    states[thing] = state
                inside[thing] += 1
                counted = True
            mine.add(thing)
            yield
        finally:
            mine.discard(thing)
            with condition:
                inside[thing] -= counted
                if not inside[thing]:
                    del inside[thing]
                    states.pop(thing, None)
                    undo.pop(thing, ExitStack()).close()
                    condition.notify_all()

    return entered


@shared
def _kept_filters() -> AbstractContextManager[object]:
    return warnings.catch_warnings()


@contextmanager
def without_warnings(message: str = "", category: type[Warning] = Warning) -> Iterator[None]:
    """Ignore some warnings inside a ``with`` block, as `warnings.filterwarnings` does.

    Python's filters belong to the whole process: other threads ignore the same warnings too, until the last thread has
    left this block. `warnings.catch_warnings` alone would keep the filters of a thread if another thread leaves first.

    Args:
        message: a pattern of the warnings' text.
        category: the class of the warnings.
    """
    with _kept_filters():
        warnings.filterwarnings("ignore", message, category)
        yield


@cache
def _libraries() -> "ThreadpoolController":
    """The libraries that NumPy and SciPy compute with; to find them takes milliseconds."""
    import scipy.linalg  # noqa: F401  # has a BLAS of its own, which must be there to be limited
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def in_one_thread(function: F) -> F:
    """Keep NumPy and SciPy to one thread of BLAS during a function whose first argument has few rows (its `len`).

    Threads that wait for the next product keep their cores busy: on small matrices they cost more than they give, and
    many times more where other programs run. The number of threads belongs to the whole process, so one thread at a
    time changes it, and changes it back. Do not decorate a function that encodes.
    """

    @wraps(function)
    def run(*args: Any, **options: Any) -> Any:
        if len(args[0]) > FEW or not _limiting.acquire(blocking=False):
            return function(*args, **options)
        try:
            with _libraries().limit(limits=1, user_api="blas"):
                return function(*args, **options)
        finally:
            _limiting.release()

    return cast(F, run)


def starting_processes() -> AbstractContextManager[None]:
    """Keep Lance quiet while processes are started that do not use it: it warns of every fork once it is loaded."""
    return without_warnings("lance is not fork-safe")
