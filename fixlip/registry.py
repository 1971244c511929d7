"""The registry of estimators: entry points in the group `fixlip.estimators`, and a decorator for notebooks."""

import warnings
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from fixlip.errors import OptionError, unknown
from fixlip.estimator import Estimator

GROUP = "fixlip.estimators"
E = TypeVar("E", bound=type[Estimator])
_registered: dict[str, type[Estimator]] = {}


@cache
def _entry_points() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name in found and found[point.name].value != point.value:
            raise OptionError(
                f"Two packages register the estimator {point.name!r}: {found[point.name].value}, {point.value}."
            )
        found[point.name] = point
    return found


@cache
def _load(name: str) -> type[Estimator] | None:
    point = _entry_points()[name]
    try:
        return _checked(name, point.load())
    except Exception as error:  # a plugin may raise anything; the others go on
        hint = ""
        if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("fixlip.estimators"):
            hint = "; a folder fixlip in the working directory hides the installed package: run elsewhere or install -e"
        warnings.warn(f"Estimator {name!r} ({point.value}) is skipped: {error}{hint}", stacklevel=3)
        return None


def _checked(name: str, cls: Any) -> type[Estimator]:
    if not (
        isinstance(cls, type) and issubclass(cls, Estimator) and is_dataclass(cls) and hasattr(cls, "capabilities")
    ):
        raise OptionError(
            f"Estimator {name!r} must be a dataclass that derives from fixlip.Estimator and has capabilities."
        )
    return cls


def register_estimator(name: str) -> Callable[[E], E]:
    """Register an estimator for this process, in a notebook say.

    Raises:
        OptionError: the name is taken, or the class is not an estimator.

    Example:
        >>> from fixlip import register_estimator
        >>> register_estimator("banzhaf")
        Traceback (most recent call last):
        fixlip.errors.OptionError: The estimator name 'banzhaf' is taken.
    """
    if name in _registered or name in _entry_points():
        raise OptionError(f"The estimator name {name!r} is taken.")

    def add(cls: E) -> E:
        _registered[name] = _checked(name, cls)
        return cls

    return add


def unregister_estimator(name: str) -> None:
    """Forget an estimator that `register_estimator` added."""
    _registered.pop(name, None)


def list_estimators() -> list[str]:
    """The names of all estimators that can be used, sorted."""
    return sorted({*_registered, *(name for name in _entry_points() if _load(name))})


def estimator_class(name: str) -> type[Estimator]:
    """The class behind a name; its `capabilities` are readable without constructing it.

    Raises:
        OptionError: no such estimator; the message names the nearest.
    """
    cls = _registered.get(name) or (_load(name) if name in _entry_points() else None)
    if cls is None:
        raise OptionError(unknown("estimator", name, list_estimators()))
    return cls


def get_estimator(name: str, **options: Any) -> Estimator:
    """An estimator by name.

    Raises:
        OptionError: no such estimator or option (the message names the nearest), or a value outside its range.

    Example:
        >>> get_estimator("banzhaf", p=0.7).p
        0.7
    """
    cls = estimator_class(name)
    valid = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    for option in options:
        if option not in valid:
            raise OptionError(unknown(f"option of {name}", option, valid))
    return cls(**options)
