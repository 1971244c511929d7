"""The pages that list others: start of the site, notebooks, results, benchmarks."""

import json
import re
from pathlib import Path

HERE = Path(__file__).parent


def front(target: Path) -> list[str]:
    """Write the first page; names of pages that are not there are left out of it, and returned."""
    text = (HERE / "index.md").read_text("utf-8")
    missing = [name for name in navigation() if not any(target.glob(f"{name}.*"))]
    for name in missing:
        text = re.sub(rf"\[([^\]]*)\]\({re.escape(name)}\.\w+\)", r"\1", re.sub(rf"(?m)^{re.escape(name)}\n", "", text))
    (target / "index.md").write_text(text, "utf-8")
    return missing


def navigation() -> list[str]:
    """The pages of the side bar, in order."""
    blocks = re.findall(r"```\{toctree\}\n(?::[^\n]*\n)+\n(.*?)```", (HERE / "index.md").read_text("utf-8"), re.S)
    return [name for block in blocks for name in block.split()]


def folders(target: Path) -> None:
    """Write the pages of notebooks and benchmarks, and add the pages of results to theirs."""
    books = sorted((target / "notebooks").glob("*.ipynb"))
    words = "Each runs offline on the bundled models; a line in its first cell changes to models of your own."
    listed(target / "notebooks" / "index.md", "Notebooks", words, [(p.stem, title(p), about(p)) for p in books])
    pages = sorted((target / "benchmarks").glob("*.md"))
    words = "Measured by `python -m benchmarks`; each page says what was run, and on what."
    listed(target / "benchmarks" / "index.md", "What it costs", words, [(p.stem, title(p), "") for p in pages])
    results = target / "results" / "index.md"
    stems = [p.stem for p in sorted((target / "results").glob("*.md")) if p != results]
    results.write_text(results.read_text("utf-8") + "\n" + toctree(stems), "utf-8")


def listed(page: Path, heading: str, words: str, entries: list[tuple[str, str, str]]) -> None:
    """A page with a line and a place in the side bar for each entry: document, title, what it is about."""
    lines = [f"- [{name}]({stem}{suffix(page.parent / stem)}){'. ' * bool(text)}{text}" for stem, name, text in entries]
    body = [f"# {heading}", words, "\n".join(lines), toctree([stem for stem, _, _ in entries])]
    page.write_text("\n\n".join(body), "utf-8")


def suffix(page: Path) -> str:
    """Of the file of a page."""
    return next(p.suffix for p in page.parent.glob(f"{page.name}.*") if p.suffix in (".md", ".ipynb", ".rst"))


def toctree(names: list[str]) -> str:
    """Pages below this one."""
    return "```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```\n"


def words_of(page: Path) -> str:
    """The Markdown of a page, of a notebook that of its cells of words."""
    text = page.read_text("utf-8")
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return text


def title(page: Path) -> str:
    """The first heading."""
    found = re.search(r"^# (.+)$", words_of(page), re.M)
    return found[1].replace("`", "") if found else page.stem.replace("_", " ")


def about(page: Path) -> str:
    """The first paragraph after the first heading, on one line."""
    found = re.search(r"^# .+\n+((?:[^\n#].*\n?)+)", words_of(page), re.M)
    return " ".join(found[1].split()) if found else ""
