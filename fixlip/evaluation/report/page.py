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
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fixlip.errors import InputError, OptionError, unknown
from fixlip.evaluation.folder import SETTINGS, read_settings
from fixlip.evaluation.records import Row
from fixlip.evaluation.report.blocks import Example, Examples, Section, short_names
from fixlip.evaluation.report.examples import Explain
from fixlip.evaluation.report.failures import Failures, failures
from fixlip.evaluation.report.figures import curve_figures
from fixlip.evaluation.report.sections import lead, sections, title_of
from fixlip.evaluation.report.stored import Stored
from fixlip.evaluation.report.summary import Summary, summarise
from fixlip.evaluation.rows import Results
from fixlip.io.files import write_atomically
from fixlip.results.gallery import Gallery
from fixlip.results.tables import Tabular
from fixlip.results.tables import frame as frame_of
from fixlip.viewer import content_hash
from fixlip.viewer.notebook import frame

if TYPE_CHECKING:
    import pandas

EXAMPLES, FIGURES = "-examples.html", "-figures"  # ends of the names of what is written beside a report
SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#|~$!])")


@dataclass(frozen=True)
class Report(Tabular):
    """A report.

    Attributes:
        title, lead: what it is about, and what it found, in a sentence.
        summary, failures: the tables in it; no failures where grounding was not measured.
        printed: the summary with the names of estimators as they are printed, without options that all of them share.
        sections: what is written.
    """

    title: str
    lead: str
    summary: Summary
    failures: Failures | None
    printed: Summary
    sections: tuple[Section, ...]

    def __repr__(self) -> str:
        return f"Report({self.title!r})"

    def to_pandas(self, rows: str = "headlines") -> "pandas.DataFrame":
        """One of the tables of `summary` as a table of pandas.

        Args:
            rows: which: headlines, methods, differences, classes, curves or times.

        Raises:
            MissingExtraError: pandas is not installed.
            OptionError: there are no such rows.
        """
        tables = {name: value for name, value in vars(self.summary).items() if isinstance(value, list)}
        if rows not in tables:
            raise OptionError(unknown("rows", rows, tables))
        return frame_of(tables[rows])

    def gallery(self) -> Gallery | None:
        """The explanations of all examples, for a page of their own; None where there are none."""
        shown = [e for e in self.examples() if e.explanation is not None]
        if not shown:
            return None
        explanations = tuple(e.explanation for e in shown if e.explanation is not None)
        return Gallery(explanations, tuple(e.label for e in shown), f"Examples: {self.title}", shared_scale=False)

    def examples(self) -> list[Example]:
        """All examples, in the order of the report."""
        blocks = (block for section in self.sections for block in section.blocks)
        return [example for block in blocks if isinstance(block, Examples) for example in block.examples]

    def to_html(self, examples: str = "") -> str:
        """The page.

        Args:
            examples: the file beside it that holds the page of `gallery`, which the examples then lead to.
        """
        style = _file("report.css")
        policy = (
            f"default-src 'none'; img-src data:; style-src {content_hash(style)}; base-uri 'none'; form-action 'none'"
        )
        shown = [id(e) for e in self.examples() if e.explanation is not None]
        links = {of: f"{quote(examples)}#show-{k}" for k, of in enumerate(shown)} if examples else {}
        template = _environment(autoescape=True).get_template("report.html")
        page = template.render(report=self, style=style, policy=policy, links=links, id=id)
        return page.encode("utf-8", "replace").decode("utf-8")  # half characters, as from undecodable file names

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/html": frame(self.to_html()), "text/plain": repr(self)}

    def to_markdown(self, figures: str = "") -> str:
        """The same as Markdown.

        Args:
            figures: the folder that figures are linked from; they are left out when empty.
        """
        page = _environment(autoescape=False).get_template("report.md").render(report=self, figures=figures)
        return re.sub(r"\n{3,}", "\n\n", page).strip().encode("utf-8", "replace").decode("utf-8") + "\n"

    def images(self) -> dict[str, bytes]:
        """Names and PNGs of all figures."""
        images = {}
        for section in self.sections:
            for block in section.blocks:
                for image in [*getattr(block, "images", ()), *(e.image for e in getattr(block, "examples", ()))]:
                    if image is not None:
                        images[image.name] = image.png
        return images


def report(
    folder: str | Path,
    *,
    html: str | Path | None = None,
    markdown: str | Path | None = None,
    examples: int = 2,
    explain: Explain | None = None,
) -> Report:
    """Report on the results in a folder; nothing but this folder is read, and nothing is computed that it asks for.

    Args:
        folder: what `fixlip evaluate` writes.
        html: also write the page there, and beside it an interactive one of the examples (``report-examples.html`` for
            ``report.html``), to which it links.
        markdown: also write Markdown there, and its figures into a folder beside it: ``report-figures`` for
            ``report.md``.
        examples: failures of each kind to show for each model, of those that the run has stored (``examples`` of
            `fixlip.evaluation.evaluate`); 0 for none, and no typical explanation then.
        explain: what makes an example's explanation instead, as `examples.Shots` of your own plan.

    Raises:
        InputError: no such folder, nothing in it yet, a damaged file, or a path that cannot be written.
        OptionError: a negative number of examples.
    """
    if examples < 0:
        raise OptionError(f"examples is 0 or more, got {examples}.")
    results = Results(folder)
    rows = results.rows()
    if not rows:
        raise InputError(f"No results in {str(folder)!r}; `fixlip evaluate ... --out {folder}` writes them.")
    settings = read_settings(folder) if (Path(folder) / SETTINGS).exists() else {}
    page = make(rows, settings, examples=examples, explain=explain or Stored(folder), damaged=results.damaged)
    if html is not None:
        _write_html(page, Path(html))
    if markdown is not None:
        _write_markdown(page, Path(markdown))
    return page


def make(
    rows: list[Row],
    settings: Mapping[str, Any],
    *,
    examples: int,
    explain: Explain,
    damaged: Mapping[str, int] | None = None,
) -> Report:
    """The report of rows; see `report`. `damaged` counts the damaged lines by file."""
    from fixlip.evaluation.report import examples as report_examples

    summary, kinds = summarise(rows, damaged or {}), failures(rows)
    names = short_names(dict.fromkeys(m["estimator"] for m in summary.methods))
    shown = report_examples.examples(rows, summary, kinds, examples, explain, names)
    printed = replace(summary, **{name: _named(value, names) for name, value in vars(summary).items()})
    printed_kinds = kinds and replace(kinds, shares=_named(kinds.shares, names))
    parts = sections(printed, printed_kinds, settings, curve_figures(printed), shown)
    return Report(title_of(settings), lead(printed), summary, kinds, printed, tuple(parts))


def _named(value: Any, names: Mapping[str, str]) -> Any:
    """The same with other names for estimators."""
    if isinstance(value, dict):
        return {k: names.get(v, v) if isinstance(v, str) else _named(v, names) for k, v in value.items()}
    return [_named(v, names) for v in value] if isinstance(value, list) else value


def _write_html(page: Report, path: Path) -> None:
    gallery, beside = page.gallery(), path.with_name(path.stem + EXAMPLES)
    if gallery:
        gallery.to_html(beside)
    write_atomically(path, page.to_html(beside.name if gallery else "").encode("utf-8"))


def _write_markdown(page: Report, path: Path) -> None:
    images, folder = page.images(), path.with_name(path.stem + FIGURES)
    if images:
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"Cannot make the folder {str(folder)!r}: {error.strerror or error}.") from error
        for name, png in images.items():
            write_atomically(folder / f"{name}.png", png)
    write_atomically(path, page.to_markdown(folder.name if images else "").encode("utf-8"))


def _file(name: str) -> str:
    return (files("fixlip.evaluation.report") / name).read_text("utf-8")


def _environment(*, autoescape: bool) -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fixlip.evaluation.report", ""),
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
