"""How commands answer: files first, then tables for people or one document for programs."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fixlip.cli import documents
from fixlip.cli.console import Printer, said
from fixlip.cli.output import Outputs, report, wrote

if TYPE_CHECKING:
    from fixlip.api.cost import Cost
    from fixlip.cli.output import Found
    from fixlip.results.ranking import Ranking


@dataclass(frozen=True)
class Answer:
    """What has been found, written and printed.

    Attributes:
        outputs: files to write.
        top: rows to print.
        json: one document on standard output, and notes on standard error.
    """

    outputs: Outputs
    top: int = 10
    json: bool = False

    def ranking(self, found: "Ranking") -> None:
        """What comes before a contrast, which takes longer."""
        from fixlip.cli.contrasts import notes, print_ranking

        if self.json:
            notes(Printer(stderr=True), found)
        else:
            print_ranking(found, self.top)

    def cost(self, found: "Cost", call: dict[str, Any], ranking: "Ranking | None") -> None:
        """What `--dry-run` answers."""
        from fixlip.cli.costs import print_cost

        if self.json:
            documents.emit(documents.cost(found, call, ranking))
        else:
            print_cost(found, call, len(ranking.captions) if ranking else 0)

    def __call__(self, found: "Found", ranking: "Ranking | None" = None) -> None:
        """Write and print."""
        written = self.outputs.write(found)
        if self.json:
            documents.emit(documents.of(found, self.top, ranking))
            _aside(found, written)
        else:
            _print(found, written, self.top)


def _print(found: "Found", written: list[Path], top: int) -> None:
    from fixlip.cli.comparisons import print_comparison, print_gallery
    from fixlip.cli.contrasts import print_contrast
    from fixlip.results.comparison import Comparison
    from fixlip.results.contrast import Contrast
    from fixlip.results.explanation import Explanation

    if isinstance(found, Explanation):
        report(found, written, top=top)
    elif isinstance(found, Comparison):
        print_comparison(found, written, top)
    elif isinstance(found, Contrast):
        print_contrast(found, written, top)
    else:
        print_gallery(found, written)


def _aside(found: "Found", written: list[Path]) -> None:
    """Notes and the names of files, on standard error."""
    from fixlip.results.contrast import Contrast
    from fixlip.results.explanation import Explanation

    one = found if isinstance(found, Explanation) else found.difference if isinstance(found, Contrast) else None
    console, every = Printer(stderr=True), [("", one)] if one is not None else list(found)  # type: ignore[arg-type]
    for label, explanation in every:
        if explanation.provenance.status != "ok":
            console.print(said(f"note{f' ({label})' * bool(label)}: {explanation.provenance.status}"), soft_wrap=True)
    wrote(console, written)
