"""Handling of memory that runs out: recognising it, trying again, and a clear message if nothing helps."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from fixlip.errors import FixlipError, NotEnoughMemoryError

T = TypeVar("T")
WORDS = ("out of memory", "allocate memory", "not enough memory", "alloc_failed", "bad_alloc")  # in messages of torch
REMEDY = (
    "take a smaller model, dtype='bfloat16', device='cpu', fewer players (image_players='grid:8') or fewer masks, or "
    "free memory that other programs hold"
)


def is_memory(error: BaseException) -> bool:
    """Say whether memory ran out: CUDA and numpy raise special classes, other libraries only say it in words."""
    if isinstance(error, FixlipError):  # already handled
        return False
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    message = str(error).lower() if isinstance(error, (RuntimeError, OSError)) else ""
    return any(words in message for words in WORDS)


def release() -> None:
    """Free unused memory. This only helps after the error is gone, since its frames hold tensors."""
    gc.collect()
    _empty_cache()


def _empty_cache() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def retried(work: Callable[[], T], what: str, between: Callable[[], object] = release) -> T:
    """Do work that cannot be split; if memory runs out, free memory and try once more.

    Args:
        work: a function without side effects when it fails, except for effects that `between` undoes.
        what: the name of the work, for the message.
        between: called before the second attempt.

    Raises:
        NotEnoughMemoryError: memory ran out again.
    """
    try:
        return work()
    except Exception as error:
        if not is_memory(error):
            raise
    between()
    with enough_for(what):
        return work()


@contextmanager
def enough_for(what: str, remedy: str = REMEDY) -> Iterator[None]:
    """Turn a lack of memory into an error of one line.

    Args:
        what: the name of the work that needs memory.
        remedy: advice for the message.

    Raises:
        NotEnoughMemoryError: memory ran out inside the ``with`` block.
    """
    try:
        yield
    except Exception as error:
        if not is_memory(error):
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
        raise NotEnoughMemoryError(f"There is not enough memory for {what} ({reason}); {remedy}.") from error


def in_parts(work: Callable[[slice], T], n: int, most: Callable[[], int], note: Callable[[int], None]) -> Iterator[T]:
    """Yield results for rows 0 to n - 1 in parts, which are halved when memory runs out.

    Args:
        work: computes the result of a slice of rows, without side effects when it fails.
        n: the number of rows.
        most: returns the largest number of rows at once.
        note: called with a smaller number after memory ran out; `most` must return it from then on.

    Raises:
        NotEnoughMemoryError: there is not enough memory for a single row.

    Example:
        >>> sizes = [8]
        >>> def work(rows):
        ...     if rows.stop - rows.start > 3:
        ...         raise MemoryError
        ...     return rows.stop - rows.start
        >>> list(in_parts(work, 5, lambda: sizes[-1], sizes.append)), sizes
        ([2, 2, 1], [8, 2])
    """
    done = 0
    while done < n:
        rows = slice(done, min(done + most(), n))
        size = rows.stop - rows.start
        if size == 1:
            yield retried(partial(work, rows), "a single forward pass")
            done += 1
            continue
        try:
            part = work(rows)
        except Exception as error:
            if not is_memory(error):
                raise
            note(size // 2)
        else:
            done += size
            yield part
            continue
        _empty_cache()
