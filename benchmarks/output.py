"""What every benchmark prints and writes."""

import argparse
import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table


def arguments(doc: str | None, **defaults: int | str) -> argparse.Namespace:
    """Parse ``--name value`` for each default, and ``--out NAME``."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--out", type=Path, help="write NAME.json and NAME.md")
    return parser.parse_args()


def publish(title: str, rows: Sequence[dict[str, Any]], path: Path | None) -> None:
    """Print rows as a table; write them as JSON (with the machine's description) and Markdown where a path is given."""
    cells = [[f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    table = Table(*rows[0], title=title, title_justify="left")
    for row in cells:
        table.add_row(*row)
    Console(width=160).print(table)
    if path:
        machine = {"platform": platform.platform(), "threads": torch.get_num_threads(), "torch": torch.__version__}
        result = {"title": title, "machine": machine, "rows": list(rows)}
        path.with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
        lines = [list(rows[0]), ["---"] * len(rows[0]), *cells]
        table_text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        path.with_suffix(".md").write_text(f"# {title}\n\n{table_text}\n")
