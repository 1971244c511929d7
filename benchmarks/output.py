"""Tables: printed, and written as JSON and Markdown with a description of the machine."""

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
Rows = Sequence[dict[str, Any]]


def machine(device: str = "cpu") -> dict[str, str]:
    """CPU, cores, threads, memory, versions, and the accelerator where it is the device that was measured."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    described = {
        "CPU": names[0] if names else platform.processor() or platform.machine(),
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        **{name: version(name) for name in ("fixlip", "torch", "numpy", "scipy", "shapiq")},
    }
    if torch.device(device).type == "cuda":
        gpu = torch.cuda.get_device_properties(torch.device(device))
        described["GPU"] = f"{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}"
    return described


def show(title: str, rows: Rows, notes: Sequence[str] = ()) -> None:
    """Print rows as a table, and sentences below it."""
    lines = as_lines(rows)
    if len(lines[0]) > max(9, len(lines)):  # too wide for a terminal
        lines = [list(line) for line in zip(*lines, strict=True)]
    table = Table(*lines[0], title=title, title_justify="left")
    for line in lines[1:]:
        table.add_row(*line)
    Console(width=160).print(table, *notes, sep="\n", highlight=False)


def write(title: str, rows: Rows, notes: Sequence[str], path: Path, *, device: str = "cpu", **more: Any) -> None:
    """Write NAME.json, with `more` in it, and NAME.md: a table, and sentences below it."""
    here = machine(device)
    document = {"title": title, "machine": here, **more, "notes": list(notes), "rows": list(rows)}
    measured = f"Measured on: {'; '.join(f'{name} {value}' for name, value in here.items())}."
    below = ["\n".join(f"- {note}" for note in notes)] if notes else []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    page = "\n\n".join([f"# {title}", markdown(as_lines(rows)), *below, measured])
    path.with_suffix(".md").write_text(f"{page}\n", "utf-8")


def as_lines(rows: Rows) -> list[list[str]]:
    """The names of all columns, and the cells of each row; a column that a row does not have stays empty.

    Lists are for programs and not shown.
    """
    columns = list(dict.fromkeys(name for row in rows for name, value in row.items() if not isinstance(value, list)))
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
