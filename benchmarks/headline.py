"""Write the ratios of the README from what was measured.

python -m benchmarks.headline
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.output import markdown

RESULTS = Path(__file__).parent / "results"
README = RESULTS.parents[1] / "README.md"
MARKS = "<!-- ratios -->\n", "<!-- /ratios -->"


def main() -> None:
    text = README.read_text("utf-8")
    before, _, rest = text.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    README.write_text(before + MARKS[0] + headline() + MARKS[1] + after, "utf-8")


def headline() -> str:
    """The table: what is compared, and the ratio."""
    lines = [["what", "against", "ratio", "results differ by"]]
    for row in rows_of("dense"):
        against = f"the published FIxLIP done densely, {row['players']} players, {row['case']} values"
        lines += [
            ["an explanation", against, faster(row["times faster"]), small(row["largest difference"])],
            ["the solve alone", "the same", faster(row["solve, times faster"]), ""],
            ["memory that it adds", "the same", f"{row['memory, times less']:.0f} times less", ""],
        ]
    for row in rows_of("exclip"):
        if row["case"].startswith("ViT"):
            against = f"the published exCLIP, {row['case']}, last block"
            lines.append(
                ["integrated gradients", against, faster(row["times faster"]), small(row["largest difference"])]
            )
    overheads = {row["case"]: row["ratio"] for row in rows_of("overhead")}
    if overheads:
        low, high = min(overheads.values()), max(overheads.values())
        names = ", ".join(dict.fromkeys(case.partition(",")[0] for case in overheads))
        lines.append([f"an explanation ({names})", "its encoder passes alone", f"{low:.2f} to {high:.2f}", ""])
    shared = [row for row in rows_of("captions") if "image side, against one caption" in row]
    if shared:
        ratio = max(row["image side, against one caption"] for row in shared)
        lines.append(
            [f"{shared[0]['pairs explained']} captions of one picture", "one caption, image side", f"{ratio:.2f}", ""]
        )
    return markdown(lines) + "\n"


def rows_of(name: str) -> list[dict[str, Any]]:
    """What was measured under a name; nothing where it was not."""
    path = RESULTS / f"{name}.json"
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["rows"] if path.exists() else []
    return found


def faster(times: float) -> str:
    return f"{times:.3g} times faster"


def small(difference: float) -> str:
    return f"{difference:.0e}"


if __name__ == "__main__":
    main()
