"""Types and a hash of the weights of a model, quantised ones among them."""

import hashlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from fixlip.encoders.wrappers import plain_key

FLOATS = (torch.bfloat16, torch.float16, torch.float32, torch.float64)  # coarse to fine; others are only stored


def first_type(module: nn.Module | None) -> torch.dtype:
    """Return the type of the first layer with floating weights, which what goes into the module has; else float32.

    Example:
        >>> first_type(nn.Sequential(nn.Linear(3, 2).half(), nn.Linear(2, 2)))
        torch.float16
    """
    return next(_types(module), torch.float32)


def coarsest(module: nn.Module | None) -> torch.dtype:
    """The coarsest type among the layers of a module, float32 without any: no result is more exact."""
    return min(_types(module), key=FLOATS.index, default=torch.float32)


def _types(module: nn.Module | None) -> Iterator[torch.dtype]:
    """Types of the layers in order, then of other parameters: the positions of a tower are not its first layer."""
    if module is not None:
        layers = (getattr(layer, "weight", None) for layer in module.modules())
        for weight in (*layers, *module.parameters()):
            if isinstance(weight, torch.Tensor) and weight.dtype in FLOATS:
                yield weight.dtype


def scaled_by_batch(module: nn.Module | None) -> bool:
    """Return whether layers round to steps measured over all of a batch, so that each input has to go alone."""
    dynamic = "torch.ao.nn.quantized.dynamic"
    return module is not None and any(type(layer).__module__.startswith(dynamic) for layer in module.modules())


def hash_of(model: nn.Module) -> str:
    """A hash of all weights as they are now. Cost: reads all of them."""
    digest = hashlib.sha256()
    state = {plain_key(key): value for key, value in model.state_dict().items()}
    for key, value in sorted(state.items()):
        digest.update(key.encode())
        for part in _bytes(value):
            digest.update(part)
    return digest.hexdigest()[:16]


def _bytes(value: Any) -> Iterator[Any]:
    """The memory of a tensor; the parts of anything else in a state (packed weights of quantised layers, types)."""
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from _bytes(part)
    elif not isinstance(value, torch.Tensor):
        yield repr(value).encode()
    elif hasattr(value, "__tensor_flatten__"):  # a tensor made of others, as those of torchao
        yield from _bytes([getattr(value, name) for name in value.__tensor_flatten__()[0]])
    elif value.is_quantized:
        yield from _bytes((value.int_repr(), value.dequantize()))
    else:
        yield value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
