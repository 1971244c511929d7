"""Draw benchmarks/results/race.png from what was measured: relative error against CPU seconds.

python -m benchmarks.race_figure
"""

import io
import json
from typing import Any

from PIL import Image

from benchmarks.contestants import BANZHAF, SHAPLEY
from benchmarks.output import RESULTS
from benchmarks.race import ERRORS
from benchmarks.runs import Row
from fixlip.plots.style import COLOURS, INK, MARKERS, SOFT, log_axis, new_figure, panel, to_png

PICTURE = RESULTS / "race.png"
PANELS = [("demo-clip", BANZHAF), ("demo-siglip", BANZHAF), ("ViT-B-32", BANZHAF)] + [
    (model, SHAPLEY) for model in ("demo-clip", "demo-siglip")
]


def draw(rows: list[Row]) -> Any:
    """A panel for each model and index with a line for each method, and one for the legend."""
    figure, raced = new_figure(11, 6.6), [row for row in rows if "ladder" in row]
    figure.set_layout_engine("constrained")
    names = list(dict.fromkeys(name_of(row) for row in raced))
    *places, legend = figure.subplots(2, 3).ravel()
    drawn = {}
    for ax, (model, index) in zip(places, PANELS, strict=True):
        for row in raced:
            if row["case"].startswith(f"{model},") and row["index"] == index:
                drawn[name_of(row)] = line(ax, row["ladder"], names.index(name_of(row)))
        for goal in ERRORS:
            ax.axhline(goal, color=SOFT, linewidth=0.8, linestyle=":")
        log_axis(ax.xaxis)
        log_axis(ax.yaxis)
        ax.set_ylim(0.02, 2)
        ax.set_title(f"{model}, {index}", fontsize=8.5, color=SOFT, loc="left")
        panel(ax, size=7.5)
    for ax in (places[0], places[3]):
        ax.set_ylabel("relative error", fontsize=8.5, color=INK)
    for ax in places[2:]:
        ax.set_xlabel("seconds of the CPU", fontsize=8.5, color=INK)
    legend.set_axis_off()
    legend.legend(drawn.values(), drawn, loc="center left", frameon=False, fontsize=8.5, labelcolor=INK)
    return figure


def name_of(row: Row) -> str:
    """The method of a row, and who made it."""
    return f"{row['case'].partition(', ')[2]} ({row['of']})"


def line(ax: Any, ladder: list[dict[str, float]], k: int) -> Any:
    """The line of the k-th method."""
    x, y = ([rung[name] for rung in ladder] for name in ("seconds", "relative error"))
    style = {"color": COLOURS[k % len(COLOURS)], "marker": MARKERS[k % len(MARKERS)]}
    return ax.plot(x, y, markersize=4.5, linewidth=1.5, linestyle="-" if k < len(COLOURS) else "--", **style)[0]


def main() -> None:
    rows = json.loads((RESULTS / "race.json").read_text("utf-8"))["rows"]
    with Image.open(io.BytesIO(to_png(draw(rows)))) as picture:
        picture.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(PICTURE, "PNG", optimize=True)
    print(f"{PICTURE.name}: {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
