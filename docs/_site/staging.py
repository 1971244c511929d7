"""The sources of the site in one folder: pages of ``docs``, the changelog, results, notebooks, links set right."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {  # outside of docs, or called otherwise there
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "docs/results/README.md": "results/index.md",
}
FOLDERS = {"docs": "", "benchmarks/results": "benchmarks", "notebooks": "notebooks"}
KINDS = (".md", ".png", ".svg", ".jpg", ".ipynb", ".html")
INDICES = {
    "README.md": "index.md",
    "docs": "index.md",
    "benchmarks/results": "benchmarks/index.md",
    "notebooks": "notebooks/index.md",
}
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?(?=[)\s])")
FENCE = re.compile(r"(```.*?\n```|`[^`\n]+`)", re.S)


def stage(target: Path) -> None:
    """Copy every page and picture of the site under `target`, with links between them that hold there."""
    executed = os.environ.get("FIXLIP_EXECUTED")
    for source, place in sources().items():
        file = ROOT / source
        if executed and file.suffix == ".ipynb" and (Path(executed) / file.name).exists():
            file = Path(executed) / file.name
        new = target / place
        new.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".md":
            new.write_text(relinked(file.read_text("utf-8"), source, target), "utf-8")
        elif file.suffix == ".ipynb":
            new.write_text(json.dumps(notebook(file, source, target)), "utf-8")
        else:
            shutil.copyfile(file, new)


@cache
def sources() -> dict[str, str]:
    """Of each file in the repository that is part of the site: where it is in the site."""
    found = dict(PAGES)
    for folder, place in FOLDERS.items():
        for file in sorted((ROOT / folder).rglob("*")):
            source = file.relative_to(ROOT)
            if file.suffix in KINDS and not any(part.startswith(("_", ".")) for part in source.parts):
                found.setdefault(source.as_posix(), (Path(place) / file.relative_to(ROOT / folder)).as_posix())
    return found


def notebook(file: Path, source: str, target: Path) -> dict:
    """A notebook whose words link to pages of the site."""
    found = json.loads(file.read_text("utf-8"))
    for cell in found["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = relinked("".join(cell["source"]), source, target)
    return found


def relinked(text: str, source: str, target: Path) -> str:
    """Relative links of a file of the repository, as they are from its place in the site.

    A file that is no page of the site, a script say, is copied under ``files``.
    """
    places = sources()
    here = Path(places[source]).parent

    def moved(match: re.Match) -> str:
        path = Path(os.path.normpath(Path(source).parent / match[1]))
        place = places.get(path.as_posix()) or INDICES.get(path.as_posix())
        anchor = match[2] or ""
        if path.as_posix() in INDICES:
            anchor = ""
        if place is None and (ROOT / path).is_file():
            place = f"files/{path.as_posix()}"
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, target / place)
        return match[0] if place is None else os.path.relpath(place, here) + anchor

    return "".join(part if part.startswith("`") else LINK.sub(moved, part) for part in FENCE.split(text))


def links(text: str) -> Iterator[tuple[str, str]]:
    """Target and anchor of each link of a Markdown text that leads to a file or to a heading."""
    for part in FENCE.split(text):
        if not part.startswith("`"):
            for match in re.finditer(r"\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]*))?[)\s]", part):
                yield match[1], match[2] or ""
