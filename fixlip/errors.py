"""The one family of errors that fixlip raises on purpose."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class FixlipError(Exception):
    """Base of all errors of fixlip; the message is one line: what was given, what is allowed, what to do."""


class InputError(FixlipError, ValueError):
    """The picture, the caption, a mask or a file cannot be used."""


class OptionError(FixlipError, ValueError):
    """A name or an option is unknown, or a value is out of range."""


class UnsupportedModelError(FixlipError):
    """The model is unknown, its weights are not available, or its layout is not supported."""


class BudgetError(FixlipError, ValueError):
    """The budget cannot determine the requested terms; the message names the minimum."""


class NotEnoughMemoryError(FixlipError, MemoryError):
    """Memory ran out even for the smallest part of the work."""


class ClusterError(FixlipError):
    """No machine of the cluster can do the work; what is done is kept."""


class MissingExtraError(FixlipError, ImportError):
    """An optional dependency is not installed."""


def unknown(what: str, name: str, valid: Iterable[str], first: Sequence[str] = ()) -> str:
    """Write the message for an unknown name: the nearest valid name, and all valid names where they are few.

    Near is a name that contains the given one, the shortest of them, or else one that is spelled alike; case and signs
    do not matter.

    Args:
        what: the kind of thing, in words.
        name: the name given.
        valid: all valid names.
        first: those that are suggested and listed before others.

    Example:
        >>> unknown("model", "siglip2", ["ViT-B-16-SigLIP2", "ViT-B-16-SigLIP2-256", "RN50"])[:56]
        "Unknown model 'siglip2'. Did you mean 'ViT-B-16-SigLIP2'"
    """
    printable = {name if name.isprintable() else repr(name) for name in valid}
    names = [*first, *sorted(printable - set(first))]
    plain = {name: _letters(name) for name in names}
    asked = _letters(name)
    within = [name for name in names if len(asked) > 2 and asked in plain[name]]
    near = [name for name in first if name in within] or sorted(within, key=len)
    if not near:
        alike = get_close_matches(asked, plain.values(), n=1, cutoff=0.5)
        near = [name for name in names if plain[name] in alike]
    hint = f" Did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(names) if len(names) <= 20 else f"{', '.join(names[:8])} and {len(names) - 8} more"
    return f"Unknown {what} {name!r}.{hint} Valid: {listed or 'none'}."


def _letters(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())
