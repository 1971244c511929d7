"""Dual encoders: what fixlip asks of them, adapters for the families, removal operators."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fixlip.encoders.available import first_available
    from fixlip.encoders.base import DifferentiableEncoder, DualEncoder, ImageInput, TextInput
    from fixlip.encoders.callables import Pixels, Strings, from_callables

_HOME = {
    "DifferentiableEncoder": "base",
    "DualEncoder": "base",
    "ImageInput": "base",
    "TextInput": "base",
    "Pixels": "callables",
    "Strings": "callables",
    "first_available": "available",
    "from_callables": "callables",
}
__all__ = [
    "DifferentiableEncoder",
    "DualEncoder",
    "ImageInput",
    "Pixels",
    "Strings",
    "TextInput",
    "first_available",
    "from_callables",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"fixlip.encoders.{_HOME[name]}"), name)
    raise AttributeError(f"module 'fixlip.encoders' has no attribute {name!r}")
