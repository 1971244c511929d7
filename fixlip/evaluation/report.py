"""The report of an evaluation: Markdown, and one self-contained HTML page without any request to anywhere.

Captions, reasons and names are data: both forms escape them, and a Content-Security-Policy allows the page's own style,
by hash, and pictures that are part of it; there is no script.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from fixlip.errors import InputError, OptionError
from fixlip.evaluation import rows as rows_on_disk
from fixlip.evaluation.failures import Failures, failures
from fixlip.evaluation.folder import SETTINGS, read_settings
from fixlip.evaluation.report_blocks import Section, short_names
from fixlip.evaluation.report_examples import Explain, Shots
from fixlip.evaluation.report_figures import curve_figures
from fixlip.evaluation.report_sections import lead, sections, title_of
from fixlip.evaluation.summary import Summary, summarise
from fixlip.storage import write_atomically
from fixlip.viewer import content_hash

SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#|~$!])")


@dataclass(frozen=True)
class Report:
    """A report.

    Attributes:
        title, lead: what it is about, and what it found, in a sentence.
        summary, failures: the tables in it; no failures where grounding was not measured.
        told: the summary with the names of estimators as they are printed, without options that all of them share.
        sections: what is written.
    """

    title: str
    lead: str
    summary: Summary
    failures: Failures | None
    told: Summary
    sections: tuple[Section, ...]

    def to_html(self) -> str:
        """The page."""
        style = _file("report.css")
        policy = (
            f"default-src 'none'; img-src data:; style-src {content_hash(style)}; base-uri 'none'; form-action 'none'"
        )
        page = _environment(autoescape=True).get_template("report.html").render(report=self, style=style, policy=policy)
        return page.encode("utf-8", "replace").decode("utf-8")  # half characters, as from undecodable file names

    def to_markdown(self, figures: str = "") -> str:
        """The same as Markdown.

        Args:
            figures: the folder that figures are linked from; they are left out when empty.
        """
        page = _environment(autoescape=False).get_template("report.md").render(report=self, figures=figures)
        return re.sub(r"\n{3,}", "\n\n", page).strip().encode("utf-8", "replace").decode("utf-8") + "\n"

    def images(self) -> dict[str, bytes]:
        """Names and PNGs of all figures."""
        found = {}
        for section in self.sections:
            for block in section.blocks:
                for one in [*getattr(block, "images", ()), *(e.image for e in getattr(block, "examples", ()))]:
                    if one is not None:
                        found[one.name] = one.png
        return found


def report(
    folder: str | Path,
    *,
    html: str | Path | None = None,
    markdown: str | Path | None = None,
    examples: int = 2,
    explain: Explain | None = None,
) -> Report:
    """Report on the results in a folder.

    Args:
        folder: what `fixlip evaluate` writes.
        html: also write the page there.
        markdown: also write Markdown there, and its figures into a folder beside it: ``report-figures`` for
            ``report.md``.
        examples: failures of each kind to show for each model, explained again with the data and the model of the run;
            0 for none, and no typical explanation then.
        explain: what makes an example's explanation; that of the run when None.

    Raises:
        InputError: no such folder, nothing in it yet, a damaged file, or a path that cannot be written.
        OptionError: a negative number of examples.
    """
    if examples < 0:
        raise OptionError(f"examples is 0 or more, got {examples}.")
    rows = rows_on_disk.read(folder)
    if not rows:
        raise InputError(f"No results in {str(folder)!r}; `fixlip evaluate ... --out {folder}` writes them.")
    settings = read_settings(folder) if (Path(folder) / SETTINGS).exists() else {}
    found = make(rows, settings, examples=examples, explain=explain or Shots(folder))
    if html is not None:
        write_atomically(html, found.to_html().encode("utf-8"))
    if markdown is not None:
        _write_markdown(found, Path(markdown))
    return found


def make(rows: list[dict[str, Any]], settings: Mapping[str, Any], *, examples: int, explain: Explain) -> Report:
    """The report of rows; see `report`."""
    from fixlip.evaluation import report_examples

    summary, kinds = summarise(rows), failures(rows)
    names = short_names(dict.fromkeys(m["estimator"] for m in summary.methods))
    shown = report_examples.examples(rows, summary, kinds, examples, explain, names)
    told = replace(summary, **{name: _named(value, names) for name, value in vars(summary).items()})
    told_kinds = kinds and replace(kinds, shares=_named(kinds.shares, names))
    parts = sections(told, told_kinds, settings, curve_figures(told), shown)
    return Report(title_of(settings), lead(told), summary, kinds, told, tuple(parts))


def _named(value: Any, names: Mapping[str, str]) -> Any:
    """The same with other names for estimators."""
    if isinstance(value, dict):
        return {k: names.get(v, v) if isinstance(v, str) else _named(v, names) for k, v in value.items()}
    return [_named(v, names) for v in value] if isinstance(value, list) else value


def _write_markdown(found: Report, path: Path) -> None:
    images, folder = found.images(), path.with_name(f"{path.stem}-figures")
    if images:
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"Cannot make the folder {str(folder)!r}: {error.strerror or error}.") from error
        for name, png in images.items():
            write_atomically(folder / f"{name}.png", png)
    write_atomically(path, found.to_markdown(folder.name if images else "").encode("utf-8"))


def _file(name: str) -> str:
    return (files("fixlip.evaluation") / name).read_text("utf-8")


def _environment(*, autoescape: bool) -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fixlip.evaluation", ""),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"md": _markdown, "data_uri": _data_uri}
    environment.tests["kind"] = lambda block, name: type(block).__name__ == name
    return environment


def _markdown(text: str) -> str:
    """Text as Markdown shows it, in one line."""
    return SPECIAL.sub(r"\\\1", " ".join(str(text).split())).replace("&", "&amp;").replace("\\<", "&lt;")


def _data_uri(content: tuple[str, bytes]) -> str:
    return f"data:{content[0]};base64,{base64.b64encode(content[1]).decode()}"
