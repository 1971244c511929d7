"""The figures of a report: curves as SVG for light and dark pages, explanations as small pictures."""

import io
from typing import Any

from PIL import Image as Picture

from fixlip.evaluation.metrics import get_metric
from fixlip.evaluation.report.blocks import Image, slug
from fixlip.evaluation.report.summary import Summary
from fixlip.plots.style import INK, SOFT, new_figure, to_bytes, to_png
from fixlip.results.explanation import Explanation

DARK = {INK: "#eceae5", SOFT: "#a3a9b3", "#e3e1dc": "#343941"}
MOST = 8  # methods in a figure
QUALITY = 86  # of pictures on the page
LABELS = {"image": "share of the patches", "text": "share of the words", "": "share of patches and words"}


def curve_figures(summary: Summary) -> dict[str, list[Image]]:
    """For each metric with curves one figure for each model, setting and modality, of the best methods."""
    figures: dict[str, list[Image]] = {}
    places = dict.fromkeys((c["metric"], c["setting"], c["model"]) for c in summary.curves)
    for metric, setting, model in places:
        of_model = [c for c in summary.curves if (c["metric"], c["setting"], c["model"]) == (metric, setting, model)]
        best = _best(summary, metric, setting, model)
        curves = get_metric(metric).curves
        for side in dict.fromkeys(name.rpartition("_")[0] for name in curves):
            names = [name for name in curves if name.rpartition("_")[0] == side]
            drawn = [c for e in best for name in names for c in of_model if (c["estimator"], c["curve"]) == (e, name)]
            if drawn:
                about = ", ".join(
                    filter(None, (model, setting, _label(side).removeprefix("share of the ") if side else ""))
                )
                if len(best) < len({c["estimator"] for c in of_model}):
                    about += f" (the best {len(best)})"
                name = slug("curves", metric, setting, model, side)
                figures.setdefault(metric, []).append(_curves(drawn, name, about, _label(side)))
    return figures


def _label(side: str) -> str:
    return LABELS.get(side, f"share of the {side}")


def _best(summary: Summary, metric: str, setting: str, model: str) -> list[str]:
    """The estimators to draw, best first by the first figure of the metric."""
    place = metric, setting, model
    rows = [h for h in summary.headlines if (h["metric"], h["setting"], h["model"]) == place]
    rows = [h for h in rows if h["figure"] == rows[0]["figure"]]
    return [h["estimator"] for h in sorted(rows, key=lambda h: (-h["value"], h["estimator"]))][:MOST]


def _curves(rows: list[dict[str, Any]], name: str, about: str, label: str) -> Image:
    from fixlip.plots import curves

    lines = 1 - (-len({row["estimator"] for row in rows}) // 2)  # of the legend, with its title
    height = 3.3 + 0.18 * lines
    figure = new_figure(4.4, height)
    figure.subplots_adjust(0.12, (0.58 + 0.18 * lines) / height, 0.97, 0.97)
    curves(rows, ax=figure.add_subplot(), label=label)
    light = to_bytes(figure, "svg", facecolor="none").decode()  # text as outlines, nothing behind it
    dark = light
    for on_light, on_dark in DARK.items():
        dark = dark.replace(on_light, on_dark)
    kind = "image/svg+xml"
    return Image(name, about, to_png(figure), (kind, light.encode()), (kind, dark.encode()))


def explanation_figure(
    explanation: Explanation, words: Any, boxes: Any, others: Any, *, name: str, about: str
) -> Image:
    """The picture and the map of an object's words, with its box in both."""
    from matplotlib.patches import Rectangle

    from fixlip.plots import grounding

    picture = explanation.players.picture
    height, width = (1, 1) if picture is None else picture.shape[:2]
    panels, side, gap = 1 if picture is None else 2, 2.5, 0.08
    figure = new_figure(panels * side + (panels - 1) * gap, side * height / width)
    axes = figure.subplots(1, panels, squeeze=False, gridspec_kw={"wspace": gap / side})[0]
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.995)
    if picture is not None:
        axes[0].imshow(picture, extent=(0, width, height, 0))
        for left, top, right, bottom in boxes:
            place = (left * width, top * height), (right - left) * width, (bottom - top) * height
            for colour, thickness in (("#16181c", 3.2), ("white", 1.6)):
                axes[0].add_patch(Rectangle(*place, fill=False, edgecolor=colour, linewidth=thickness, clip_on=False))
        axes[0].set(xlim=(0, width), ylim=(height, 0))
        axes[0].set_axis_off()
    grounding(explanation, words, boxes, others=others, ax=axes[-1])
    png = to_png(figure)
    figure.set_facecolor("none")
    buffer = io.BytesIO()
    with Picture.open(io.BytesIO(to_png(figure))) as opened:
        opened.save(buffer, "WEBP", quality=QUALITY)
    page = "image/webp", buffer.getvalue()
    return Image(name, about, png, page, page)
