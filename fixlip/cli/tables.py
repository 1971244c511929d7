"""How commands print tables."""

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from fixlip.cli import documents
from fixlip.cli.console import Printer, said
from fixlip.cli.output import wrote
from fixlip.results.sweep import label

if TYPE_CHECKING:
    from fixlip.evaluation import Outcome
    from fixlip.results.sweep import Sweep


def answer_sweep(sweep: "Sweep", written: list[Path], *, json: bool) -> None:
    """A table, or a document and its notes on standard error."""
    if not json:
        print_sweep(sweep, written)
        return
    documents.emit(documents.sweep(sweep))
    console = Printer(stderr=True)
    for values, status in notes(sweep).items():
        console.print(said(f"note ({values}): {status}"), soft_wrap=True)
    wrote(console, written)


def print_sweep(sweep: "Sweep", written: list[Path]) -> None:
    """Print the table of a sweep and what to know about it."""
    console, rows = Printer(), sweep.summary()
    console.print("", said(f"“{sweep.reference.players.caption}”", "bold"), sep="\n")
    console.print(said(f"{sweep.measured}, measured against {sweep.reference_name}", "dim"), "", sep="\n")
    for table in [_table(rows), *([_table(sweep.details())] if sweep.details() else [])]:
        console.whole(table)
    for values, status in notes(sweep).items():
        console.print(said(f"note ({values}): {status}", "yellow"))
    wrote(console, written)


def _table(rows: list[dict[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in rows[0]:
        name = "\n".join(textwrap.wrap(heading, 12, break_long_words=False))
        table.add_column(name, justify="right" if table.columns else "left", no_wrap=True, vertical="bottom")
    for row in rows:
        table.add_row(*map(said, row.values()))
    return table


def notes(sweep: "Sweep") -> dict[str, str]:
    """Each status with the values that have it; those that differ in their numbers only are one, told by the last."""
    told: dict[str, tuple[list[str], str]] = {}
    for row in sweep.table():
        if row["status"] != "ok":
            key = re.sub(r"[\d.]+", "", row["status"])
            told[key] = ([*told.get(key, ([], ""))[0], label(row["value"])], row["status"])
    return {", ".join(values): status for values, status in told.values()}


def print_outcome(outcome: "Outcome") -> None:
    """Print what a run of `fixlip evaluate` has come to."""
    console, speed = Printer(), f"{outcome.throughput:.2f} explanations a second"
    console.print(f"{outcome.evaluated} of {outcome.items} items evaluated")
    console.print(said(f"{outcome.done} explanations in {outcome.seconds:.1f} s, {speed}", "dim"))
    for fault, count in sorted(outcome.skipped.items()):
        console.print(said(f"skipped: {count} x {fault}", "yellow"))
    for reason, count in sorted(outcome.refused.items()):
        console.print(said(f"failed: {count} x {reason}", "yellow"))
    for name, needs in sorted(outcome.empty.items()):
        console.print(said(f"{name}: no item has {needs}", "yellow"))
    console.print(said(f"wrote {outcome.folder}; see fixlip report {outcome.folder}", "dim"), soft_wrap=True)
