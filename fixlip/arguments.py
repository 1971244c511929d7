"""Arguments as people bring them: sequences of any kind by position, and numbers of any library."""

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from numbers import Real
from operator import index
from os import PathLike
from typing import Any, SupportsIndex

from fixlip.errors import InputError, OptionError


def in_order(name: str, values: Any, single: type | tuple[type, ...] = ()) -> list[Any]:
    """Return values in a list, by their position: a column of a table goes by its rows, not by their labels.

    Args:
        name: name of the argument.
        values: any iterable: a list, an array, a column of pandas, a generator. A single value (a string, a path,
            whatever cannot be iterated over) is a list of itself.
        single: further types of single values.

    Raises:
        InputError: a set, which has no order, or a mapping or a table, which is not one list.

    Example:
        >>> in_order("texts", "a dog"), in_order("texts", (word for word in ("a", "dog")))
        (['a dog'], ['a', 'dog'])
    """
    if isinstance(values, (str, bytes, PathLike)) or (single and isinstance(values, single)):
        return [values]
    if isinstance(values, (set, frozenset, Mapping)) or hasattr(values, "columns"):
        raise InputError(f"{name} must be a list, got a {type(values).__name__}; give a list, or a column of a table.")
    if not isinstance(values, Iterable) and hasattr(values, "__len__") and hasattr(values, "__getitem__"):
        return [values[k] for k in range(len(values))]  # a data set of torch
    try:
        return list(values)
    except TypeError:  # no iterable, or an array without dimensions
        return [values]


def lasting(values: Any) -> Any:
    """Return an iterator, which can be read once only, as a list; other values as they are."""
    return list(values) if isinstance(values, Iterator) else values


def plain_number(value: Any) -> Any:
    """Return the number of Python that a number of numpy or torch stands for; other values as they are.

    Example:
        >>> import numpy as np
        >>> plain_number(np.int64(3)), plain_number(np.array(0.5)), plain_number("a")
        (3, 0.5, 'a')
    """
    if hasattr(value, "item") and hasattr(value, "ndim") and value.ndim == 0:
        return value.item()
    return value


def whole_number(name: str, value: Any, least: int | None = None) -> int:
    """Check a whole number, and return it as an int.

    Args:
        name: name of the option.
        value: the value given; integers of numpy and torch are whole numbers too, truth values and 2.0 are not.
        least: smallest value allowed.

    Raises:
        OptionError: the value is no whole number, or too small.

    Example:
        >>> whole_number("budget", 2.5, least=1)
        Traceback (most recent call last):
        fixlip.errors.OptionError: budget must be a whole number, got 2.5.
    """
    number = plain_number(value)
    if isinstance(number, bool) or not isinstance(number, SupportsIndex) or hasattr(number, "__len__"):
        raise OptionError(f"{name} must be a whole number, got {value!r}.")
    whole = index(number)
    if least is not None and whole < least:
        raise OptionError(f"{name} must be at least {least}, got {whole}.")
    return whole


def real_number(name: str, value: Any) -> int | float:
    """Check a finite number, and return it as a number of Python; an int stays one.

    Args:
        name: name of the option.
        value: the value given; numbers of numpy and torch are numbers too, truth values are not.

    Raises:
        OptionError: the value is no number, or not finite.

    Example:
        >>> import numpy as np
        >>> real_number("p", np.float32(0.5)), real_number("ridge", 1)
        (0.5, 1)
    """
    number = plain_number(value)
    if isinstance(number, bool) or not isinstance(number, Real) or not isfinite(number):
        raise OptionError(f"{name} must be a number, got {value!r}.")
    return number if isinstance(number, int) else float(number)
