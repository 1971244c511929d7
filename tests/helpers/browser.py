"""A real browser for the tests of pages: import the fixtures `browser` and `open_page` by name."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from fixlip import viewer
from tests.helpers.paths import ROOT

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ARTIFACTS = Path(os.environ.get("FIXLIP_ARTIFACTS", ROOT / "artifacts"))
TABLET = {"has_touch": True, "viewport": {"width": 820, "height": 1180}}
PHONE = {"has_touch": True, "is_mobile": True, "viewport": {"width": 390, "height": 844}}


def binary():
    """The path of Chromium; None if it is not installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def chromium() -> Iterator:
    """A browser, closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=binary(), args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def browser():
    if binary() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must test the page in a browser: install chromium")
        pytest.skip("no Chromium on this machine")
    with chromium() as started:
        yield started


@pytest.fixture
def open_page(browser, tmp_path):
    """Open the page of an explanation, and what is behind "View"; at the end: no error, no request, no dialog."""
    contexts, trouble = [], []

    def show(found, name="page.html", view=True, **context):
        path = tmp_path / name
        viewer.to_html(found, path)
        contexts.append(browser.new_context(**{"viewport": {"width": 1180, "height": 900}, **context}))
        page = contexts[-1].new_page()
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or trouble.append(r.url))
        page.goto(path.as_uri())
        if view:
            page.evaluate("document.getElementById('settings').open = true")
        return page

    yield show
    for context in contexts:
        context.close()
    assert trouble == []


def settle(page):
    """Wait until what follows the pointer is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def patches(page):
    """Fill and opacity of every patch, as drawn."""
    settle(page)
    drawn = page.eval_on_selector_all(
        "[data-patch]", "all => all.map(r => [r.getAttribute('fill'), Number(r.getAttribute('fill-opacity'))])"
    )
    return [fill for fill, _ in drawn], np.array([opacity for _, opacity in drawn])


def word(page, k):
    return page.locator(f'[data-word="{k}"]')


def expect_heat(page, values):
    """The strongest patch is the most opaque, signs have their colours, opacity follows the size."""
    fills, opacity = patches(page)
    negative, positive = page.evaluate("[data.colours.negative, data.colours.positive]")
    assert np.argmax(opacity) == np.argmax(np.abs(values))
    assert all(
        fill == (negative if v < 0 else positive) for fill, v in zip(fills, values, strict=True) if abs(v) > 1e-3
    )
    assert np.corrcoef(opacity, np.abs(values))[0, 1] > 0.99


def numbers(page):
    """The numbers under the words."""
    settle(page)
    return page.eval_on_selector_all("[data-word] small", "all => all.map(s => s.textContent)")


def panel_of(page, k):
    return page.locator(".panel").nth(k)


def opacities(panel):
    settle(panel.page)
    return np.array(
        panel.locator("[data-patch]").evaluate_all("all => all.map(r => Number(r.getAttribute('fill-opacity')))")
    )


def pressed(panel):
    return panel.locator('[aria-pressed="true"] span:nth-child(2)').all_inner_texts()


def expect_scale(page, found, values):
    """Every panel is painted on the scale that its legend names."""
    settle(page)
    for k, value in enumerate(values):
        end = float(page.locator(f"#high-{k}").inner_text().split()[0])
        assert np.allclose(opacities(panel_of(page, k)), 0.88 * np.abs(value) / end, atol=0.01)
