"""Out of memory: how it shows, what is tried then, and what is said where nothing helps."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from fixlip.errors import FixlipError, NotEnoughMemoryError

T = TypeVar("T")
WORDS = ("out of memory", "allocate memory", "not enough memory", "alloc_failed", "bad_alloc")  # of torch
REMEDY = (
    "take a smaller model, dtype='bfloat16', device='cpu', fewer players (image_players='grid:8') or fewer masks, or "
    "free memory that others hold"
)


def is_memory(error: BaseException) -> bool:
    """Whether memory ran out: CUDA and numpy have classes of their own for it, others say it in words."""
    if isinstance(error, FixlipError):  # which has been dealt with
        return False
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    said = str(error).lower() if isinstance(error, (RuntimeError, OSError)) else ""
    return any(words in said for words in WORDS)


def release() -> None:
    """Give back what nobody refers to any more. Only of use where the error is gone, whose frames hold tensors."""
    gc.collect()
    _empty_cache()


def _empty_cache() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def retried(work: Callable[[], T], what: str, between: Callable[[], object] = release) -> T:
    """What cannot be made smaller: done once more, after all memory that can be had was released.

    Args:
        work: without effects where it fails, or with such as `between` undoes.
        what: for the message.
        between: what is done before the second time.

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
    """Say in one line that there was not enough memory for something.

    Args:
        what: that was.
        remedy: what to do.

    Raises:
        NotEnoughMemoryError: memory ran out within.
    """
    try:
        yield
    except Exception as error:
        if not is_memory(error):
            raise
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
        raise NotEnoughMemoryError(f"There is not enough memory for {what} ({said}); {remedy}.") from error


def in_parts(work: Callable[[slice], T], n: int, most: Callable[[], int], note: Callable[[int], None]) -> Iterator[T]:
    """Rows 0 to n - 1 in parts that are halved when memory runs out.

    Args:
        work: of some rows; without effects where it fails.
        n: rows.
        most: how many of them at once, at present.
        note: called with the smaller number when they were too many, which `most` says from then on.

    Raises:
        NotEnoughMemoryError: there is none for a single row.

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
            found = work(rows)
        except Exception as error:
            if not is_memory(error):
                raise
            note(size // 2)
        else:
            done += size
            yield found
            continue
        _empty_cache()
