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
    """Parse ``--name value`` for each default, and ``--json FILE``."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def publish(title: str, rows: Sequence[dict[str, Any]], path: Path | None) -> None:
    """Print rows as a table; write them with the machine's description where a path is given."""
    table = Table(*rows[0], title=title, title_justify="left")
    for row in rows:
        table.add_row(*(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()))
    Console(width=160).print(table)
    if path:
        machine = {"platform": platform.platform(), "threads": torch.get_num_threads(), "torch": torch.__version__}
        path.write_text(json.dumps({"title": title, "machine": machine, "rows": list(rows)}, indent=2) + "\n")
