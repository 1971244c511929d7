"""Wrappers that torch puts around a model or a part of one, and the marks that they leave in names of weights."""

from typing import Any

WRAPPERS = {  # classes, and where they have the module
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "AveragedModel": "module",
}


def unwrapped(module: Any) -> Any:
    """The module inside of wrappers; itself where there are none."""
    while type(module).__name__ in WRAPPERS:
        module = getattr(module, WRAPPERS[type(module).__name__])
    return module


def plain_key(key: str) -> str:
    """The name of a weight without what wrappers add to it.

    Example:
        >>> plain_key("module._orig_mod.visual._orig_mod.proj"), plain_key("_orig_mod.module.logit_scale")
        ('visual.proj', 'logit_scale')
    """
    return key.replace("_orig_mod.", "").removeprefix("module.")
