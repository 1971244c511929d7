"""Docstrings on the site: single backticks are links where they name something of fixlip, else code."""

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

from docs.names import home_of

LEADS = re.compile(r"^(Error|Cost|Source|Departures?|Reading taken|Limits?): ")
CODE = re.compile(r"(``.*?``)")
COLON = "\N{MODIFIER LETTER COLON}"
FOLDER = re.compile(r"\]\(((?:\.\./)*)(benchmarks/results|notebooks)/?\)")
FIRST = {"benchmarks/results": "README.md", "notebooks": "quickstart.ipynb"}


def before(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Before napoleon: leads such as ``Cost:`` in bold, bars without a meaning, properties without a type."""
    for k, line in enumerate(lines):
        parts = CODE.split(LEADS.sub(r"**\1.** ", line))
        lines[k] = "".join(part if part.startswith("``") else part.replace("|", r"\|") for part in parts)
    if lines and what in ("property", "attribute", "data"):
        lines[0] = lines[0].replace(":", COLON)


def after(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """After napoleon: restore what `before` hid from it."""
    lines[:] = [line.replace(COLON, ":") for line in lines]


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element) -> nodes.Node | None:
    """A link for a name by its end alone, `Explanation.predict` say, or for several names with commas between them."""
    if node.get("refdomain") != "py":
        return None
    target = re.sub(r"\(.*", "", node["reftarget"])
    if ", " in target or " | " in target:
        return several(app, env, node, target)
    found = by_end(env, target)
    if found:
        document, anchor = found
        return make_refnode(app.builder, node["refdoc"], document, anchor, content, target)
    return content if node.get("reftype") == "obj" and not target.startswith("fixlip.") else None


def several(app: Sphinx, env: BuildEnvironment, node: pending_xref, target: str) -> nodes.Node:
    """Each of the names as a link of its own."""
    parts = nodes.inline()
    for k, name in enumerate(re.split(r", | \| ", target)):
        parts += nodes.Text(", ") if k else nodes.Text("")
        shown = nodes.literal(text=name)
        found = by_end(env, name)
        parts += make_refnode(app.builder, node["refdoc"], *found, shown, name) if found else shown
    return parts


def by_end(env: BuildEnvironment, target: str) -> tuple[str, str] | None:
    """The document and the anchor of an object, if no other path has the same end."""
    objects = env.domains.python_domain.objects
    target = home_of(target) or target
    if target.startswith("fixlip.") and target not in objects:
        target = target.rpartition(".")[0] if home_of(target) else target  # a field: its class tells of it
    found = [path for path in objects if path == target] or [path for path in objects if path.endswith(f".{target}")]
    places = {(objects[path].docname, objects[path].node_id) for path in found}
    return places.pop() if len(places) == 1 else None


def read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Before a page is read: links to a folder lead to its first page."""
    source[0] = FOLDER.sub(lambda match: f"]({match[1]}{match[2]}/{FIRST[match[2]]})", source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Join Sphinx."""
    app.connect("autodoc-process-docstring", before, priority=400)
    app.connect("autodoc-process-docstring", after, priority=600)
    app.connect("missing-reference", resolve)
    app.connect("source-read", read)
    app.config.default_role = "py:obj"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
