"""A description of the machine on which a measurement was made."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

PACKAGES = ("fixlip", "torch", "numpy", "scipy", "shapiq")


def machine(device: str = "cpu") -> dict[str, str]:
    """CPU, cores, threads, memory, versions, and the accelerator where it is the device that was measured."""
    described = {
        "CPU": processor(),
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        **{name: version(name) for name in PACKAGES},
    }
    if torch.device(device).type == "cuda":
        gpu = torch.cuda.get_device_properties(torch.device(device))
        described["GPU"] = f"{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}"
    return described


def processor() -> str:
    """The CPU's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
