"""Printing of sweeps and of the outcome of an evaluation."""

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from fixlip.cli import documents
from fixlip.cli.console import Printer, counted, styled
from fixlip.cli.output import wrote
from fixlip.results.sweep import label

if TYPE_CHECKING:
    from fixlip.evaluation import Outcome
    from fixlip.results.sweep import Sweep


def answer_sweep(sweep: "Sweep", written: list[Path], *, json: bool) -> None:
    """Print a table, or a document with its notes on standard error."""
    if not json:
        print_sweep(sweep, written)
        return
    documents.emit(documents.sweep(sweep))
    console = Printer(stderr=True)
    for values, status in notes(sweep).items():
        console.note(status, values)
    wrote(console, written)


def print_sweep(sweep: "Sweep", written: list[Path]) -> None:
    """Print the table of a sweep and the notes about it."""
    console, rows = Printer(), sweep.summary()
    console.print("", styled(f"“{sweep.reference.players.caption}”", "bold"), sep="\n")
    console.print(styled(f"{sweep.measured}, measured against {sweep.reference_name}", "dim"), "", sep="\n")
    for table in [_table(rows), *([_table(sweep.details())] if sweep.details() else [])]:
        console.whole(table)
    for values, status in notes(sweep).items():
        console.note(status, values)
    wrote(console, written)


def _table(rows: list[dict[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in rows[0]:
        name = "\n".join(textwrap.wrap(heading, 12, break_long_words=False))
        table.add_column(name, justify="right" if table.columns else "left", no_wrap=True, vertical="bottom")
    for row in rows:
        table.add_row(*map(styled, row.values()))
    return table


def notes(sweep: "Sweep") -> dict[str, str]:
    """Return each status by the values that have it; statuses that differ only in numbers count as the last of them."""
    by_kind: dict[str, tuple[list[str], str]] = {}
    for row in sweep.table():
        if row["status"] != "ok":
            key = re.sub(r"[\d.]+", "", row["status"])
            by_kind[key] = ([*by_kind.get(key, ([], ""))[0], label(row["value"])], row["status"])
    return {", ".join(values): status for values, status in by_kind.values()}


def print_outcome(outcome: "Outcome") -> None:
    """Print the outcome of a run of `fixlip evaluate`."""
    from fixlip.evaluation.rows import damage

    console, speed = Printer(), f"{outcome.throughput:.2f} per second"
    console.print(f"{outcome.evaluated} of {counted(outcome.items, 'item')} evaluated")
    console.print(styled(f"{counted(outcome.done, 'explanation')} in {outcome.seconds:.1f} s, {speed}", "dim"))
    for fault, count in sorted(outcome.skipped.items()):
        console.print(styled(f"skipped: {count} x {fault}", "yellow"))
    for reason, count in sorted(outcome.refused.items()):
        console.print(styled(f"failed: {count} x {reason}", "yellow"))
    for name, needs in sorted(outcome.empty.items()):
        console.print(styled(f"{name}: no item has {needs}", "yellow"))
    for of in sorted(outcome.damaged.items()):
        console.print(styled(damage(*of), "yellow"))
    console.print(styled(f"wrote {outcome.folder}; see fixlip report {outcome.folder}", "dim"), soft_wrap=True)
