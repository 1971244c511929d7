"""The one family of errors that fixlip raises on purpose."""

from collections.abc import Iterable
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


class MissingExtraError(FixlipError, ImportError):
    """An optional dependency is not installed."""


def unknown(what: str, name: str, valid: Iterable[str]) -> str:
    """Write the message for an unknown name: the nearest valid name, and all valid names where they are few."""
    names = sorted({name if name.isprintable() else repr(name) for name in valid})
    plain = {name.casefold().replace("_", "-"): name for name in names}
    near = get_close_matches(name.casefold().replace("_", "-"), plain, n=1, cutoff=0.5)
    hint = f" Did you mean {plain[near[0]]!r}?" if near else ""
    listed = ", ".join(names) if len(names) <= 20 else f"{', '.join(names[:8])} and {len(names) - 8} more"
    return f"Unknown {what} {name!r}.{hint} Valid: {listed or 'none'}."
