"""Equality of results by value, where NaN equals NaN."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np

NUMBERS = (int, float, np.number, np.ndarray)


class ByValue:
    """A result that equals another of its class with the same values, for dataclasses with ``eq=False``."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self) if f.compare)


def same(a: Any, b: Any) -> bool:
    """Compare numbers, arrays and what is made of them.

    Example:
        >>> same({"x": [float("nan"), np.ones(2)]}, {"x": [float("nan"), np.ones(2)]}), same(np.ones(2), np.ones(3))
        (True, False)
    """
    if isinstance(a, NUMBERS) and isinstance(b, NUMBERS):
        return np.array_equal(a, b, equal_nan=True)
    if type(a) is not type(b):
        return False
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)
