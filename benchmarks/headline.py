"""Write what was measured into docs/comparison.md, docs/howto/choosing.md and README.md.

python -m benchmarks.headline
"""

import json
from typing import Any

import numpy as np

from benchmarks.contestants import BANZHAF, OURS, PUBLISHED
from benchmarks.output import RESULTS, ROOT, fill, markdown
from benchmarks.race import ERRORS, until

PAGE, CHOOSING, README = ROOT / "docs" / "comparison.md", ROOT / "docs" / "howto" / "choosing.md", ROOT / "README.md"


def headline() -> str:
    """The table: what fixlip is measured against, and the ratios."""
    lines = [["compared with", "whole explanation", "without the encoder passes", "memory added", "results differ by"]]
    for row in rows_of("dense", "all pairs"):
        against = f"the published FIxLIP method, dense, {row['players']} players, {row['case']} values"
        ratios = [f"{row[column]:.3g} x faster" for column in ("times faster", "solve, times faster")]
        lines.append([against, *ratios, f"{row['memory, times less']:.0f} x less", f"{row['largest difference']:.0e}"])
    for row in rows_of("exclip", "ViT"):
        against = f"the published exCLIP method, dense, {row['case']}, last block"
        lines.append([against, f"{row['times faster']:.3g} x faster", "", "", f"{row['largest difference']:.0e}"])
    for model, ratio in {r["case"].partition(",")[0]: r["ratio"] for r in rows_of("overhead", "cross")}.items():
        lines.append([f"the encoder passes by themselves, {model}, cross pairs", f"{ratio:.2f} x as long", "", "", ""])
    shared = rows_of("captions", "captions")
    ratio = max(row.get("image side, against one caption", 0.0) for row in shared)
    against = f"one caption, when {shared[0]['pairs explained']} captions of a picture are explained"
    return markdown([*lines, [against, f"{ratio:.2f} x as long on the image side", "", "", ""]])


def race() -> str:
    """The table of what each method takes until the cross pairs are right to 10 %."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows_of("race", ""):
        model, _, name = row["case"].partition(", ")
        if row["index"] == BANZHAF:
            cells.setdefault((name, row["of"]), {})[model] = row["10%"]
    models = list(dict.fromkeys(model for cell in cells.values() for model in cell))
    lines = [[name, of, *(cell.get(model, "") for model in models)] for (name, of), cell in cells.items()]
    return markdown([["until the cross pairs are right to 10 %", "of", *models], *lines], numbers_from=2)


def first() -> str:
    """The same for one model in a sentence: the default, the published method, and the best of the others."""
    rows = [row for row in rows_of("race", "demo-clip") if row["index"] == BANZHAF]
    ours, published, others = (
        min((row for row in rows if row["of"].startswith(of)), key=passes_of) for of in (OURS, PUBLISHED, "shapiq")
    )
    name = others["case"].partition(", ")[2]
    return (
        f"Until the pairs are right to 10 %, `demo-clip` takes {ours['10%']} of CPU;\nthe published method "
        f"{published['10%']}; {name}, the best of shapiq, {others['10%']}\n([the race](benchmarks/results/race.md))."
    )


def passes_of(row: dict[str, Any]) -> float:
    """The passes that a method took until the cross pairs were right to 10 %."""
    reached = until(row["ladder"], "relative error", ERRORS[1])
    return reached.passes if reached else np.inf


def masks() -> str:
    """The table of how the default errs with the number of masks."""
    lines = [["model", "image passes", "correlation", "relative error", "coverage of 95 % intervals"]]
    for row in rows_of("passes", "cross pairs, p = 0.5, paired masks, Gaussian process"):
        numbers = (f"{row[column]:.3f}" for column in ("correlation", "relative error", "coverage of 95 % intervals"))
        lines.append([row["case"].partition(",")[0], f"{row['image passes']:,}", *numbers])
    return markdown(lines, numbers_from=1)


def rows_of(name: str, which: str) -> list[dict[str, Any]]:
    """The rows of a measurement with this in their names."""
    document = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    return [row for row in document["rows"] if which in row["case"]]


if __name__ == "__main__":
    fill(PAGE, "ratios", headline())
    fill(PAGE, "race", race())
    fill(README, "race", first())
    fill(CHOOSING, "masks", masks())
