"""Parts that other packages add to fixlip, found by their entry points."""

import warnings
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from fixlip.errors import OptionError


@cache
def points(group: str) -> dict[str, EntryPoint]:
    """Entry points of a group by name; nothing is imported.

    Raises:
        OptionError: two packages give different things one name.
    """
    by_name: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        other = by_name.setdefault(point.name, point)
        if other.value != point.value:
            raise OptionError(f"Two packages register {point.name!r} in {group}: {other.value}, {point.value}.")
    return by_name


@cache
def plugins(group: str) -> dict[str, Any]:
    """Objects that the packages of a group offer, by name; one that cannot be imported is skipped with a warning.

    Raises:
        OptionError: two packages give different things one name.
    """
    objects = {}
    for name, point in points(group).items():
        try:
            objects[name] = point.load()
        except Exception as error:  # a package may raise anything; the others go on
            warnings.warn(f"{name!r} in {group} ({point.value}) is skipped: {error}", stacklevel=3)
    return objects


def joined(group: str, built_in: dict[str, Any]) -> dict[str, Any]:
    """Join the parts that come with fixlip and those that packages add in a group.

    Raises:
        OptionError: a package uses a name that is taken.
    """
    added = plugins(group)
    for name in added:
        if name in built_in:
            raise OptionError(f"{points(group)[name].value} is called {name!r} in {group}; that name is taken.")
    return {**built_in, **added}
