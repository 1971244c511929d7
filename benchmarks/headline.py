"""Write the ratios of the README from what was measured.

python -m benchmarks.headline
"""

import json
from typing import Any

from benchmarks.output import RESULTS, ROOT, fill, markdown

README = ROOT / "README.md"
HEADINGS = ["compared with", "whole explanation", "without the encoder passes", "memory added", "results differ by"]


def headline() -> str:
    """The table: what fixlip is measured against, and the ratios."""
    lines = []
    for row in rows_of("dense"):
        if row["case"].startswith("all pairs"):
            against = f"the published FIxLIP method, dense, {row['players']} players, {row['case']} values"
            ratios = [f"{row[column]:.3g} x faster" for column in ("times faster", "solve, times faster")]
            less = f"{row['memory, times less']:.0f} x less"
            lines.append([against, *ratios, less, f"{row['largest difference']:.0e}"])
    for row in rows_of("exclip"):
        if row["case"].startswith("ViT"):
            against = f"the published exCLIP method, dense, {row['case']}, last block"
            faster = f"{row['times faster']:.3g} x faster"
            lines.append([against, faster, "", "", f"{row['largest difference']:.0e}"])
    overheads = {row["case"].partition(",")[0]: row["ratio"] for row in rows_of("overhead") if "cross" in row["case"]}
    for model, ratio in overheads.items():
        lines.append([f"the encoder passes by themselves, {model}, cross pairs", f"{ratio:.2f} x as long", "", "", ""])
    shared = [row for row in rows_of("captions") if "image side, against one caption" in row]
    if shared:
        ratio = max(row["image side, against one caption"] for row in shared)
        against = f"one caption, when {shared[0]['pairs explained']} captions of a picture are explained"
        lines.append([against, f"{ratio:.2f} x as long on the image side", "", "", ""])
    return markdown([HEADINGS, *lines])


def rows_of(name: str) -> list[dict[str, Any]]:
    """The rows measured under a name; none where nothing was measured."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text("utf-8"))["rows"] if path.exists() else []


if __name__ == "__main__":
    fill(README, "ratios", headline())
