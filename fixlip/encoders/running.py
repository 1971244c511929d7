"""The state in which a model is run, whatever state the caller has it in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

from torch import nn

from fixlip.runtime.modes import plain_torch
from fixlip.runtime.threads import shared

F = TypeVar("F", bound=Callable[..., Any])


@contextmanager
def running(model: nn.Module | None, grad: bool | None = False) -> Iterator[None]:
    """Run a model in evaluation mode and outside of all modes of torch; both are left as they were.

    Its parameters stay out of graphs, also where none is recorded: torch picks other kernels for tensors that ask for
    gradients, and what one thread computes must not depend on whether another one has set them aside.

    Args:
        model: the module; None where there is none.
        grad: whether graphs are recorded; None leaves that to the caller.
    """
    with plain_torch(grad):
        if model is None:
            yield
        else:
            with _evaluated(model), frozen(model):
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


@shared
@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Keep parameters out of the graph that is built meanwhile; afterwards they ask for gradients as before."""
    learning = [p for p in model.parameters() if p.requires_grad]
    try:
        for parameter in learning:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


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
