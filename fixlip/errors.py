"""The one family of errors that fixlip raises on purpose."""

from collections.abc import Iterable
from difflib import get_close_matches


class FixlipError(Exception):
    """Base of all errors of fixlip; the message is one line that says what was given, what is allowed, what to do."""


class InputError(FixlipError, ValueError):
    """The picture, the caption, a mask or a file cannot be used."""


class OptionError(FixlipError, ValueError):
    """An unknown name, an unknown option, or a value outside its range."""


class UnsupportedModelError(FixlipError):
    """The model is unknown, its weights cannot be had, or its layout is not supported."""


class BudgetError(FixlipError, ValueError):
    """The budget cannot determine the requested terms; the message names the minimum."""


class MissingExtraError(FixlipError, ImportError):
    """An optional dependency is not installed."""


def unknown(what: str, name: str, valid: Iterable[str]) -> str:
    """One line for an unknown name: the nearest valid one, and the valid ones where they are few."""
    names = sorted(set(valid))
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(names) if len(names) <= 20 else f"{', '.join(names[:8])} and {len(names) - 8} more"
    return f"Unknown {what} {name!r}.{hint} Valid: {listed or 'none'}."
