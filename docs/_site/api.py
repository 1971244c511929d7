"""A page for each public module, with every public name on one of them."""

import inspect
import re
from importlib import import_module
from pathlib import Path

from docs._site.names import comment, defined, homes, path_of

GROUPS = {  # what users of fixlip meet; the rest are parts that it is made of
    "Explain": (
        "fixlip",
        "fixlip.api.cost",
        "fixlip.players.regions",
        "fixlip.results.removal_curves",
    ),
    "Look at it": (
        "fixlip.plots",
        "fixlip.viewer",
        "fixlip.results.gallery",
        "fixlip.results.contrast",
        "fixlip.results.storage",
    ),
    "Models": ("fixlip.encoders", "fixlip.encoders.encoder", "fixlip.encoders.removal", "fixlip.training"),
    "Data and measures": ("fixlip.datasets", "fixlip.datasets.scenes", "fixlip.metrics", "fixlip.evaluation"),
    "For estimators of your own": (
        "fixlip.estimator",
        "fixlip.games",
        "fixlip.games.counted",
        "fixlip.games.closed_form",
        "fixlip.gradients.attention",
        "fixlip.fitting.sampling",
        "fixlip.fitting.moments",
        "fixlip.fitting.surrogate",
    ),
}
PARTS = "Parts"
LISTED_FROM = 4  # names of a page
INTRODUCTION = """\
API
===

Every public name, once, at the shortest path that leads to it. What is listed under *{parts}* is what fixlip is made
of; it is documented for those who build on it, and may change from one version to the next.

"""


def write(target: Path, elsewhere: dict[str, str]) -> set[str]:
    """Write all pages.

    Args:
        target: the folder of the sources of the site.
        elsewhere: pages of names that have one of their own.

    Returns:
        The names that are on a page.
    """
    folder = target / "api"
    folder.mkdir(parents=True, exist_ok=True)
    written: set[str] = set(elsewhere)
    for module, names in homes().items():
        text, found = page(module, names, elsewhere)
        (folder / f"{module}.rst").write_text(text, "utf-8")
        written |= found
    (folder / "index.rst").write_text(index(), "utf-8")
    return written


def groups() -> dict[str, list[str]]:
    """The modules by group; those that no group names are parts."""
    named = {heading: [m for m in modules if m in homes()] for heading, modules in GROUPS.items()}
    return named | {PARTS: [m for m in homes() if m not in sum(GROUPS.values(), ()) and has_words(m)]}


def has_words(module: str) -> bool:
    """Whether there is anything to say on its page."""
    return bool(homes()[module] or defined(import_module(module)))


def index() -> str:
    """The page of all modules."""
    text = INTRODUCTION.format(parts=PARTS)
    for heading, modules in groups().items():
        text += f"{heading}\n{'-' * len(heading)}\n\n"
        for module in modules:
            text += f"- :doc:`{module} <{module}>`: {first_sentence(import_module(module))}\n"
        text += "\n.. toctree::\n   :hidden:\n\n" + "".join(f"   {module} <{module}>\n" for module in modules) + "\n"
    return text


def page(module: str, names: tuple[str, ...], elsewhere: dict[str, str]) -> tuple[str, set[str]]:
    """The page of one module, and the names that it documents."""
    heading = f"``{module}``"
    lines = [
        ":orphan:\n" if not has_words(module) else "",
        heading,
        "=" * len(heading),
        "",
        f".. automodule:: {module}",
    ]
    lines += ["   :no-index:"] if is_a_name(module) else []
    lines += [""]
    found = set()
    others = [n for n in defined(import_module(module)) if n not in names]
    if others:
        lines += ["Also here: " + ", ".join(f":py:obj:`{name} <{path_of(module, name)}>`" for name in others) + ".", ""]
    if len(names) >= LISTED_FROM:
        lines += [
            "",
            *(listing(f"{module}.{n}", getattr(import_module(module), n)) for n in ordered(module, names)),
            "",
        ]
    for name in ordered(module, names):
        path = f"{module}.{name}"
        if path in elsewhere:
            lines += [f"``{name}``: see :doc:`{elsewhere[path]}`.", ""]
        else:
            lines += directive(module, name)
            found.add(path)
    return "\n".join(lines) + "\n", found


def directive(module: str, name: str) -> list[str]:
    """What documents one name."""
    thing = getattr(import_module(module), name)
    if inspect.isclass(thing):
        kind = "autoexception" if issubclass(thing, Exception) else "autoclass"
        bases = ["   :show-inheritance:"] if thing.__bases__ != (object,) and not issubclass(thing, tuple) else []
        return [f".. {kind}:: {module}.{name}", "   :members:", *bases, ""]
    if callable(thing):
        return [f".. autofunction:: {module}.{name}", ""]
    return [f".. py:data:: {module}.{name}", "", *(f"   {line}" for line in comment(name, thing).splitlines()), ""]


def ordered(module: str, names: tuple[str, ...]) -> list[str]:
    """Functions, then classes, then errors, each in the order of the module."""

    def place(name: str) -> int:
        thing = getattr(import_module(module), name)
        return 0 if not inspect.isclass(thing) else 1 + issubclass(thing, Exception)

    return sorted(names, key=place)


def listing(path: str, thing: object) -> str:
    """A line for the list at the top of a page."""
    name = path.rpartition(".")[2]
    words = comment(name, thing) if not callable(thing) else inspect.getdoc(thing) or ""
    sentence = re.split(r"(?<=[.:]) |\n\n|:$", " ".join(words.split("\n\n")[0].split()))[0].rstrip(":.")
    return f"- :py:obj:`{name} <{path}>`: {sentence}."


def is_a_name(module: str) -> bool:
    """Whether a function has the same path: `fixlip.metrics.grounding`, in a module of that name."""
    package, _, name = module.rpartition(".")
    return name in homes().get(package, ())


def first_sentence(thing: object) -> str:
    """Of a docstring."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
