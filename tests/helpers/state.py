"""A photograph of all that a run could leave behind: of a model, of the libraries below, and of the process."""

import gc
import hashlib
import logging
import os
import random
import signal
import sys
import threading
import warnings
from contextlib import contextmanager
from pathlib import Path

import matplotlib.pyplot  # noqa: F401, their first import changes the process
import numpy as np
import shapiq  # noqa: F401
import torch

HOOKS = [
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
]


@contextmanager
def unchanged(*models, folders=(), but=()):
    """Assert that the block leaves no trace, whether it ends well or not.

    Args:
        models: modules, or encoders with a `model`.
        folders: in which no file may appear or go.
        but: names of the photograph that may differ ("module visual: mode"), or how they start.
    """
    before = photograph(*models, folders=folders)
    try:
        yield
    finally:
        left = differences(before, photograph(*models, folders=folders))
        if left:  # files that nobody refers to any more are not open for long
            gc.collect()
            left = differences(before, photograph(*models, folders=folders))
        left = [line for line in left if not line.startswith(tuple(but))]
        assert not left, "left behind:\n" + "\n".join(left)


def photograph(*models, folders=()):
    """Everything by name; two of them are compared by `differences`."""
    found = process() | libraries() | random_states()
    for folder in folders:
        found[f"files in {folder}"] = sorted(str(path) for path in Path(folder).rglob("*"))
    for number, model in enumerate(models):
        module = getattr(model, "model", model)
        found |= {f"{name} of model {number}": value for name, value in of_module(module).items()}
    return found


def differences(before, after):
    """A line for each name whose value is another one."""
    names = [*before, *(name for name in after if name not in before)]
    return [f"{n}: {before.get(n)!r} -> {after.get(n)!r}"[:400] for n in names if before.get(n) != after.get(n)]


def of_module(model):
    """Modes, hooks, attributes, parameters, gradients and weights of a module."""
    found = {}
    for name, module in model.named_modules():
        at = f"module {name}"
        found[f"{at}: mode"] = module.training
        found[f"{at}: hooks"] = [sorted(getattr(module, hooks)) for hooks in HOOKS]
        found[f"{at}: attributes"] = {
            key: id(value) if callable(value) else None for key, value in vars(module).items() if key not in HOOKS
        }
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        grad = tensor.grad if tensor.is_leaf else None
        found[f"tensor {name}"] = (tensor.requires_grad, tensor.dtype, str(tensor.device), tensor.data_ptr())
        found[f"tensor {name}: gradient"] = None if grad is None else digest(grad)
    found["weights"] = digest(*model.state_dict().values())
    return found


def digest(*tensors):
    """A hash of the bytes of tensors."""
    total = hashlib.sha256()
    for tensor in tensors:
        total.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return total.hexdigest()[:16]


def random_states():
    """The generators that a caller may rely on."""
    kind, keys, *rest = np.random.get_state()
    return {
        "random of torch": digest(torch.get_rng_state()),
        "random of numpy": (kind, digest(torch.from_numpy(keys.view(np.uint8))), rest),
        "random of python": hash(random.getstate()),
    }


def libraries():
    """Settings of torch, numpy, logging, warnings and matplotlib."""
    functional = torch.nn.functional
    found = {
        "torch: gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "torch: type": (torch.get_default_dtype(), torch.get_float32_matmul_precision()),
        "torch: threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "torch: deterministic": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ),
        "torch: cudnn": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "torch: autocast": (torch.is_autocast_enabled("cpu"), torch.is_autocast_enabled("cuda")),
        "torch: anomalies": torch.is_anomaly_enabled(),
        "torch: attention": (id(functional.scaled_dot_product_attention), torch.backends.mha.get_fastpath_enabled()),
        "torch: hooks of all modules": [
            sorted(getattr(torch.nn.modules.module, name))
            for name in ("_global_forward_hooks", "_global_forward_pre_hooks", "_global_backward_hooks")
        ],
        "numpy": (sorted(np.geterr().items()), np.get_printoptions()["precision"]),
        "logging": (logging.root.manager.disable, logging.root.level, [id(h) for h in logging.root.handlers]),
        "warnings": (list(warnings.filters), id(warnings.showwarning)),
    }
    if "matplotlib" in sys.modules:
        import matplotlib

        found["matplotlib"] = {k: v for k, v in dict.items(matplotlib.rcParams) if k != "backend"}
    if "matplotlib.pyplot" in sys.modules:
        found["figures"] = sys.modules["matplotlib.pyplot"].get_fignums()
    return found


def process():
    """State of the whole process: signals, streams, folder, environment, files, threads and children."""
    return {
        "signals": {s.name: id(signal.getsignal(s)) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)},
        "streams": (id(sys.stdin), id(sys.stdout), id(sys.stderr), id(sys.excepthook)),
        "here": os.getcwd(),
        "umask": umask(),
        "environment": dict(os.environ),
        "open files": open_files(),
        "threads": sorted(t.name for t in threading.enumerate() if type(t).__name__ != "TMonitor"),  # one, of tqdm
        "children": children(),
    }


def umask():
    """Can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def open_files():
    """Targets of the open descriptors; pipes and sockets by their kind alone."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{number}").split(":[")[0])
        except OSError:  # the listing itself
            continue
    return sorted(path for path in found if not path.endswith("/fd"))


def children():
    """Processes that this one has started and that have not ended."""
    try:
        listed = [Path(task, "children").read_text().split() for task in Path("/proc/self/task").iterdir()]
    except OSError:  # a kernel that does not list them
        return []
    return sorted(pid for pids in listed for pid in pids)
