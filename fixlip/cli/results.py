"""Printing of an evaluation report, for `fixlip report`."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from fixlip.cli.console import Printer, styled
from fixlip.cli.output import wrote
from fixlip.evaluation.report.blocks import Cell, count
from fixlip.evaluation.report.tables import headline_tables, model_tables
from fixlip.evaluation.rows import damage

if TYPE_CHECKING:
    from fixlip.evaluation.report import Report
    from fixlip.evaluation.report.blocks import Table as Block

HOW_TO_READ = (
    "95 % bootstrap intervals over items; ● best of its model, ○ not clearly worse; "
    "▲ ▼ clearly better or worse on the same items"
)
MARKS = {"best": " ●", "close": " ○", "gain": " ▲", "loss": " ▼"}


def print_report(report: "Report", written: list[Path]) -> None:
    """Print the headline tables, the differences between models, and what was left out."""
    console, counts = Printer(), report.printed.counts
    console.print("", styled(report.title, "bold"), styled(report.lead), sep="\n")
    for table in [t for _, tables in headline_tables(report.printed) for t in tables]:
        _print(console, table)
    for table in model_tables(report.printed):
        _print(console, table, notes=False)
    console.print(Text(HOW_TO_READ, style="dim"))
    console.print(f"{count(counts['evaluated'], 'item')} evaluated, {counts['items'] - counts['evaluated']} skipped")
    for fault in counts["skipped"]:
        reason = fault["examples"][0]
        console.print(
            styled(
                f"  {count(fault['items'], 'item')}: {fault['fault']} ({reason['item']}: {reason['reason']})",
                "yellow",
            )
        )
    for f in counts["failed"]:
        failure = f"  {f['model']}, {f['estimator']}: {count(f['items'], 'item')}: {f['reason']}"
        console.print(styled(failure, "yellow"))
    for of in counts["damaged"].items():
        console.print(styled(f"  {damage(*of)}", "yellow"))
    wrote(console, written)


def _print(console: Printer, block: "Block", *, notes: bool = True) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    for heading in block.headings:
        name = Text("\n".join(filter(None, (heading.text, *heading.note.split(", ")))))
        table.add_column(name, justify="right" if heading.number else "left", no_wrap=True, vertical="bottom")
    for row in block.rows:
        table.add_row(*(_text(cell, notes) for cell in row))
    console.print(styled(block.title, "bold underline"))
    console.whole(table)


def _text(cell: Cell, notes: bool) -> Text:
    value = styled(cell.text, "bold" if cell.mark in ("best", "gain", "loss", "group") else "")
    value.append(MARKS.get(cell.mark, ""), style="dark_orange3")
    return value.append(f"{'  ' * bool(cell.text)}{cell.note}" if notes else "", style="not bold dim")
