"""A page for each registered estimator, from the registry, the docstrings and a run of its own example."""

import hashlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from docs._site.staging import ROOT
from fixlip.cli.capabilities import Row, groups, markdown, row
from fixlip.errors import FixlipError
from fixlip.estimator import AXIOMS
from fixlip.registry import estimator_class, get_estimator, list_estimators
from fixlip.request import Request

SIZE = (49, 8)  # players that passes are counted for, as in docs/capabilities.md
PICTURES = ROOT / "build" / "docs-pictures"
LABELS = {
    "answers": "answers",
    "indices": "indices",
    "orders": "orders",
    "pairs": "pairs of players",
    "needs": "needs",
    "exact": "exact once the budget covers all masks",
    "passes": f"passes for {SIZE[0]} patches and {SIZE[1]} words, image + text tower",
    "axioms": "guarantees at full budget",
    "source": "source",
}
CHEAP = (  # tried one after the other: arguments, what they mean for the passes, and the most passes
    ((), Request(), SIZE, 1200),
    (("image_masks=1024", "text_masks=64"), Request(image_masks=1024, text_masks=64), SIZE, 1200),
    (("budget=1000",), Request(budget=1000), SIZE, 2100),
    ((), Request(), SIZE, 4400),
    (('image_players="grid:3"',), Request(), (9, SIZE[1]), 10**6),
)
EXAMPLE = """\
import fixlip
from fixlip.datasets.scenes import make_scene

scene = make_scene(4, names=("dog", "umbrella"))
found = fixlip.explain({arguments})
axes = fixlip.plots.heatmap(found, {words})
"""
INTRODUCTION = f"""\
# Estimators

What each answers and costs: passes of the image + text tower for {SIZE[0]} patches and {SIZE[1]} words, with the
options and the budget that it has by default. The pictures show each one's answer for the word *dog*, or, where it
gives no pairs, for each patch alone: orange raises the similarity, blue lowers it. [What each needs and
guarantees](../capabilities.md) and [how well each finds objects](../estimators.md) are tables of their own.
"""


def write(target: Path, *, draw: bool = True) -> dict[str, str]:
    """Write the pages of all registered estimators, those of plugins too.

    Args:
        target: the folder of the sources of the site.
        draw: also run each example, for its picture.

    Returns:
        The classes that have a page, each with it.
    """
    folder = target / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    own, family = groups(list_estimators())
    heads = sorted({name.partition(":")[0] for name in family})
    pages: dict[str, str] = {}
    for name in own:
        cls = estimator_class(name)
        (folder / f"{name}.md").write_text(page(name, picture(name, folder) if draw else None), "utf-8")
        pages[f"{cls.__module__}.{cls.__qualname__}"] = f"/reference/{name}"
    for head in heads:
        members = [name for name in family if name.startswith(f"{head}:")]
        shown = picture(example_of(members), folder) if draw else None
        base = base_of(members)
        pages[f"{base.__module__}.{base.__qualname__}"] = f"/reference/{head}"
        (folder / f"{head}.md").write_text(family_page(head, members, shown), "utf-8")
    (folder / "index.md").write_text(index(own, heads, folder), "utf-8")
    return pages


def index(own: list[str], heads: list[str], folder: Path) -> str:
    """The page of all estimators, with their pictures."""
    cards = []
    for name in [*own, *heads]:
        drawn = next(iter(sorted(folder.glob(f"{name}.png")) + sorted(folder.glob(f"{name}-*.png"))), None)
        facts = row(name, *SIZE) if name in own else None
        said = facts.answers if facts else f"the estimators of the family `{name}`"
        shown = f"[![{name}]({drawn.name})]({name}.md)\n\n" if drawn else ""
        spent = f"\n\n{facts.passes}" if facts else ""
        cards.append(f":::{{container}} fixlip-card\n{shown}[`{name}`]({name}.md)\n\n{said}{spent}\n:::\n")
    tree = "```{toctree}\n:hidden:\n\n" + "".join(f"{name}\n" for name in [*own, *heads])
    tree += "Table of all </capabilities>\nMeasured </estimators>\n```\n"
    return f"{INTRODUCTION}\n::::{{container}} fixlip-cards\n" + "\n".join(cards) + "::::\n\n" + tree


def page(name: str, shown: str | None) -> str:
    """One estimator."""
    cls, facts = estimator_class(name), row(name, *SIZE)
    parts = [f"# `{name}`", f"{facts.answers[0].upper()}{facts.answers[1:]}."]
    parts += [f"![Heatmap of {name} on the demo scene]({shown})"] if shown else []
    parts += [f"```python\n{example(name)}```", "## What it can do", table_of(facts)]
    parts += ["## Options", options_table(cls), "## Definition", documented(cls)]
    return "\n\n".join(parts) + "\n"


def family_page(head: str, members: list[str], shown: str | None) -> str:
    """Estimators of one entry point: a table of what they can do instead of a page for each."""
    shown_name, base = example_of(members), base_of(members)
    rows = [row(name, *SIZE) for name in members]
    parts = [f"# `{head}:NAME`", (inspect.getdoc(base) or "").split("\n\n")[0]]
    parts += [f"![Heatmap of {shown_name} on the demo scene]({shown})"] if shown else []
    parts += [f"```python\n{example(shown_name)}```", "## What they can do", markdown(rows, list(Row._fields))]
    parts += ["## Options", *(f"`{name}`\n\n{options_table(estimator_class(name))}" for name in members)]
    return "\n\n".join([*parts, "## Definition", documented(base)]) + "\n"


def base_of(members: list[str]) -> type:
    """The class that a family is made from."""
    cls = estimator_class(members[0])
    return cls if cls.__qualname__ in vars(inspect.getmodule(cls)) else cls.__mro__[1]


def documented(cls: type) -> str:
    """The docstring of a class; the site renders it."""
    return f"```{{eval-rst}}\n.. autoclass:: {cls.__module__}.{cls.__qualname__}\n```"


def table_of(facts: Row) -> str:
    """What `fixlip.cli.capabilities.row` says, from top to bottom; a class's own words on its cost are there too."""
    c = estimator_class(facts.name).capabilities
    said = facts._asdict() | {"axioms": ", ".join(c.axioms) or "none of those that are tested", "cost": c.cost}
    said["stderr"] = "yes" if c.stderr else "–"
    assert set(c.axioms) <= set(AXIOMS)
    labels = LABELS | {"cost": "cost in passes", "stderr": "standard errors"}
    lines = [f"| {label} | {said[field].replace('|', '&#124;')} |" for field, label in labels.items()]
    return "\n".join(["| | |", "| --- | --- |", *lines])


def options_table(cls: type) -> str:
    """Name, type, default and meaning of each option."""
    told, kinds = described(cls), get_type_hints(cls)
    lines = [
        f"| `{f.name}` | {kind(kinds[f.name])} | `{f.default!r}` | {told.get(f.name, '')} |".replace("``", "`")
        for f in fields(cls)  # type: ignore[arg-type]
    ]
    return "\n".join(["| option | values | default | |", "| --- | --- | --- | --- |", *lines]) if lines else "None."


def described(cls: type) -> dict[str, str]:
    """What the docstring says of each option."""
    section = re.search(r"^Options:\n((?: {4}.*\n?|\n)+)", inspect.getdoc(cls) or "", re.M)
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?= {4}\w)", "\n" + section[1] if section else ""):
        names, _, text = entry.strip().partition(": ")
        words = " ".join(text.split()).replace("|", "&#124;")
        found |= {name.strip(): words for name in names.split(",") if words}
    return found


def kind(annotation: Any) -> str:
    """An annotation in words."""
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value!r}`" for value in get_args(annotation))
    if isinstance(annotation, UnionType):
        return " or ".join(kind(part) for part in get_args(annotation))
    return {"int": "whole number", "float": "number", "NoneType": "`None`"}.get(
        getattr(annotation, "__name__", ""), f"`{annotation}`"
    )


def example(name: str) -> str:
    """Code that explains the demo scene; for a picture and a caption that are too much, by regions."""
    arguments = ["scene.image", "scene.caption", 'model="demo-clip"', f'estimator="{name}"', *cheaply(name)]
    one = f"found = fixlip.explain({', '.join(arguments)})"
    given = ", ".join(arguments) if len(one) <= 100 else "\n    " + ",\n    ".join(arguments) + ",\n"
    return EXAMPLE.format(
        arguments=given, words='"dog"' if 2 in estimator_class(name).capabilities.orders else "order=1"
    )


def cheaply(name: str) -> Iterator[str]:
    """Arguments with which the demo scene is explained at all, and soon."""
    for arguments, request, size, most in CHEAP:
        try:
            if sum(get_estimator(name).passes(*size, request)) <= most:
                yield from arguments
                return
        except FixlipError:
            continue


def example_of(members: list[str]) -> str:
    """The member of a family that stands for it: one that gives pairs across, and exactly, if there is one."""
    return max(
        members, key=lambda name: (estimator_class(name).capabilities.cross, estimator_class(name).capabilities.exact)
    )


def picture(name: str, folder: Path) -> str:
    """Run the example and keep what it draws; what was drawn by the same code is not drawn again.

    Returns:
        The name of the file in `folder`.
    """
    from PIL import Image

    code = example(name)
    file = f"{name.replace(':', '-')}.png"
    cached = PICTURES / f"{hashlib.sha256((code + version()).encode()).hexdigest()[:16]}.png"
    if not cached.exists():
        PICTURES.mkdir(parents=True, exist_ok=True)
        namespace: dict[str, Any] = {}
        exec(compile(code, name, "exec"), namespace)
        namespace["axes"].figure.savefig(cached, bbox_inches="tight", pad_inches=0, dpi=80)
        low, high = Image.open(cached).convert("L").getextrema()
        if low == high:
            raise ValueError(f"The picture of {name} is blank.")
    (folder / file).write_bytes(cached.read_bytes())
    return file


@cache
def version() -> str:
    """Of the code that draws: all of fixlip, and the estimators."""
    digest = hashlib.sha256()
    for folder in ("fixlip", "estimators"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "cli" not in file.parts and "evaluation" not in file.parts:
                digest.update(file.read_bytes())
    return digest.hexdigest()
