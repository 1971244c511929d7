"""The state in which a model is run, whatever state the caller has it in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

from torch import is_grad_enabled, nn

from fixlip.runtime.modes import plain_torch
from fixlip.runtime.threads import in_turn, shared

F = TypeVar("F", bound=Callable[..., Any])


@contextmanager
def running(model: nn.Module | None, grad: bool | None = False) -> Iterator[None]:
    """Run a model in evaluation mode and outside of all modes of torch; both are left as they were.

    Its parameters stay out of graphs. Where none is recorded, all of them ask for gradients: torch picks other kernels
    for those that do not, and rows would depend on others in the batch. Threads that want the one and the other take
    turns.

    Args:
        model: the module; None where there is none.
        grad: whether graphs are recorded; None leaves that to the caller.
    """
    with plain_torch(grad):
        if model is None:
            yield
        else:
            with _evaluated(model), asking(model, not is_grad_enabled()):
                yield


@shared
@contextmanager
def _evaluated(model: nn.Module) -> Iterator[None]:
    """Set the flag itself: `train` of some modules does more (merges adapters, say)."""
    trained = [module for module in model.modules() if module.training]
    try:
        for module in trained:
            module.training = False
        yield
    finally:
        for module in trained:
            module.training = True


@in_turn
@contextmanager
def asking(model: nn.Module, gradients: bool) -> Iterator[None]:
    """Let all parameters ask for gradients, or none; afterwards they do as before."""
    others = [p for p in model.parameters() if p.requires_grad != gradients and p.is_floating_point()]
    others = [p for p in others if not p.is_inference()]
    try:
        for parameter in others:
            parameter.requires_grad_(gradients)
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(not gradients)


def runs_the_model(method: F) -> F:
    """Run a method of an encoder inside `running`."""

    @wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        with running(self.model):
            return method(self, *args, **kwargs)

    return cast("F", run)


def without_inference_tensors(model: nn.Module) -> nn.Module:
    """Replace, in place, tensors that were made in inference mode, which no gradient can pass and nobody can train."""
    copies: dict[int, Any] = {}
    for module in model.modules():
        for table in (module._parameters, module._buffers):
            for name, tensor in table.items():
                if tensor is not None and tensor.is_inference():
                    if id(tensor) not in copies:
                        with plain_torch():
                            copy = tensor.detach().clone()
                        learns = isinstance(tensor, nn.Parameter)
                        copies[id(tensor)] = nn.Parameter(copy, tensor.requires_grad) if learns else copy
                    table[name] = copies[id(tensor)]
    return model
