"""The page with many patches and words in a real browser: its size, how long it takes to load and to answer.

An answer is timed from the event until its frame is drawn; a frame alone takes up to 17 ms. Medians of twelve answers;
of five pages the fastest, as other work on the machine can only add. Needs Chromium.
"""

import statistics
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.runs import Cases, Row, Settings, Targets
from fixlip import Explanation, viewer
from fixlip.metrics.curves import removal_order
from fixlip.results.removal_curves import RemovalCurves
from tests.helpers.browser import chromium
from tests.helpers.pictures import explanation

if TYPE_CHECKING:
    from playwright.sync_api import Page

TITLE = "The page in Chromium, without a GPU"
TARGETS: Targets = {}
SIZES = ((7, 10), (16, 20), (24, 32), (32, 64))  # patches of a row, words
ACTIONS = Path(__file__).with_suffix(".js").read_text("utf-8")
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"


def cases(settings: Settings) -> Cases:
    sizes, repeats = (SIZES[:1], 1) if settings.quick else (SIZES, 5)
    return {f"{side**2} patches x {words} words": partial(answers, side, words, repeats) for side, words in sizes}


def answers(side: int, words: int, repeats: int) -> Row:
    """One size, with standard errors and curves."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        path, times = Path(folder) / "page.html", []
        viewer.to_html(with_curves(explanation(grid=(side, side), words=[f"word{k}" for k in range(words)])), path)
        for _ in range(repeats):
            tab = browser.new_page(viewport={"width": 1180, "height": 900})
            times.append(measure(tab, path))
            tab.close()
        best = {f"{what} (ms)": round(min(each[what] for each in times)) for what in times[0]}
        return {"kB": round(path.stat().st_size / 1000), **best}


def with_curves(result: Explanation) -> Explanation:
    """The explanation with curves of 65 points, made up."""
    order, sizes = removal_order(result)
    curve = np.linspace(result.full_value, result.empty_value, len(sizes))
    return replace(result, curves=RemovalCurves(order, sizes, curve, curve[::-1]))


def measure(page: "Page", path: Path) -> dict[str, float]:
    """Milliseconds until a page is loaded and drawn, and the median of each kind of answer."""
    page.goto(path.as_uri())
    page.wait_for_load_state("load")
    loaded, times = page.evaluate(DRAWN), page.evaluate(ACTIONS)
    return {"load": loaded, **{name: statistics.median(total for total, _ in each) for name, each in times.items()}}
