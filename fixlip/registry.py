"""The registry of estimators: entry points in the group `fixlip.estimators`, and a decorator for notebooks."""

import warnings
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from typing import Any, TypeVar

from fixlip.errors import OptionError, unknown
from fixlip.estimator import Estimator
from fixlip.plugins import points

GROUP = "fixlip.estimators"
E = TypeVar("E", bound=type[Estimator])
_registered: dict[str, type[Estimator]] = {}


@cache
def _load(point: str) -> dict[str, type[Estimator]]:
    """Load the estimators of an entry point: a single class, or a family ``name:member`` from a function."""
    try:
        loaded = points(GROUP)[point].load()
        if isinstance(loaded, type):
            return {point: _checked(point, loaded)}
        return {name: _checked(name, cls) for name, cls in loaded().items()}
    except Exception as error:  # a plugin may raise anything; the others go on
        hint = ""
        if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("fixlip.estimators"):
            hint = "; a folder fixlip in the working directory hides the installed package: run elsewhere or install -e"
        value = points(GROUP)[point].value
        warnings.warn(f"Estimator {point!r} ({value}) is skipped: {error}{hint}", stacklevel=3)
        return {}


def _checked(name: str, cls: Any) -> type[Estimator]:
    if not (
        isinstance(cls, type) and issubclass(cls, Estimator) and is_dataclass(cls) and hasattr(cls, "capabilities")
    ):
        raise OptionError(
            f"Estimator {name!r} must be a dataclass that derives from fixlip.Estimator and has capabilities."
        )
    called = cls.capabilities.name
    if called != name and called not in points(GROUP):
        raise OptionError(f"Estimator {name!r} is called {called!r} in its capabilities.")
    return cls


def register_estimator(name: str) -> Callable[[E], E]:
    """Register an estimator for this process, such as a notebook; its capabilities get the name.

    Raises:
        OptionError: the name is taken, or the class is not an estimator.

    Example:
        >>> from fixlip import register_estimator
        >>> register_estimator("banzhaf")
        Traceback (most recent call last):
        fixlip.errors.OptionError: The estimator name 'banzhaf' is taken.
    """
    if name in _registered or name in points(GROUP):
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
    built_in = {cls.capabilities.name for point in points(GROUP) for cls in _load(point).values()}
    return sorted(built_in | set(_registered))


def estimator_names() -> list[str]:
    """Return names to complete without importing an estimator: those of entry points, and ``NAME:`` for a family.

    Faster than `list_estimators`, and less exact: it has second names, and plugins that do not load.
    """
    names = (point.name + ":" * _is_family(point) for point in points(GROUP).values())
    return sorted({*names, *_registered})


def _is_family(point: EntryPoint) -> bool:
    """Return whether the entry point leads to a function, by its small letter, without importing it."""
    return point.attr[:1].islower()


def estimator_class(name: str) -> type[Estimator]:
    """Return the class of an estimator; its `capabilities` are readable without making one.

    Raises:
        OptionError: there is no such estimator; the message names the nearest.
    """
    point = name.partition(":")[0]
    cls = _registered.get(name) or (_load(point).get(name) if point in points(GROUP) else None)
    if cls is None:
        if point not in points(GROUP) and _in_the_source(point):
            raise OptionError(f"The estimator {name!r} is newer than the installation: run pip install -e . again.")
        raise OptionError(unknown("estimator", name, list_estimators()))
    return cls


def _in_the_source(name: str) -> bool:
    """Return whether a module of this name is among the built-in estimators, without an installed entry point."""
    module = f"{GROUP}.{name.replace('-', '_')}"
    if not name.replace("-", "_").isidentifier() or module in {point.module for point in points(GROUP).values()}:
        return False
    try:
        return find_spec(module) is not None
    except ImportError:  # a folder fixlip in the working directory hides the package
        return False


def get_estimator(name: str, **options: Any) -> Estimator:
    """Make an estimator by name.

    Raises:
        OptionError: there is no such estimator or option (the message names the nearest), or a value is out of range.

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
    """Return an estimator that is given as an object, or by its name and options.

    Raises:
        OptionError: as `get_estimator`; or options are given for an estimator object.
    """
    if isinstance(estimator, str):
        return get_estimator(estimator, **(options or {}))
    if not isinstance(estimator, Estimator):
        made = f"{estimator.__name__}()" if isinstance(estimator, type) else "fixlip.get_estimator(name)"
        raise OptionError(f"estimator is a name or an Estimator such as {made}, got {estimator!r}.")
    if options:
        raise OptionError("Options go with the name of an estimator; this estimator has its options already.")
    return estimator
