"""Tables: printed, and written as JSON and Markdown."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine

MOST_COLUMNS = 9  # on a terminal


def arguments(doc: str | None, **defaults: int | str) -> argparse.Namespace:
    """Parse ``--name value`` for each default, and ``--out NAME``."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--out", type=Path, help="write NAME.json and NAME.md")
    return parser.parse_args()


def publish(title: str, rows: Sequence[dict[str, Any]], path: Path | None) -> None:
    """Print rows as a table; write them as JSON and Markdown, with the machine's description, where a path is given."""
    show(title, rows)
    if path:
        write(title, rows, path)


def show(title: str, rows: Sequence[dict[str, Any]], notes: Sequence[str] = ()) -> None:
    """Print rows as a table, and sentences below it; many columns are shown as lines."""
    lines = as_lines(rows)
    if len(lines[0]) > MOST_COLUMNS:
        lines = [list(line) for line in zip(*lines, strict=True)]
    table = Table(*lines[0], title=title, title_justify="left")
    for line in lines[1:]:
        table.add_row(*line)
    Console(width=160).print(table, *notes, sep="\n", highlight=False)


def write(
    title: str,
    rows: Sequence[dict[str, Any]],
    path: Path,
    *,
    notes: Sequence[str] = (),
    device: str = "cpu",
    **more: Any,
) -> None:
    """Write NAME.json and NAME.md.

    Args:
        title: of the table.
        rows: a cell for each column by name; a column that a row does not have stays empty.
        path: NAME.
        notes: sentences to stand below the table.
        device: that was measured, for the description of the machine.
        more: what else the JSON file should hold.
    """
    here = machine(device)
    result = {"title": title, "machine": here, **more, "notes": list(notes), "rows": list(rows)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    described = "; ".join(f"{name} {value}" for name, value in here.items())
    below = ["\n".join(f"- {note}" for note in notes)] if notes else []
    parts = [f"# {title}", markdown(as_lines(rows)), *below, f"Measured on: {described}."]
    path.with_suffix(".md").write_text("\n\n".join(parts) + "\n", "utf-8")


def as_lines(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The names of all columns, and the cells of each row; a column that a row does not have stays empty."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return [columns, *([cell(row.get(column, "")) for column in columns] for row in rows)]


def cell(value: Any) -> str:
    """A number as people read it, anything else as it is."""
    if isinstance(value, float):
        return f"{value:.3f}" if value == 0 or not abs(value) < 1e-3 else f"{value:.1e}"
    return str(value)


def markdown(lines: Sequence[Sequence[str]], numbers_from: int | None = None) -> str:
    """Lines of cells, the headings first, as a Markdown table; columns from `numbers_from` on are flush right.

    Example:
        >>> print(markdown([["estimator", "PGE"], ["banzhaf", "0.73"]], numbers_from=1))
        | estimator | PGE |
        | --- | ---: |
        | banzhaf | 0.73 |
    """
    columns = len(lines[0])
    left = columns if numbers_from is None else numbers_from
    rule = ["---"] * left + ["---:"] * (columns - left)
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]])


def fill(page: Path, name: str, table: str) -> None:
    """Write a table between the marks ``<!-- name -->`` and ``<!-- /name -->`` of a page."""
    text = page.read_text("utf-8")
    before, _, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if not end:
        raise ValueError(f"{page} has no place for {name}.")
    page.write_text(f"{before}<!-- {name} -->\n{table}\n{end}{after}", "utf-8")
