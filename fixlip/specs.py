"""Names with options in one string: ``banzhaf p=0.7``."""

import json
import shlex
from collections.abc import Iterable
from typing import Any

from fixlip.errors import OptionError


def parse(spec: str) -> tuple[str, dict[str, Any]]:
    """Split a string into a name and its options.

    Raises:
        OptionError: there is no name, or a word that is not an option.

    Example:
        >>> parse("integrated-gradients text_layer=0 reference=mean")
        ('integrated-gradients', {'text_layer': 0, 'reference': 'mean'})
        >>> parse("coco:'/my data' split=val2017")
        ('coco:/my data', {'split': 'val2017'})
    """
    try:
        name, *pairs = shlex.split(spec)
    except ValueError as error:
        raise OptionError(f"{spec!r} is not a name with options like banzhaf p=0.7: {error}.") from error
    return name, options_of(pairs)


def options_of(pairs: Iterable[str]) -> dict[str, Any]:
    """Read options ``name=value``; values are JSON, or strings where they are not valid JSON.

    Raises:
        OptionError: a word has no equals sign.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise OptionError(f"An option is written name=value, got {pair!r}.")
        options[name] = _value(value)
    return options


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # not JSON, or thousands of digits or brackets
        return text


def written(name: str, options: dict[str, Any]) -> str:
    """Write a name and its options as one string, which `parse` reads.

    Example:
        >>> written("banzhaf", {"p": 0.7, "interactions": "cross"})
        'banzhaf p=0.7 interactions=cross'
    """
    values = (f"{k}={v if isinstance(v, str) and _value(v) == v else json.dumps(v)}" for k, v in options.items())
    return shlex.join([name, *values])
