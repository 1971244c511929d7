"""The answer of a command: files first, then tables for people or one document for programs."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fixlip.cli import documents
from fixlip.cli.console import Printer
from fixlip.cli.output import Outputs, print_explanation, wrote

if TYPE_CHECKING:
    from fixlip.api.cost import Cost
    from fixlip.cli.output import Result
    from fixlip.results.ranking import Ranking


@dataclass(frozen=True)
class Answer:
    """Writes and prints results.

    Attributes:
        outputs: files to write.
        top: rows to print.
        json: one document on standard output, and notes on standard error.
    """

    outputs: Outputs
    top: int = 10
    json: bool = False

    def ranking(self, ranking: "Ranking") -> None:
        """Print the ranking before the contrast, which takes longer."""
        from fixlip.cli.contrasts import notes, print_ranking

        if self.json:
            notes(Printer(stderr=True), ranking)
        else:
            print_ranking(ranking, self.top)

    def cost(self, cost: "Cost", call: dict[str, Any], ranking: "Ranking | None") -> None:
        """Print the answer to `--dry-run`."""
        from fixlip.cli.costs import print_cost

        if self.json:
            documents.emit(documents.cost(cost, call, ranking))
        else:
            print_cost(cost, call, len(ranking.captions) if ranking else 0)

    def __call__(self, result: "Result", ranking: "Ranking | None" = None) -> None:
        """Write the files and print the result."""
        written = self.outputs.write(result)
        if self.json:
            documents.emit(documents.of(result, self.top, ranking))
            _aside(result, written)
        else:
            _print(result, written, self.top)


def _print(result: "Result", written: list[Path], top: int) -> None:
    from fixlip.cli.comparisons import print_comparison, print_gallery
    from fixlip.cli.contrasts import print_contrast
    from fixlip.results.comparison import Comparison
    from fixlip.results.contrast import Contrast
    from fixlip.results.explanation import Explanation

    if isinstance(result, Explanation):
        print_explanation(result, written, top=top)
    elif isinstance(result, Comparison):
        print_comparison(result, written, top)
    elif isinstance(result, Contrast):
        print_contrast(result, written, top)
    else:
        print_gallery(result, written)


def _aside(result: "Result", written: list[Path]) -> None:
    """Print notes and the names of files on standard error."""
    from fixlip.results.contrast import Contrast
    from fixlip.results.explanation import Explanation

    single = result if isinstance(result, Explanation) else result.difference if isinstance(result, Contrast) else None
    console, every = Printer(stderr=True), [("", single)] if single is not None else list(result)  # type: ignore[arg-type]
    for label, explanation in every:
        if explanation.provenance.status != "ok":
            console.note(explanation.provenance.status, label)
    wrote(console, written)
