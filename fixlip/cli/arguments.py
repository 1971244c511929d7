"""How commands read names, options and lists."""

import json
from typing import Any

from fixlip.errors import OptionError


def estimator_names(incomplete: str) -> list[str]:
    """For the completion of the shell."""
    from fixlip.registry import list_estimators

    return [name for name in list_estimators() if name.startswith(incomplete)]


def options_of(pairs: list[str]) -> dict[str, Any]:
    """``name=value``, with values in JSON where they are that, else strings."""
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise OptionError(f"--option takes name=value, got {pair!r}.")
        try:
            options[name] = json.loads(value)
        except json.JSONDecodeError:
            options[name] = value
    return options


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
