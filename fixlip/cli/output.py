"""The files that commands write, and the printing of an explanation."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fixlip.cli.console import BAR, Printer, bar, digits, number, styled
from fixlip.cli.files import keep_apart
from fixlip.errors import InputError
from fixlip.results.tables import decimals, signed

if TYPE_CHECKING:
    from rich.table import Table

    from fixlip.results.comparison import Comparison
    from fixlip.results.contrast import Contrast
    from fixlip.results.explanation import Explanation
    from fixlip.results.gallery import Gallery
    from fixlip.results.hits import Hits
    from fixlip.results.provenance import Provenance

    Result = Explanation | Comparison | Contrast | Gallery

FOREIGN = re.compile(r"[^\w.]+")  # characters that names of files should not have


@dataclass(frozen=True)
class Outputs:
    """The files to write. All are checked before any work is done; each file is written whole or not at all.

    Several explanations are saved as one file each: in the folder `save`, or with `save` as a prefix of their names.

    Attributes:
        html, png, save: files that were asked for.
        labels: labels of several explanations to save; None for a single one.
        beside: files and folders that are written next to these.
        inputs: files that the command reads, by what they are; see `files.keep_apart`.
    """

    html: Path | None = None
    png: Path | None = None
    save: Path | None = None
    labels: Sequence[str] | None = None
    beside: Sequence[Path] = ()
    inputs: Mapping[str, Iterable[Path]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.paths():
            if not path.parent.is_dir():
                raise InputError(f"No folder {str(path.parent)!r} to write {path.name!r} into.")
            if path.is_dir() and not (self.labels is not None and path == self.save):
                raise InputError(f"Cannot write {str(path)!r}: it is a folder.")
        pages = [path for path in (self.html, self.png) if path is not None]
        keep_apart([*pages, *self.saves(), *self.beside], self.inputs)

    def paths(self) -> list[Path]:
        """Return the paths that were asked for."""
        return [path for path in (self.html, self.png, self.save) if path is not None]

    def saves(self) -> list[Path]:
        """Return the files of the numbers, one for each explanation."""
        if self.save is None or self.labels is None:
            return [] if self.save is None else [self.save]
        names = [f"{k}-{FOREIGN.sub('-', one)[:60].strip('-')}.fixlip" for k, one in enumerate(self.labels, 1)]
        return [self.save / name if self.save.is_dir() else Path(f"{self.save}-{name}") for name in names]

    def write(self, result: "Result | Hits") -> list[Path]:
        """Write the page, the figure and the numbers (of a contrast, its difference); return the written paths."""
        from fixlip.results.comparison import Comparison
        from fixlip.results.contrast import Contrast
        from fixlip.results.explanation import Explanation
        from fixlip.results.gallery import Gallery

        paths: list[Path] = []
        if self.html:
            result.to_html(self.html)
            paths.append(self.html)
        if self.png:
            from fixlip import plots

            if isinstance(result, Explanation):
                plots.overview(result, self.png)
            elif isinstance(result, Contrast):
                plots.contrast(result, self.png)
            elif isinstance(result, Comparison):
                plots.compare(result, path=self.png)
            else:
                raise InputError("There is no figure of several captions or pictures; write a page with --html.")
            paths.append(self.png)
        if isinstance(result, Explanation | Contrast):
            every = [result if isinstance(result, Explanation) else result.difference]
        elif isinstance(result, Comparison | Gallery):
            every = list(result.explanations)
        else:
            every = [hit.explanation() for hit in result] if self.saves() else []
        for explanation, path in zip(every, self.saves(), strict=False):  # no files, unless asked for
            explanation.save(path)
            paths.append(path)
        return paths


def print_explanation(explanation: "Explanation", written: list[Path], *, top: int = 10) -> None:
    """Print the similarity, the strongest pairs, and where to look next."""
    console, provenance = Printer(), explanation.provenance
    console.print("", styled(f"“{explanation.players.caption}”", "bold"), styled(explanation.summary()), sep="\n")
    fit = f"  ·  R² {provenance.r2:.3f}" if provenance.r2 == provenance.r2 else ""
    unit = explanation.value_unit
    values = explanation.full_value, explanation.empty_value
    full, empty = (number(value, decimals(values, least=digits(unit))) for value in values)
    facts = f"similarity {full} ({unit}; nothing shown: {empty})  ·  {explanation.index}{fit}"
    console.print(styled(facts, "dim"))
    heading(console, provenance)
    has_pairs = (explanation.cross == explanation.cross).any()
    console.whole(_pairs(explanation, top) if has_pairs else _players(explanation, top))
    ending(console, provenance, written)


def heading(console: Printer, provenance: "Provenance") -> None:
    """Print the model and the cost."""
    passes = f"{provenance.image_passes} image + {provenance.text_passes} text passes"
    kind = f" ({provenance.dtype})" if provenance.dtype not in ("", "float32") else ""
    console.print(styled(f"{provenance.model}{kind}  ·  {passes}  ·  {provenance.seconds:.1f} s", "dim"), "", sep="\n")


def ending(console: Printer, provenance: "Provenance", written: list[Path]) -> None:
    """Print warnings to read before trusting the numbers, and the names of the written files."""
    from fixlip.encoders.names import bundled_models, known_kinds

    if provenance.model in bundled_models():
        limit = f"{known_kinds(provenance.model)} kinds of objects (fixlip.datasets.scenes), not photographs"
        console.print(f"{provenance.model} knows drawings of {limit}", style="dim")
    if provenance.status != "ok":
        console.note(provenance.status)
    wrote(console, written)


def wrote(console: Printer, paths: list[Path]) -> None:
    """Print the names of the written files."""
    for path in paths:
        console.print(styled(f"wrote {path}", "dim"), soft_wrap=True)


def _pairs(explanation: "Explanation", top: int) -> "Table":
    from rich.table import Table

    table = Table("word", "patch", box=None, pad_edge=False, header_style="dim")
    table.add_column("interaction", justify="right")
    table.add_column("", min_width=BAR)
    pairs = explanation.top_pairs(top)
    places = decimals((p.value for p in pairs), (p.stderr for p in pairs), least=digits(explanation.unit))
    longest = max((abs(pair.value) for pair in pairs), default=0.0)
    for pair in pairs:
        table.add_row(
            styled(pair.word),
            styled(pair.patch),
            signed(pair.value, pair.stderr, places),
            bar(pair.value, longest),
        )
    return table


def _players(explanation: "Explanation", top: int) -> "Table":
    """Make a table of the strongest players, for a method that has no pairs."""
    from rich.table import Table

    table = Table("player", box=None, pad_edge=False, header_style="dim")
    table.add_column("effect", justify="right")
    table.add_column("", min_width=BAR)
    effects, places = explanation.first_order, decimals(explanation.first_order, least=digits(explanation.unit))
    strongest, longest = abs(effects).argsort(kind="stable")[::-1][:top], float(abs(effects).max())
    for i in strongest:
        effect = number(effects[i], places, sign=True)
        table.add_row(styled(explanation.players.labels[i]), effect, bar(effects[i], longest))
    return table
