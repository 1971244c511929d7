"""Public names without documentation, and documentation that does not fit; exits with 1 if there are any.

Every public name (`docs/names.py` says which are public) has a docstring of its own. Those that users meet (in the
modules that `docs/api.rst` names) also describe their arguments: the names under Args are those of the signature, none
is missing, and without Args at most two are left to speak for themselves. Every FixlipError that they raise themselves
is under Raises.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from docs.names import comment, homes, members
from fixlip import errors

ROOT = Path(__file__).parents[1]
RAISED = {name for name, thing in vars(errors).items() if isinstance(thing, type) and issubclass(thing, Exception)}
SECTION = re.compile(r"^(Args|Attributes|Options|Returns|Raises|Yields|Example):\n((?:[ ]{4}.*\n?|\n)+)", re.M)
ENTRY = re.compile(r"^ {4}(\*{0,2}\w[\w, *.]*?)(?: \(.*?\))?: ", re.M)
ELSEWHERE = re.compile(r"See `[\w.]+`\.")  # the docstring of a method that the base class describes
REST = re.compile(r"\.\.\.:|the rest as in")  # what another function describes
MOST_SILENT = 2  # arguments that speak for themselves, in a function without Args


def sections(doc: str) -> dict[str, str]:
    """The sections of a Google docstring."""
    return {match[1]: match[2] for match in SECTION.finditer(doc)}


def entries(section: str) -> set[str]:
    """The names that a section describes; several may share a line."""
    return {name.strip("* ") for match in ENTRY.finditer(section) for name in match[1].split(",")}


def of_function(function: Callable[..., Any], doc: str) -> Iterator[str]:
    """The faults in the documentation of a function."""
    if ELSEWHERE.fullmatch(doc):
        return
    parts = sections(doc)
    names = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    silent = [name for name in names if not mentioned(name, doc)]
    if "Args" in parts:
        described = entries(parts["Args"])
        if unknown := described - set(names) - {"..."}:
            yield f"Args has {', '.join(sorted(unknown))}, the signature has not"
        if silent and not REST.search(parts["Args"]):
            yield f"Args lacks {', '.join(silent)}"
    elif len(silent) > MOST_SILENT:
        yield f"says nothing of {', '.join(silent)}"
    told = parts.get("Raises", "") + "".join(re.findall(r"Raises: .*", doc))
    if untold := [name for name in sorted(raises(function)) if name not in told and "FixlipError" not in told]:
        yield f"Raises lacks {', '.join(untold)}"


def mentioned(name: str, doc: str) -> bool:
    """Return whether a sentence of the docstring names an argument."""
    return re.search(rf"(?<!\w){name.rstrip('_')}(?!\w)", doc) is not None


def raises(function: Callable[..., Any]) -> set[str]:
    """The errors of fixlip that a function raises in its own body."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = getattr(node.exc.func, "id", getattr(node.exc.func, "attr", ""))
            found |= {name} & RAISED
    return found


def modules_that_users_meet() -> set[str]:
    """The modules that `docs/api.rst` names."""
    return set(re.findall(r":py:mod:`([\w.]+)`", (ROOT / "docs" / "api.rst").read_text("utf-8")))


def findings() -> list[str]:
    """A line for each fault."""
    found = []
    met = modules_that_users_meet()
    for module, names in homes().items():
        if not inspect.getdoc(import_module(module)):
            found.append(f"{module}: no docstring")
        for name in names:
            thing = getattr(import_module(module), name)
            for path, function, doc in documented(f"{module}.{name}", thing):
                if not doc:
                    found.append(f"{path}: no docstring")
                elif module in met and function is not None:
                    found += [f"{path}: {fault}" for fault in of_function(function, doc)]
    return found


def documented(path: str, thing: Any) -> Iterator[tuple[str, Callable[..., Any] | None, str | None]]:
    """A name, and the methods of a class, each with its function and docstring; what a dataclass writes is none."""
    doc = inspect.getdoc(thing) if callable(thing) else comment(path.rpartition(".")[2], thing)
    if not inspect.isclass(thing):
        yield path, inspect.unwrap(thing) if callable(thing) else None, doc
        return
    yield path, None, None if (doc or "").startswith(f"{thing.__name__}(") else doc
    for name, function in members(thing):
        yield f"{path}.{name}", function, inspect.getdoc(getattr(thing, name))


if __name__ == "__main__":
    faults = findings()
    print("\n".join(faults) or "none: every public name is documented")
    sys.exit(bool(faults))
