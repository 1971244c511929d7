"""Of what kind a value read from JSON must be, said as data.

A kind is a type (`str`, `int`, `float`); a set of texts, one of which it is; a list of one kind; a tuple of kinds; a
dictionary of fields, with ``...`` for those that are not named; ``{str: kind}``, an object with any names; `FINITE`, a
number that is one; or `JSON`, anything that is not nested too deep. `Maybe` and `Optional` go around these.
"""

import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import isinf, isnan
from typing import Any

FINITE, JSON = "finite", "json"
DEEPEST = 16  # lists and objects within each other
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60
_SHORT.maxlevel = 2


@dataclass(frozen=True)
class Maybe:
    """Null, or something of a kind."""

    kind: Any


@dataclass(frozen=True)
class Optional:
    """A field that may be missing."""

    kind: Any


def parsed(text: str | bytes) -> Any:
    """JSON, however hostile.

    Args:
        text: in UTF-8 where it is bytes.

    Raises:
        ValueError: it is not JSON, or nested too deep.
    """
    try:
        return json.loads(text if isinstance(text, str) else text.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def check(value: Any, kind: Any, where: str = "") -> None:
    """Whether a value is of a kind.

    Args:
        value: of types of JSON.
        kind: see the module.
        where: what to call the value in messages.

    Raises:
        ValueError: it is not; says where, in a short line.

    Example:
        >>> check({"box": [0, 1, "x"]}, {"box": (int, int, int)})
        Traceback (most recent call last):
        ValueError: box[2] is 'x', not a whole number
    """
    _check(value, kind, where, 0)


def told(value: Any) -> str:
    """A value in one short line.

    Args:
        value: anything.
    """
    return value if isinstance(value, str) and value.isidentifier() and len(value) < 40 else _SHORT.repr(value)


def _check(value: Any, kind: Any, where: str, depth: int) -> None:
    if isinstance(kind, Maybe):
        if value is not None:
            _check(value, kind.kind, where, depth)
    elif kind == JSON:
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if depth > DEEPEST:
            raise ValueError(f"{where} is nested too deep")
        for part in parts:
            _check(part, JSON, where, depth + 1)
    elif isinstance(kind, dict):
        _check_object(value, kind, where)
    elif isinstance(kind, list | tuple):
        kinds = kind * len(value) if isinstance(kind, list) and isinstance(value, list) else kind
        if not isinstance(value, list) or len(value) != len(kinds):
            raise ValueError(f"{where} is {told(value)}, not a list{f' of {len(kind)}' * isinstance(kind, tuple)}")
        for k, (part, one) in enumerate(zip(value, kinds, strict=True)):
            _check(part, one, f"{where}[{k}]", depth)
    elif isinstance(kind, set):
        if not isinstance(value, str) or value not in kind:
            raise ValueError(f"{where} is {told(value)}, not one of {', '.join(sorted(kind))}")
    elif kind in (float, FINITE):
        number = isinstance(value, float) or (_whole(value) and abs(value) < 1 << 63)
        if not number or isinf(value) or (kind == FINITE and isnan(value)):
            raise ValueError(f"{where} is {told(value)}, not a number")
    elif not (_whole(value) if kind is int else isinstance(value, kind)):
        raise ValueError(f"{where} is {told(value)}, not {'a whole number' if kind is int else 'a text'}")


def _check_object(value: Any, kind: Mapping[Any, Any], where: str) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{where or 'it'} is {told(value)}, not an object")
    fields, others = {k: v for k, v in kind.items() if isinstance(k, str)}, kind.get(str, kind.get(...))
    for name, one in fields.items():
        if name not in value and not isinstance(one, Optional):
            raise ValueError(f"{where or 'it'} has no {name}")
    for name, inner in value.items():
        one = fields.get(name, others)
        if one is None:
            raise ValueError(f"{where or 'it'} has a field {told(name)}, which is not known")
        _check(inner, one.kind if isinstance(one, Optional) else one, f"{where}{'.' * bool(where)}{told(name)}", 0)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
