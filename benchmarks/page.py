"""The page with many patches and words in a real browser: its size, how long it takes to load and to answer.

    python -m benchmarks.page [--out benchmarks/results/page]

An answer is timed from the event until its frame is drawn; a frame alone takes up to 17 ms. Medians of twelve answers;
of five pages the fastest, as other work on the machine can only add. Needs Chromium.
"""

import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.output import arguments, publish
from fixlip import Explanation, viewer
from fixlip.metrics.curves import removal_order
from fixlip.results.removal_curves import RemovalCurves
from tests.helpers.browser import chromium
from tests.helpers.pictures import explanation

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZES = {"49 x 10": (7, 10), "256 x 20": (16, 20), "576 x 32": (24, 32), "1024 x 64": (32, 64)}
REPEATS = 5
ACTIONS = """
async () => {
  const drawn = () => new Promise((done) => requestAnimationFrame(() => { setTimeout(done); }));
  const timed = async (act) => {
    await drawn();
    const start = performance.now();
    act();
    const script = performance.now() - start;
    await drawn();
    return [performance.now() - start, script];
  };
  const repeated = async (count, act) => {
    const times = [];
    for (let k = 0; k < count; k++) times.push(await timed(() => act(k)));
    return times;
  };
  const svg = document.querySelector("[data-patch]").ownerSVGElement, box = svg.getBoundingClientRect();
  const words = [...document.querySelectorAll("[data-word]")], shapes = [...document.querySelectorAll("[data-patch]")];
  const at = (kind, x, y) => new PointerEvent(kind, {
    bubbles: true, pointerType: "mouse", button: 0, clientX: box.x + x * box.width, clientY: box.y + y * box.height });
  const over = (element, kind) => element.dispatchEvent(new PointerEvent(kind, { pointerType: "mouse" }));
  const point = (shape, kind) => {
    const { x, y, width, height } = shape.getBoundingClientRect(), [clientX, clientY] = [x + width / 2, y + height / 2];
    shape.dispatchEvent(new PointerEvent(kind, { bubbles: true, pointerType: "mouse", clientX, clientY }));
  };
  const found = {}, some = (k) => shapes[(7 * k) % shapes.length];
  found["word click"] = await repeated(12, (k) => words[k % words.length].click());
  clear();
  found["word hover"] = await repeated(12, (k) => {
    over(words[k % words.length], "pointerleave");
    over(words[(k + 1) % words.length], "pointerenter");
  });
  over(words[0], "pointerleave");
  found["patch hover"] = await repeated(12, (k) => {
    for (const kind of ["pointerover", "pointermove"]) point(some(k), kind);
  });
  found["patch click"] = await repeated(12, (k) => some(k).dispatchEvent(new MouseEvent("click", { bubbles: true })));
  clear();
  svg.dispatchEvent(at("pointerdown", 0.02, 0.02));
  found["drag"] = await repeated(12, (k) => svg.dispatchEvent(at("pointermove", 0.1 + 0.07 * k, 0.1 + 0.07 * k)));
  found["drag end"] = await repeated(1, () => svg.dispatchEvent(at("pointerup", 0.95, 0.95)));
  clear();
  return found;
}
"""


def with_curves(found: Explanation) -> Explanation:
    """The explanation with curves of 65 points, made up."""
    order, sizes = removal_order(found)
    curve = np.linspace(found.full_value, found.empty_value, len(sizes))
    return replace(found, curves=RemovalCurves(order, sizes, curve, curve[::-1]))


def measure(page: "Page", path: Path) -> dict[str, float]:
    """Milliseconds until a page is loaded and drawn, and the median of each kind of answer."""
    page.goto(path.as_uri())
    page.wait_for_load_state("load")
    loaded = page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"
    )
    times = page.evaluate(ACTIONS)
    return {"load": loaded, **{name: statistics.median(total for total, _ in own) for name, own in times.items()}}


def rows() -> list[dict[str, Any]]:
    """All sizes, each with standard errors and curves."""
    found = []
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for name, (side, words) in SIZES.items():
            path = Path(folder) / "page.html"
            page = with_curves(explanation(grid=(side, side), words=[f"word{k}" for k in range(words)]))
            viewer.to_html(page, path)
            times = []
            for _ in range(REPEATS):
                tab = browser.new_page(viewport={"width": 1180, "height": 900})
                times.append(measure(tab, path))
                tab.close()
            best = {f"{what} (ms)": round(min(one[what] for one in times)) for what in times[0]}
            found.append({"patches x words": name, "kB": round(path.stat().st_size / 1000), **best})
    return found


if __name__ == "__main__":
    publish("The page in Chromium, without a GPU", rows(), arguments(__doc__).out)
