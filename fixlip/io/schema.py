"""JSON that somebody else wrote: read, and checked by pydantic against the fields that it should have."""

import json
import reprlib
from math import isinf
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic import Strict as Exactly

M = TypeVar("M", bound="Fields")
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60
_SHORT.maxlevel = 2


class Fields(BaseModel):
    """An object with these fields and no others; nothing is converted."""

    model_config = ConfigDict(strict=True, extra="forbid")


def _not_infinite(number: float) -> float:
    if isinf(number):
        raise ValueError("infinite")
    return number


Number = Annotated[float, AfterValidator(_not_infinite)]
"""What is no number, NaN, may be one."""
Pair = Annotated[tuple[int, int], Exactly(False)]
"""JSON has lists only."""
Four = Annotated[tuple[Number, Number, Number, Number], Exactly(False)]


def _finite(text: str) -> float:
    return _not_infinite(float(text))


def _constant(text: str) -> None:
    """Null for NaN; infinity is refused as any other."""
    _finite(text)


def parsed(text: str | bytes) -> Any:
    """JSON, however hostile; NaN, which Python writes and JSON has not, is null.

    Args:
        text: in UTF-8 where it is bytes.

    Raises:
        ValueError: it is not JSON, nested too deep, or has an infinite number (1e999).
    """
    text = text if isinstance(text, str) else text.decode("utf-8")
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_constant)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def checked(value: Any, kind: type[M]) -> M:
    """The fields of a value.

    Args:
        value: of types of JSON.
        kind: the fields.

    Raises:
        ValueError: it has others, or others in them; says where, in a short line.

    Example:
        >>> class Box(Fields):
        ...     corners: list[int]
        >>> checked({"corners": [0, 1, "x"]}, Box)
        Traceback (most recent call last):
        ValueError: corners[2] is 'x': Input should be a valid integer
    """
    if not isinstance(value, dict):
        raise ValueError(f"it is {told(value)}, not an object")
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{told(part)}" for part in first["loc"])
        what = "" if isinstance(first["input"], dict) else f" is {_SHORT.repr(first['input'])}"
        raise ValueError(f"{where.lstrip('.')[:200] or 'it'}{what}: {first['msg'][:200]}") from None


def check_version(version: Any, newest: int) -> None:
    """Whether this fixlip is new enough for a file.

    Args:
        version: as the file says, whatever that is.
        newest: the newest that is read.

    Raises:
        ValueError: it is newer.
    """
    if isinstance(version, int) and version > newest:
        raise ValueError(f"it is of version {version}, this fixlip reads up to {newest}; update fixlip")


def told(value: Any) -> str:
    """A value in one short line.

    Args:
        value: anything.
    """
    return value if isinstance(value, str) and value.isidentifier() and len(value) < 40 else _SHORT.repr(value)
