"""The registry of estimators: entry points in the group `fixlip.estimators`, and a decorator for notebooks."""

import warnings
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
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
def _load(point: str) -> dict[str, type[Estimator]]:
    """What an entry point brings: one estimator, or a family ``name:member`` where it is a function that makes one."""
    try:
        found = _entry_points()[point].load()
        if isinstance(found, type):
            return {point: _checked(point, found)}
        return {name: _checked(name, cls) for name, cls in found().items()}
    except Exception as error:  # a plugin may raise anything; the others go on
        hint = ""
        if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("fixlip.estimators"):
            hint = "; a folder fixlip in the working directory hides the installed package: run elsewhere or install -e"
        value = _entry_points()[point].value
        warnings.warn(f"Estimator {point!r} ({value}) is skipped: {error}{hint}", stacklevel=3)
        return {}


def _checked(name: str, cls: Any) -> type[Estimator]:
    if not (
        isinstance(cls, type) and issubclass(cls, Estimator) and is_dataclass(cls) and hasattr(cls, "capabilities")
    ):
        raise OptionError(
            f"Estimator {name!r} must be a dataclass that derives from fixlip.Estimator and has capabilities."
        )
    own = cls.capabilities.name
    if own != name and own not in _entry_points():
        raise OptionError(f"Estimator {name!r} is called {own!r} in its capabilities.")
    return cls


def register_estimator(name: str) -> Callable[[E], E]:
    """Register an estimator for this process, in a notebook say; its capabilities get the name.

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
        if hasattr(cls, "capabilities"):
            cls.capabilities = replace(cls.capabilities, name=name)
        _registered[name] = _checked(name, cls)
        return cls

    return add


def unregister_estimator(name: str) -> None:
    """Forget an estimator that `register_estimator` added."""
    _registered.pop(name, None)


def list_estimators() -> list[str]:
    """Return the names of all estimators that can be used, sorted; second names of an estimator are left out."""
    built_in = {cls.capabilities.name for point in _entry_points() for cls in _load(point).values()}
    return sorted(built_in | set(_registered))


def estimator_names() -> list[str]:
    """Names to offer without importing an estimator: those of the entry points, and ``NAME:`` for a family.

    Faster than `list_estimators` by seconds, and less exact: second names and plugins that do not load are there too.
    """
    points = (point.name + ":" * _is_family(point) for point in _entry_points().values())
    return sorted({*points, *_registered})


def _is_family(point: EntryPoint) -> bool:
    """Whether it leads to a function, by the small letter: nothing is imported."""
    return point.attr[:1].islower()


def estimator_class(name: str) -> type[Estimator]:
    """The class behind a name; its `capabilities` are readable without constructing it.

    Raises:
        OptionError: no such estimator; the message names the nearest.
    """
    point = name.partition(":")[0]
    cls = _registered.get(name) or (_load(point).get(name) if point in _entry_points() else None)
    if cls is None:
        if point not in _entry_points() and _in_the_source(point):
            raise OptionError(f"The estimator {name!r} is newer than the installation: run pip install -e . again.")
        raise OptionError(unknown("estimator", name, list_estimators()))
    return cls


def _in_the_source(name: str) -> bool:
    """Whether a module of this name is beside the estimators that come along; entry points change by installing."""
    module = name.replace("-", "_")
    try:
        return module.isidentifier() and find_spec(f"{GROUP}.{module}") is not None
    except ImportError:  # a folder fixlip in the working directory hides the package
        return False


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


def as_estimator(estimator: str | Estimator, options: dict[str, Any] | None = None) -> Estimator:
    """An estimator that is given as such, or by its name and options.

    Raises:
        OptionError: as `get_estimator`; options for an estimator that is built already.
    """
    if isinstance(estimator, str):
        return get_estimator(estimator, **(options or {}))
    if options:
        raise OptionError("Options go with an estimator given by name; this one is built already.")
    return estimator
