"""The photograph itself: it sees every trace, or the tests that rely on it see nothing."""

import logging
import os
import random
import signal
import subprocess
import threading
import warnings

import numpy as np
import pytest
import torch

from tests.helpers.state import unchanged


def hook(*args):
    return None


def leave_a_thread(model, folder):
    model.kept = threading.Event()
    threading.Thread(target=model.kept.wait, name="left").start()


TRACES = {
    "mode": lambda model, folder: model[0].train(),
    "requires_grad": lambda model, folder: model[0].weight.requires_grad_(False),
    "gradient": lambda model, folder: model(torch.ones(1, 2)).sum().backward(),
    "weights": lambda model, folder: model[0].weight.data.mul_(1.5),
    "hook": lambda model, folder: model[1].register_forward_hook(hook),
    "hook of a gradient": lambda model, folder: model[1].register_full_backward_hook(hook),
    "patched": lambda model, folder: setattr(model[1], "forward", hook),
    "seed of torch": lambda model, folder: torch.rand(1),
    "seed of numpy": lambda model, folder: np.random.rand(1),
    "seed of python": lambda model, folder: random.random(),
    "logging": lambda model, folder: logging.disable(logging.CRITICAL),
    "warnings": lambda model, folder: warnings.simplefilter("ignore"),
    "signal": lambda model, folder: signal.signal(signal.SIGTERM, hook),
    "environment": lambda model, folder: os.environ.update(FIXLIP_TRACE="1"),
    "folder": lambda model, folder: os.chdir("/"),
    "grad mode": lambda model, folder: torch.set_grad_enabled(False),
    "default type": lambda model, folder: torch.set_default_dtype(torch.float64),
    "open file": lambda model, folder: setattr(model, "kept", open(folder / "kept")),  # noqa: SIM115
    "temporary file": lambda model, folder: (folder / "new").write_text("x"),
    "thread": leave_a_thread,
    "child": lambda model, folder: setattr(model, "kept", subprocess.Popen(["sleep", "0.1"])),
}


@pytest.fixture
def put_back():
    """After a test that leaves traces on purpose."""
    disabled, here, term = logging.root.manager.disable, os.getcwd(), signal.getsignal(signal.SIGTERM)
    with warnings.catch_warnings():
        yield
    logging.disable(disabled)
    os.chdir(here)
    os.environ.pop("FIXLIP_TRACE", None)
    signal.signal(signal.SIGTERM, term)
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("trace", TRACES)
def test_every_trace_is_seen(tmp_path, put_back, trace):
    (tmp_path / "kept").write_text("")
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()).eval()
    with pytest.raises(AssertionError, match="left behind"), unchanged(model, folders=[tmp_path]):
        TRACES[trace](model, tmp_path)
    kept = getattr(model, "kept", None)
    if isinstance(kept, subprocess.Popen):
        kept.wait()
    elif isinstance(kept, threading.Event):
        kept.set()
        next(thread for thread in threading.enumerate() if thread.name == "left").join()
    elif kept is not None:
        kept.close()


def test_where_nothing_is_left_nothing_is_said(tmp_path):
    model = torch.nn.Linear(2, 2)
    with unchanged(model, folders=[tmp_path]):
        model(torch.ones(1, 2))
