"""A page for each public module, with every public name on one of them.

Sphinx' autosummary writes the table at the top of a page, but cannot list the pages: packages export names lazily, from
modules that it would then leave out, and a function such as `fixlip.metrics.grounding` hides the module of that name.
"""

import inspect
from importlib import import_module
from pathlib import Path

from docs.names import comment, defined, homes, path_of


def write(folder: Path) -> None:
    """Write all pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for module, names in homes().items():
        (folder / f"{module}.rst").write_text(page(module, names), "utf-8")


def page(module: str, names: tuple[str, ...]) -> str:
    """The page of a module, with the names whose home it is: functions, then classes, then errors."""
    things = {name: getattr(import_module(module), name) for name in names}
    kinds = {name: kind_of(thing) for name, thing in things.items()}
    package, _, last = module.rpartition(".")
    hidden = last in homes().get(package, ())  # behind a function with the same path
    lines = [f"``{module}``", "=" * (len(module) + 4), "", f".. automodule:: {module}", "   :no-index:" * hidden, ""]
    if others := [name for name in defined(import_module(module)) if name not in names]:
        lines += ["Also here: " + ", ".join(f":py:obj:`{name} <{path_of(module, name)}>`" for name in others) + ".", ""]
    if summed := [name for name in names if callable(things[name])]:
        lines += [f".. py:currentmodule:: {module}", "", ".. autosummary::", "", *(f"   {name}" for name in summed), ""]
    for name in sorted(names, key=lambda name: ORDER.index(kinds[name])):
        lines += [f".. {kinds[name]}:: {module}.{name}"]
        if kinds[name] == "py:data":
            lines += ["", *(f"   {line}" for line in comment(name, things[name]).splitlines())]
        elif kinds[name] != "autofunction":
            lines += ["   :members:"]
            lines += ["   :show-inheritance:"] * (things[name].__bases__ != (object,) and not is_tuple(things[name]))
        lines += [""]
    return "\n".join(lines)


ORDER = ("py:data", "autofunction", "autoclass", "autoexception")


def kind_of(thing: object) -> str:
    """The directive that documents a thing."""
    if inspect.isclass(thing):
        return "autoexception" if issubclass(thing, Exception) else "autoclass"
    return "autofunction" if callable(thing) else "py:data"


def is_tuple(cls: type) -> bool:
    """Whether a class is a tuple with names, whose base tells nothing."""
    return issubclass(cls, tuple)
