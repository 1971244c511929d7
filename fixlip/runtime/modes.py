"""Modes of torch that the caller may be in, and that no result depends on."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from fixlip.runtime.threads import shared


@contextmanager
def plain_torch(grad: bool | None = None) -> Iterator[None]:
    """Run as if torch were in none of its modes, and leave the caller's modes as they were.

    Neither inference mode nor autocast; tensors are made on the CPU and in float32 unless told otherwise. Where torch
    is not imported there is nothing to do.

    Args:
        grad: whether graphs are recorded; None leaves that to the caller.
    """
    torch = sys.modules.get("torch")
    with ExitStack() as stack:
        if torch is not None:
            stack.enter_context(torch.inference_mode(False))
            if grad is not None:
                stack.enter_context(torch.set_grad_enabled(grad))
            for kind in ("cpu", "cuda", "mps", "xpu"):
                if torch.is_autocast_enabled(kind):
                    stack.enter_context(torch.autocast(kind, enabled=False))
            if torch.get_default_device().type != "cpu":
                stack.enter_context(torch.device("cpu"))
            if torch.get_default_dtype() != torch.float32:
                stack.enter_context(_float32())
        yield


@shared
@contextmanager
def _float32() -> Iterator[None]:
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
