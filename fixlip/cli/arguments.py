"""Readers of lists, shards and names with options on the command line."""

import json
from typing import TYPE_CHECKING, Any

from fixlip import specs
from fixlip.errors import OptionError

if TYPE_CHECKING:
    from fixlip.encoders.base import DualEncoder
    from fixlip.estimator import Estimator


def listed(values: str) -> list[Any]:
    """Read values separated by commas, as JSON if possible, else as strings.

    Example:
        >>> listed("0.3,0.5"), listed("zeros, mean,4"), listed('{"image": "drop"},{}')
        ([0.3, 0.5], ['zeros', 'mean', 4], [{'image': 'drop'}, {}])
    """
    try:
        return json.loads(f"[{values}]")
    except json.JSONDecodeError:
        parts = [part.strip() for part in values.split(",")]
        return parts if len(parts) == 1 else [listed(part)[0] for part in parts if part]


def shard_of(text: str) -> tuple[int, int]:
    """Read a shard ``i/n``.

    Example:
        >>> shard_of("2/8")
        (2, 8)
    """
    i, slash, n = text.partition("/")
    if not (slash and i.isdecimal() and n.isdecimal()):
        raise OptionError(f"A shard has the form 1/4, got {text!r}.")
    return int(i), int(n)


def given(**values: Any) -> dict[str, Any]:
    """Return the values that are not None.

    Example:
        >>> given(image="drop", text=None)
        {'image': 'drop'}
    """
    return {name: value for name, value in values.items() if value is not None}


def estimator_of(spec: str) -> "Estimator":
    """Return an estimator from its name and options, such as ``banzhaf p=0.7``."""
    from fixlip.registry import get_estimator

    name, options = specs.parse(spec)
    return get_estimator(name, **options)


def model_of(spec: str, device: str | None, allow_random: bool = False) -> "DualEncoder":
    """Load a model from its name and weights, such as ``ViT-B-16-SigLIP2 pretrained=webli``.

    Raises:
        OptionError: an option other than ``pretrained`` and ``dtype``.
    """
    from fixlip.api.load import load_model
    from fixlip.encoders.names import DEFAULT_WEIGHTS

    name, options = specs.parse(spec)
    weights = options.pop("pretrained", DEFAULT_WEIGHTS)
    dtype = options.pop("dtype", None)
    if options:
        raise OptionError(f"A model has the options pretrained and dtype, got {', '.join(options)} in {spec!r}.")
    return load_model(name, pretrained=str(weights), allow_random=allow_random, device=device, dtype=dtype)
