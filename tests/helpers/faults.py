"""Faults on purpose: a model that fails at its k-th call, or that has no memory for more than so many rows."""

from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

import numpy as np
import pytest
import torch

import fixlip
from fixlip.errors import BudgetError, OptionError
from fixlip.games.base import CallableGame
from fixlip.games.similarity import games
from fixlip.request import Request
from tests.helpers.models import encoder_of, picture
from tests.helpers.oracles import assert_close

CAPTION = "a black dog"
ALL = fixlip.list_estimators()
BY_SPEED = [  # for tests of many runs
    pytest.param(n, marks=pytest.mark.slow if n.startswith("shapiq:") and n != "shapiq:KernelSHAPIQ" else ())
    for n in ALL
]


def no_memory():
    """Make numpy raise its error of an array too large for the memory."""
    np.empty(2**50)


ERRORS = {
    "CUDA": partial(torch.cuda.OutOfMemoryError, "CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has ..."),
    "MPS": partial(RuntimeError, "MPS backend out of memory (MPS allocated: 5.00 GB)"),
    "CPU": partial(RuntimeError, "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
    "cuBLAS": partial(RuntimeError, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    "Python": MemoryError,
    "numpy": no_memory,
}


class Faults:
    """A counter of calls that raises at the chosen one: see `faulty`."""

    def __init__(self, error, at=None, above=None):
        self.error, self.at, self.above, self.calls, self.fallen = error, at, above, 0, 0

    def __call__(self, rows):
        """Count a call, and raise if it is the chosen one."""
        self.calls += 1
        if self.calls == self.at or (self.above is not None and rows > self.above):
            self.fallen += 1
            error = self.error()
            if error is not None:
                raise error


@contextmanager
def faulty(encoder, error=ZeroDivisionError, *, at=None, above=None):
    """A model that raises at the call of its `at`-th norm, or in a block for more rows than `above`; counts calls.

    Norms are in every block of every tower, so this is in the middle of any pass. They are patched at their class.
    (Heads get a fixed number of rows, whatever the batch.)
    """
    norm = next(m for m in encoder.model.modules() if isinstance(m, torch.nn.LayerNorm))
    in_blocks = {id(m) for name, m in encoder.model.named_modules() if name.endswith(("ln_1", "norm1"))}
    faults, forward = Faults(error, at, above), type(norm).forward

    def call(self, x):
        faults(len(x) if id(self) in in_blocks else 0)
        return forward(self, x)

    with patch.object(type(norm), "forward", call):
        yield faults


def moments(calls):
    """Calls at which to fail, counted from 1: the first two, the last two, and four in between."""
    inside = np.linspace(1, calls, 6).round().astype(int)
    return sorted({k for k in (*inside.tolist(), 2, calls - 1) if 1 <= k <= calls})


def little():
    """A tiny CLIP of random weights, 9 patches, that remembers no batch."""
    return encoder_of("open_clip CLIP, ViT").with_removal()


def game_of(encoder, caption=CAPTION, **options):
    """On a picture of noise."""
    return next(games(encoder, [picture()], [caption], [(0, 0)], **options))


def few(name, n_image=9, n_text=3):
    """The smallest of these numbers of masks that the estimator takes."""
    estimator = fixlip.get_estimator(name)
    if not estimator.capabilities.sampled:
        return {}
    for word in ("image_masks", "budget"):
        for number in (32, 64, 128, 256, 512, 1024):
            try:
                estimator.passes(n_image, n_text, Request(**{word: number}))
            except OptionError:
                break
            except BudgetError:
                continue
            return {word: number}
    raise AssertionError(name)


def run(name, game, progress=False):
    """One explanation with few masks."""
    return fixlip.get_estimator(name).explain(game, progress=progress, **few(name, game.n_image, game.n_text))


def assert_same(found, expected, tolerance=2e-5):
    """The same numbers, as far as the size of batches allows, and the same passes."""
    assert_close(found.first_order, expected.first_order, tolerance)
    assert_close(found.second_order, expected.second_order, tolerance)
    assert_close(found.baseline, expected.baseline, tolerance)
    p, q = found.provenance, expected.provenance
    assert (p.image_passes, p.text_passes, p.status) == (q.image_passes, q.text_passes, q.status)


def whole_run(name):
    """A little model, its explanation where nothing fails, and the calls at which to make it fail."""
    encoder = little()
    with faulty(encoder) as whole:
        explanation = run(name, game_of(encoder))
    return encoder, explanation, moments(whole.calls)


def game_of_functions(towers, wrap):
    """The game of closed-form towers, their functions wrapped."""
    functions = wrap(towers.image_fn), wrap(towers.text_fn)
    return CallableGame(*functions, towers.n_image, towers.n_text, towers.scale, towers.bias)
