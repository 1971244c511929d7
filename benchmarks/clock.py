"""Seconds and bytes, on a CPU and on a GPU."""

import resource
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
import torch

T = TypeVar("T")
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def finish(device: str) -> None:
    """Wait for what a GPU still has to do."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def timed(call: Callable[[], T], device: str = "cpu") -> tuple[float, T]:
    """Seconds that a call takes until its last kernel is done, and what it returns."""
    finish(device)
    start = perf_counter()
    result = call()
    finish(device)
    return perf_counter() - start, result


def interleaved(calls: dict[str, Callable[[], Any]], rounds: int, device: str = "cpu") -> dict[str, float]:
    """Median seconds of each call, all of them in turn, so that what slows the machine down slows down all."""
    seconds = [[timed(call, device)[0] for call in calls.values()] for _ in range(rounds)]
    return dict(zip(calls, np.median(seconds, axis=0).tolist(), strict=True))


def in_child(function: Callable[..., T], *args: Any) -> T:
    """Call a function of a module in a process of its own, so that its peak of memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


class RanOver(BaseException):
    """A limit of time is over; no error, so that nothing takes it for one of its own."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Stop what follows, in the main thread, when its time is over.

    Raises:
        RanOver: it took longer.
    """

    def stop(*_: Any) -> None:
        raise RanOver

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Added:
    """MiB in a stretch of a program: there before, and its peak above that, in the process and on the GPU."""

    before: float = 0.0
    added: float = 0.0
    gpu: float = 0.0

    def cells(self) -> dict[str, float]:
        """The columns of a table."""
        return {"memory added (MiB)": self.added} | ({"added on the GPU (MiB)": self.gpu} if self.gpu else {})


@contextmanager
def added_memory(device: str = "cpu") -> Iterator[Added]:
    """Measure the stretch that follows; the values are there when it ends."""
    cuda, memory = torch.device(device).type == "cuda", Added()
    if RESET.exists():
        RESET.write_text("5")
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
        start = torch.cuda.memory_allocated(device)
    memory.before = _peak()
    yield memory
    memory.added = _peak() - memory.before
    if cuda:
        memory.gpu = (torch.cuda.max_memory_allocated(device) - start) / 2**20


def _peak() -> float:
    """MiB: the largest resident set since the last reset, or since the start where there is no reset."""
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
