"""How commands read names, options and lists."""

import json
from typing import Any

from fixlip.errors import OptionError


def estimator_names(incomplete: str) -> list[str]:
    """For the completion of the shell."""
    from fixlip.registry import list_estimators

    return [name for name in list_estimators() if name.startswith(incomplete)]


def listed(values: str) -> list[Any]:
    """Values with commas between: JSON where they are that, else strings.

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
    """``i/n``.

    Example:
        >>> shard_of("2/8")
        (2, 8)
    """
    i, slash, n = text.partition("/")
    if not (slash and i.isdecimal() and n.isdecimal()):
        raise OptionError(f"A shard is like 1/4, got {text!r}.")
    return int(i), int(n)
