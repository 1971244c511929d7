"""The docs: their Python runs, their commands, links, pictures and formulas exist, and every public name is explained.

``python`` blocks of a page are run in order, in one namespace and an empty folder. A block marked ``py``, or one after
``<!-- not run: why -->``, needs weights or data: it must compile, and what it takes from fixlip must exist.
"""

import ast
import importlib.util
import inspect
import re
from collections import Counter
from dataclasses import fields
from importlib import import_module, metadata

import pytest

import fixlip
from docs import pages
from docs.names import home_of, homes
from fixlip import registry
from fixlip.cli import GROUPS
from tests.helpers.browser import browser  # noqa: F401, a fixture
from tests.helpers.paths import ROOT

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "benchmarks" / "results").glob("*.md")),
]
RUN_ELSEWHERE = {"README.md": "test_readme.py", "docs/evaluation.md": "test_evaluation.py"}
BLOCK = re.compile(
    r"^(?P<note><!-- not run:[^>]*-->\n+)?(?P<indent> *)```(?P<kind>\w+)\n(?P<code>.*?)^ *```", re.S | re.M
)
UNDOCUMENTED = ROOT / "scripts" / "undocumented.py"


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def blocks(text, kind, *, run=None):
    """Code of one kind: all of it, or that which is run, or that which is not."""
    for found in BLOCK.finditer(text):
        runs = found["kind"] != "py" and not found["note"]
        if found["kind"] in ((kind,) if kind != "python" else ("python", "py")) and run in (None, runs):
            yield re.sub(rf"^{found['indent']}", "", found["code"], flags=re.M)


def pages_with(kind, **which):
    return [p for p in PAGES if any(blocks(p.read_text("utf-8"), kind, **which))]


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with("python", run=True), ids=name_of)
def test_the_python_runs(page, tmp_path, monkeypatch):
    if name_of(page) in RUN_ELSEWHERE:
        pytest.skip(f"run by {RUN_ELSEWHERE[name_of(page)]}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    namespace = {"__name__": "__main__"}
    for block in blocks(page.read_text("utf-8"), "python", run=True):
        exec(compile(block, page.name, "exec"), namespace)


def test_what_runs_elsewhere_does():
    for page, test in RUN_ELSEWHERE.items():
        assert "test_the_python_runs" in (ROOT / "tests" / "docs" / test).read_text("utf-8"), page


def unknown(code):
    """Modules, names and keywords that a piece of code takes from fixlip and that do not exist."""
    tree = ast.parse(code)
    known = {"fixlip": fixlip}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fixlip"):
            for alias in node.names:
                try:
                    known[alias.asname or alias.name] = getattr(import_module(node.module), alias.name)
                except (ImportError, AttributeError):
                    try:
                        known[alias.asname or alias.name] = import_module(f"{node.module}.{alias.name}")
                    except ImportError:
                        yield f"{node.module}.{alias.name}"

    def found(node):
        if isinstance(node, ast.Name):
            return known.get(node.id)
        if isinstance(node, ast.Attribute) and inspect.ismodule(owner := found(node.value)):
            return getattr(owner, node.attr, None)
        return None

    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and inspect.ismodule(owner := found(node.value)) and found(node) is None:
            yield f"{owner.__name__}.{node.attr}"
        if isinstance(node, ast.Call) and callable(function := found(node.func)):
            parameters = inspect.signature(function).parameters
            if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                yield from (
                    f"{function.__name__}({k.arg}=)" for k in node.keywords if k.arg and k.arg not in parameters
                )


@pytest.mark.parametrize("page", pages_with("python"), ids=name_of)
def test_what_the_python_takes_from_fixlip_exists(page):
    for block in blocks(page.read_text("utf-8"), "python"):
        assert list(unknown(block)) == [], block


def test_the_check_of_python_sees_what_is_wrong():
    wrong = "import fixlip\nfrom fixlip.api.captions import rnk\nfixlip.explane()\nfixlip.explain(x, y, modl=3)"
    assert sorted(unknown(wrong)) == ["explain(modl=)", "fixlip.api.captions.rnk", "fixlip.explane"]
    page = (
        "```python\nrun()\n```\n\n```py\nnot_run()\n```\n<!-- not run: needs weights -->\n```python\nnor_this()\n```\n"
    )
    assert list(blocks(page, "python", run=True)) == ["run()\n"]
    assert list(blocks(page, "python", run=False)) == ["not_run()\n", "nor_this()\n"]


@pytest.mark.parametrize("page", [*pages_with("bash"), *pages_with("console")], ids=name_of)
def test_the_commands_exist(page, cli):
    text = page.read_text("utf-8")
    lines = "\n".join([*blocks(text, "bash"), *blocks(text, "console")]).replace("\\\n", " ").splitlines()
    for line in lines:
        for command in re.split(r"&&|\||;", line.split(" #")[0]):
            assert wrong_with(command.removeprefix("$ ").strip(), cli) is None, command


def wrong_with(command, cli):
    """The first mistake in a command of fixlip, of Python or of a script; None if it is right."""
    words = re.sub(r"^(\w+=\S+ +)+", "", command).split()
    if words[:2] == ["python", "-m"] and words[2] == "fixlip":
        words = words[2:]
    if words[:1] == ["fixlip"] and len(words) > 1 and not words[1].startswith("-"):
        path = words[1:3] if words[1] in {group.__name__ for group in GROUPS} else words[1:2]
        code, help_text, _ = cli(*path, "--help")
        if code:
            return f"no command {' '.join(path)}"
        flags = re.findall(r"(?<!\S)--[a-z][a-z-]*", command)
        return next((flag for flag in flags if not re.search(rf"{flag}(?![\w-])", help_text)), None)
    if words[:2] == ["python", "-m"]:
        return None if importlib.util.find_spec(words[2]) else f"no module {words[2]}"
    if words[:1] in (["python"], ["pytest"], ["bash"]):
        return next((w for w in words[1:] if w.endswith((".py", ".sh")) and "/" in w and not (ROOT / w).exists()), None)
    return None


def test_the_check_of_commands_sees_what_is_wrong(cli):
    assert wrong_with("fixlip explain x.jpg 'a dog' --html a.html", cli) is None
    assert wrong_with("fixlip explain x.jpg 'a dog' --htm a.html", cli) == "--htm"
    assert wrong_with("fixlip explane x.jpg", cli) == "no command explane"
    assert wrong_with("python -m benchmarks.nothing", cli) == "no module benchmarks.nothing"
    assert wrong_with("python scripts/nothing.py", cli) == "scripts/nothing.py"


def anchors(text):
    """Anchors of the headings of a page, as code hosts and the site make them."""
    plain = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    slugs, seen = set(), Counter()
    for heading in re.findall(r"^#+ +(.+?) *$", plain, re.M):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        slugs.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return slugs


def links(text):
    """Target and anchor of each link of a Markdown text that leads to a file or to a heading."""
    for part in re.split(r"(```.*?\n```|`[^`\n]+`)", text, flags=re.S):
        if not part.startswith("`"):
            for match in re.finditer(r"\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]*))?[)\s]", part):
                yield match[1], match[2] or ""


def broken(page, text):
    """Links of a page that lead nowhere in the repository."""
    for target, anchor in links(text):
        file = page.parent / target if target else page
        if not file.exists():
            yield target
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text("utf-8") if target else text):
            yield f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_lead_somewhere(page):
    assert list(broken(page, page.read_text("utf-8"))) == []


def test_the_check_of_links_sees_what_is_wrong():
    text = (
        "# A heading\n[a](nothing.md) ![b](docs/none.png) [c](#a-heading) [d](#another) [e](README.md#test-it) `[f](g)`"
    )
    assert list(broken(ROOT / "CHANGELOG.md", text)) == ["nothing.md", "docs/none.png", "#another"]


def test_the_version_is_one():
    project, cited, changes = (
        (ROOT / n).read_text("utf-8") for n in ("pyproject.toml", "CITATION.cff", "CHANGELOG.md")
    )
    newest = re.search(r"^## \[(\d.*)\] - (\d{4}-\d\d-\d\d)$", changes, re.M)
    assert re.search(r'^version = "(.*)"$', project, re.M)[1] == newest[1]
    assert re.search(r"^version: (.*)$", cited, re.M)[1] == newest[1]
    assert re.search(r"^date-released: (.*)$", cited, re.M)[1] == newest[2]


def in_navigation():
    """The pages that the site's first page lists, patterns followed."""
    text = (ROOT / "docs" / "index.md").read_text("utf-8")
    for block in re.findall(r"```\{toctree\}\n(?::[^\n]*\n)+\n(.*?)```", text, re.S):
        for entry in block.split():
            yield from (path.resolve() for path in (ROOT / "docs").glob(f"{entry}.*"))


def test_every_term_of_the_interactive_page_is_in_the_glossary():
    script = (ROOT / "fixlip" / "viewer" / "table.js").read_text("utf-8")
    terms = re.findall(r'^  "?([^":]+)"?: "', re.search(r"const TERMS = \{(.*?)\};", script, re.S)[1], re.M)
    words = re.findall(r"^\| \*\*(.+?)\*\*", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.M)
    assert len(terms) > 4
    assert {term.removeprefix("fit ") for term in terms} <= set(words)


def test_every_page_is_in_the_navigation():
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    wanted = {*PAGES, *notebooks, ROOT / "docs" / "api.rst"} - {ROOT / "README.md", ROOT / "docs" / "index.md"}
    assert wanted <= set(in_navigation())


def test_every_option_is_described(undocumented):
    for name in fixlip.list_estimators():
        cls = fixlip.estimator_class(name)
        options = undocumented.sections(inspect.getdoc(cls)).get("Options", "")
        assert {f.name for f in fields(cls)} <= undocumented.entries(options), name


DIRECTIVES = r"(?:py:data|auto(?:function|class|exception))"


def test_every_public_name_is_on_a_page(tmp_path, undocumented):
    pages.write(tmp_path)
    text = "".join(p.read_text("utf-8") for p in tmp_path.glob("*.rst"))
    for module, names in homes().items():
        assert f".. automodule:: {module}\n" in text
        for name in names:
            assert len(re.findall(rf"^\.\. {DIRECTIVES}:: {re.escape(module)}\.{name}$", text, re.M)) == 1, (
                module,
                name,
            )
    assert {f"fixlip.{name}" for name in fixlip.__all__} <= {f"{m}.{n}" for m, names in homes().items() for n in names}
    assert ".. autofunction:: fixlip.api.explain.explain\n" not in text  # its home is `fixlip.explain`
    assert undocumented.modules_that_users_meet() <= set(homes())


def test_names_in_backticks_lead_to_what_exists():
    assert home_of("fixlip.api.explain.explain") == "fixlip.explain"
    assert home_of("fixlip.Explanation.heatmap") == "fixlip.Explanation.heatmap"
    assert home_of("fixlip.explane") is None
    assert home_of("fixlip.Explanation.heatmp") is None


@pytest.fixture
def undocumented():
    spec = importlib.util.spec_from_file_location("undocumented", UNDOCUMENTED)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nothing_public_is_undocumented(undocumented):
    assert undocumented.findings() == []


def test_the_check_of_docstrings_sees_what_is_wrong(undocumented):
    def wrong(a, b, c):
        """Do.

        Args:
            a, d: x.
        """
        raise fixlip.InputError("never told.")

    def silent(a, b, c) -> int:
        """Do."""

    def good(a, b):
        """Do `a` with `b`.

        Raises:
            InputError: always.
        """
        raise fixlip.InputError("told.")

    assert list(undocumented.of_function(wrong, inspect.getdoc(wrong))) == [
        "Args has d, the signature has not",
        "Args lacks b, c",
        "Raises lacks InputError",
    ]
    assert list(undocumented.of_function(silent, "Do.")) == ["says nothing of a, b, c"]
    assert list(undocumented.of_function(good, inspect.getdoc(good))) == []


FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$\w])\$(?!\s)([^$\n]+?)(?<!\s)\$(?!\w)", re.S)


@pytest.mark.browser
def test_every_formula_can_be_drawn(browser):  # noqa: F811
    try:
        package = metadata.distribution("sphinx-mathjax-offline")
    except metadata.PackageNotFoundError:
        pytest.skip("needs the extra docs")
    formulas = [
        found[1] or found[2]
        for page in PAGES
        for found in FORMULA.finditer(re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.S))
    ]
    wrong = [r"\nothing{x}", r"\frac{1"]
    page = browser.new_page()
    page.set_content("<script>MathJax = {startup: {typeset: false}}</script>")
    page.add_script_tag(path=package.locate_file("sphinx-mathjax-offline/static/mathjax/tex-svg-full.js"))
    red = "[data-mjx-error], [data-mml-node=merror], [fill=red]"  # what MathJax makes of what it cannot read
    failed = page.evaluate(
        "async ([all, red]) => { await MathJax.startup.promise;"
        "return all.filter((tex) => MathJax.tex2svg(tex).querySelector(red)) }",
        [[*formulas, *wrong], red],
    )
    page.close()
    assert failed == wrong
