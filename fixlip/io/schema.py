"""Reading of JSON from untrusted files; pydantic checks its fields."""

import json
import reprlib
from collections import Counter
from functools import cache
from math import isinf
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic import Strict as Exactly

M = TypeVar("M")
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60
_SHORT.maxlevel = 2


class Fields(BaseModel):
    """An object with exactly these fields; values are not converted."""

    model_config = ConfigDict(strict=True, extra="forbid")


def _not_infinite(number: float) -> float:
    if isinf(number):
        raise ValueError("infinite")
    return number


Number = Annotated[float, AfterValidator(_not_infinite)]
"""A float that may be NaN but not infinite."""
Pair = Annotated[tuple[int, int], Exactly(False)]
"""Two integers, from a list of JSON."""
Four = Annotated[tuple[Number, Number, Number, Number], Exactly(False)]


def _finite(text: str) -> float:
    return _not_infinite(float(text))


def _constant(text: str) -> None:
    """Return null for NaN, and refuse infinity."""
    _finite(text)


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of these keys and values, for `object_pairs_hook` of `json.loads`.

    Raises:
        ValueError: a key comes twice, and readers would differ in which value they take.
    """
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"it has the key {_SHORT.repr(twice)} twice in one object")
    return mapping


def parsed(text: str | bytes) -> Any:
    """Parse JSON that may be hostile; NaN, which Python writes but JSON lacks, becomes null.

    Args:
        text: JSON, in UTF-8 if it is bytes.

    Raises:
        ValueError: the text is not JSON, is nested too deeply, has an infinite number (1e999), or a key twice in one
            object.
    """
    text = text if isinstance(text, str) else text.decode("utf-8")
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_constant, object_pairs_hook=distinct)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def checked(value: Any, kind: type[M]) -> M:
    """Check that a value has the fields of a kind of object, and return that object.

    Args:
        value: parsed JSON.
        kind: the class of the object, `Fields` or a dataclass.

    Raises:
        ValueError: other fields, or values of other types; a short line names the place.

    Example:
        >>> class Box(Fields):
        ...     corners: list[int]
        >>> checked({"corners": [0, 1, "x"]}, Box)
        Traceback (most recent call last):
        ValueError: corners[2] is 'x': Input should be a valid integer
    """
    if not isinstance(value, dict):
        raise ValueError(f"it is {shortened(value)}, not an object")
    try:
        return _adapter(kind).validate_python(value)  # type: ignore[arg-type,no-any-return]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{shortened(part)}" for part in first["loc"])
        what = "" if isinstance(first["input"], dict) else f" is {_SHORT.repr(first['input'])}"
        raise ValueError(f"{where.lstrip('.')[:200] or 'it'}{what}: {first['msg'][:200]}") from None


def check_version(version: Any, newest: int) -> None:
    """Check that this fixlip is new enough for a file.

    Args:
        version: the version in the file, of any type.
        newest: the newest version that can be read.

    Raises:
        ValueError: the version is newer.
    """
    if isinstance(version, int) and version > newest:
        raise ValueError(f"it has version {version}, but this fixlip reads versions up to {newest}; update fixlip")


def shortened(value: Any) -> str:
    """Return a value on one short line."""
    return value if isinstance(value, str) and value.isidentifier() and len(value) < 40 else _SHORT.repr(value)
