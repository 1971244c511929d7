"""How commands print tables."""

import re
import textwrap
from typing import TYPE_CHECKING

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from fixlip.ablation import label
from fixlip.cli.output import Outputs

if TYPE_CHECKING:
    from fixlip.ablation import Sweep
    from fixlip.evaluation import Outcome


def print_sweep(sweep: "Sweep", outputs: Outputs) -> None:
    """Print the table of a sweep and what to know about it, and write the figure if asked for."""
    if outputs.png:
        from fixlip.plots import convergence

        convergence(sweep, path=outputs.png)
    console, rows = Console(highlight=False), sweep.summary()
    console.print(Text(f"\n“{sweep.reference.players.caption}”", style="bold"))
    console.print(Text(f"{sweep.measured}, measured against {sweep.reference_name}\n", style="dim"))
    for table in [_table(rows), *([_table(sweep.details())] if sweep.details() else [])]:
        print_whole(console, table)
    for values, status in _notes(sweep).items():
        console.print(Text(f"note ({values}): {status}", style="yellow"))
    for path in outputs.paths():
        console.print(Text(f"wrote {path}", style="dim"), soft_wrap=True)


def print_whole(console: Console, table: Table) -> None:
    """Print a table without folding its columns, however wide the terminal is."""
    needed = Measurement.get(console, console.options.update(max_width=1000), table).maximum
    Console(highlight=False, width=max(console.width, needed)).print(table, "")


def _table(rows: list[dict[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in rows[0]:
        name = "\n".join(textwrap.wrap(heading, 12, break_long_words=False))
        table.add_column(name, justify="right" if table.columns else "left", no_wrap=True, vertical="bottom")
    for row in rows:
        table.add_row(*map(Text, row.values()))
    return table


def _notes(sweep: "Sweep") -> dict[str, str]:
    """Each status with the values that have it; those that differ in their numbers only are one, told by the last."""
    told: dict[str, tuple[list[str], str]] = {}
    for row in sweep.table():
        if row["status"] != "ok":
            key = re.sub(r"[\d.]+", "", row["status"])
            told[key] = ([*told.get(key, ([], ""))[0], label(row["value"])], row["status"])
    return {", ".join(values): status for values, status in told.values()}


def print_outcome(outcome: "Outcome") -> None:
    """Print what a run of `fixlip evaluate` has come to."""
    console, speed = Console(highlight=False), f"{outcome.throughput:.2f} explanations a second"
    console.print(f"{outcome.evaluated} of {outcome.items} items evaluated")
    console.print(f"{outcome.done} explanations in {outcome.seconds:.1f} s, {speed}", style="dim")
    for fault, count in sorted(outcome.skipped.items()):
        console.print(Text(f"skipped: {count} x {fault}", style="yellow"))
    for reason, count in sorted(outcome.refused.items()):
        console.print(Text(f"failed: {count} x {reason}", style="yellow"))
    for name, needs in sorted(outcome.empty.items()):
        console.print(Text(f"{name}: no item has {needs}", style="yellow"))
    console.print(Text(f"wrote {outcome.folder}; see fixlip report {outcome.folder}", style="dim"), soft_wrap=True)
