"""The public names: where each is documented, once.

Public are all modules of fixlip but the command line, whose interface is its commands, and in them what ``__all__``
lists, or else the functions and classes that are defined there, without a leading underscore. The home of an object
is the shortest path to it: `fixlip.explain`, not ``fixlip.api.explain.explain``.
"""

import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import fixlip.estimators

NO_API = ("fixlip.cli", "fixlip.__main__")


@cache
def public_modules() -> tuple[str, ...]:
    """The names of all modules but those of the command line, packages before what is in them."""
    found = ["fixlip", *(m.name for m in pkgutil.walk_packages(fixlip.__path__, "fixlip."))]
    found += ["fixlip.estimators"]
    found += [m.name for m in pkgutil.iter_modules(fixlip.estimators.__path__, "fixlip.estimators.")]
    kept = (name for name in found if not name.startswith(NO_API) and "._" not in name)
    return tuple(sorted(set(kept)))


def defined(module: ModuleType) -> list[str]:
    """The names that a module offers: its ``__all__``, or the public functions and classes that it defines."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    here = (n for n, thing in vars(module).items() if getattr(thing, "__module__", None) == module.__name__)
    return [n for n in here if not n.startswith("_") and is_function_or_class(getattr(module, n))]


def is_function_or_class(thing: Any) -> bool:
    """Whether a thing is no constant; functions with a cache count as functions."""
    return inspect.isclass(thing) or inspect.isfunction(inspect.unwrap(thing) if callable(thing) else thing)


@cache
def homes() -> dict[str, tuple[str, ...]]:
    """The names that each public module is the home of; a name that has a shorter path is left to that."""
    seen: set[int] = set()
    found: dict[str, tuple[str, ...]] = {}
    for module in sorted(
        public_modules(), key=lambda name: (name.count("."), not hasattr(import_module(name), "__all__"))
    ):
        names = []
        for name in defined(import_module(module)):
            thing = getattr(import_module(module), name)
            if isinstance(thing, ModuleType) or id(thing) in seen:
                continue
            seen.add(id(thing))
            names.append(name)
        found[module] = tuple(names)
    return dict(sorted(found.items()))


def members(cls: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that a class defines itself."""
    for name, thing in vars(cls).items():
        thing = getattr(thing, "fget", None) or getattr(thing, "func", None) or getattr(thing, "__func__", thing)
        if not name.startswith("_") and inspect.isfunction(thing):
            yield name, thing


def path_of(module: str, name: str) -> str | None:
    """The home of a thing that a module has under a name; None where the thing is not public."""
    thing = getattr(import_module(module), name, None)
    for home, names in homes().items():
        for other in names:
            if getattr(import_module(home), other) is thing:
                return f"{home}.{other}"
    return None


def home_of(path: str) -> str | None:
    """The path by which the site knows a thing or a member that has other paths too; None for no such thing."""
    parts = path.split(".")
    for k in range(len(parts) - 1, 0, -1):
        if ".".join(parts[:k]) in homes():
            found = path_of(".".join(parts[:k]), parts[k])
            thing = getattr(import_module(".".join(parts[:k])), parts[k], None)
            if parts[k + 1 :] and not has_member(thing, parts[k + 1]):
                return None
            return found and ".".join([found, *parts[k + 1 :]])
    return None


def has_member(cls: Any, name: str) -> bool:
    """Whether a class has a method, a property or a field of that name."""
    return hasattr(cls, name) or any(name in vars(c).get("__annotations__", {}) for c in getattr(cls, "__mro__", ()))


def comment(name: str, thing: Any) -> str:
    """The description of a constant: the lines ``#:`` above it, where it is defined."""
    for module in map(import_module, public_modules()):
        if vars(module).get(name) is thing:
            found = re.search(rf"^((?:#: .*\n)+){name}\b", inspect.getsource(module), re.M)
            if found:
                return re.sub(r"^#: ", "", found[1], flags=re.M).strip()
    return ""
