"""Write the ratios of the README from what was measured.

python -m benchmarks.headline
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.output import fill, markdown

RESULTS = Path(__file__).parent / "results"
README = RESULTS.parents[1] / "README.md"


def main() -> None:
    fill(README, "ratios", headline())


def headline() -> str:
    """The table: what fixlip is measured against, and the ratios."""
    lines = [["compared with", "whole explanation", "without the encoder passes", "memory added", "results differ by"]]
    for row in rows_of("dense"):
        if row["case"].startswith("all pairs"):
            ratios = [faster(row["times faster"]), faster(row["solve, times faster"])]
            against = f"the published FIxLIP method, dense, {row['players']} players, {row['case']} values"
            less = f"{row['memory, times less']:.0f} x less"
            lines.append([against, *ratios, less, small(row["largest difference"])])
    for row in rows_of("exclip"):
        if row["case"].startswith("ViT"):
            against = f"the published exCLIP method, dense, {row['case']}, last block"
            lines.append([against, faster(row["times faster"]), "", "", small(row["largest difference"])])
    overheads = {row["case"].partition(",")[0]: row["ratio"] for row in rows_of("overhead") if "cross" in row["case"]}
    for model, ratio in overheads.items():
        lines.append([f"the encoder passes by themselves, {model}, cross pairs", f"{ratio:.2f} x as long", "", "", ""])
    shared = [row for row in rows_of("captions") if "image side, against one caption" in row]
    if shared:
        ratio = max(row["image side, against one caption"] for row in shared)
        against = f"one caption, when {shared[0]['pairs explained']} captions of a picture are explained"
        lines.append([against, f"{ratio:.2f} x as long on the image side", "", "", ""])
    return markdown(lines)


def rows_of(name: str) -> list[dict[str, Any]]:
    """The rows measured under a name; none where nothing was measured."""
    path = RESULTS / f"{name}.json"
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["rows"] if path.exists() else []
    return found


def faster(times: float) -> str:
    return f"{times:.3g} x faster"


def small(difference: float) -> str:
    return f"{difference:.0e}"


if __name__ == "__main__":
    main()
