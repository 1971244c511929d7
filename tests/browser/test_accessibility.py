"""The page for everybody: axe-core, keyboard, touch, reduced motion, forced colours, print, colour-blindness."""

import numpy as np
import pytest

from fixlip.plots import colours
from tests.helpers.browser import PHONE, browser, open_page, settle, word
from tests.helpers.pictures import comparison, contrast, explanation, gallery, hits

pytestmark = pytest.mark.browser
__all__ = ["browser", "open_page"]

PAGES = {
    "one": lambda: explanation(status="give more masks"),
    "comparison": comparison,
    "contrast": contrast,
    "gallery": gallery,
    "hits": hits,
    "first-order": lambda: explanation(first_only=True),
}


def violations(page):
    """The violations that axe-core finds, however slight."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [(v["id"], v["impact"], v["help"], [node["html"][:120] for node in v["nodes"]][:3]) for v in found]


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(open_page, name):
    page = open_page(PAGES[name](), color_scheme="light")
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    assert violations(page) == []
    if page.locator("#layout input").count():
        page.get_by_label("one at a time").check()
        assert violations(page) == []
        page.locator("#layout input").first.check()
        assert violations(page) == []
    word(page, 0).first.click()
    page.locator('[data-patch="3"]').first.click()
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []


def test_axe_would_find_something(open_page):
    page = open_page(explanation())
    page.evaluate("document.querySelector('[data-word]').replaceChildren()")
    assert [found[:2] for found in violations(page)] == [("button-name", "critical")]


def luminance(colour):
    """WCAG's relative luminance of colours in 0..255, [..., 3]."""
    return linear(colour) @ [0.2126, 0.7152, 0.0722]


def linear(colour):
    part = np.asarray(colour) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def rgb(text):
    return np.array([float(v) for v in text[text.index("(") + 1 : -1].split(",")[:3]])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_on_the_strongest_tint(open_page, scheme):
    page = open_page(explanation(), color_scheme=scheme)
    page.get_by_label("own").check()
    strongest = 0
    for button in page.locator("[data-word]").all():
        ink, card, tint, opacity = button.evaluate(
            "b => [...['color', 'backgroundColor'].map(n => getComputedStyle(b)[n]),"
            " ...['backgroundColor', 'opacity'].map(n => getComputedStyle(b.firstChild)[n])]"
        )
        strongest = max(strongest, float(opacity))
        behind = float(opacity) * rgb(tint) + (1 - float(opacity)) * rgb(card)
        dark, bright = sorted((luminance(rgb(ink)), luminance(behind)))
        assert (bright + 0.05) / (dark + 0.05) > 4.5
    assert strongest == pytest.approx(0.62, abs=0.01)


@pytest.mark.parametrize("make", [explanation, gallery, contrast])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(open_page, make):
    page = open_page(make())
    reached = []
    for _ in range(150):
        page.keyboard.press("Tab")
        now = page.evaluate(
            """() => {
              const a = document.activeElement;
              if (a === document.body) return null;
              const seen = a.matches("input[type=radio]") ? a.parentElement : a, box = seen.getBoundingClientRect();
              const ring = a.dataset.patch && a.ownerSVGElement.querySelector(".ring.focused.line").getAttribute("d");
              const outline = getComputedStyle(seen);
              a.dataset.reached = "";
              return { visible: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
                marked: Boolean(ring) || (outline.outlineStyle !== "none" && parseFloat(outline.outlineWidth) >= 2),
                name: a.name || a.id || a.textContent };
            }"""
        )
        if now is None:
            break
        assert now["visible"], now
        assert now["marked"], now
        reached.append(now["name"])
    left = page.evaluate(
        """() => {
          const group = (e) => e.type === "radio" && document.querySelector(`[name="${e.name}"][data-reached]`);
          return [...document.querySelectorAll("button, input, summary, [tabindex='0']")].filter((e) =>
            e.checkVisibility() && !e.disabled && e.tabIndex >= 0 && !("reached" in e.dataset) && !group(e))
            .map((e) => e.outerHTML);
        }"""
    )
    assert left == []
    assert {"view", "sign", "scale", "clear"} <= set(reached)


def test_a_finger_finds_its_targets(open_page):
    for make in (explanation, gallery, contrast):
        page = open_page(make(), **PHONE)
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
        small = page.evaluate(
            """() => [...document.querySelectorAll("button, label, summary")].filter((e) => e.checkVisibility())
              .map((e) => [e.textContent, e.getBoundingClientRect()]).filter(([, b]) => b.height < 32 || b.width < 24)
              .map(([text, b]) => [text, b.width, b.height])"""
        )
        assert small == []
    page = open_page(gallery(), **PHONE)
    page.get_by_role("tab").nth(1).tap()
    page.locator('.panel:not([hidden]) [data-patch="10"]').tap()
    assert page.locator('#panel-1 [data-patch="10"]').get_attribute("aria-selected") == "true"
    page.locator('#panel-1 [data-word="1"]').tap()
    assert page.locator('#panel-1 [data-word="1"]').get_attribute("aria-pressed") == "true"
    assert page.locator(".hovered").count() == 0


def test_nothing_moves_for_those_who_asked_for_it(open_page):
    moving = (
        "() => [...document.querySelectorAll('*')]"
        ".filter((e) => parseFloat(getComputedStyle(e).transitionDuration) > 0).length"
    )
    page = open_page(explanation(), reduced_motion="reduce")
    page.evaluate("document.querySelector('[data-word]').style.transition = 'opacity 1s'")
    assert page.evaluate(moving) == 0
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(moving) == 1


def test_forced_colours_keep_what_means_something(open_page):
    page = open_page(gallery(), forced_colors="active")
    word(page, 1).first.click()
    page.mouse.move(2, 2)
    settle(page)
    tints = page.eval_on_selector_all("#panel-0 .tint", "all => all.map((t) => getComputedStyle(t).backgroundColor)")
    blue, orange = ("rgb({}, {}, {})".format(*bytes.fromhex(c[1:])) for c in (colours.NEGATIVE, colours.POSITIVE))
    assert set(tints) == {blue, orange}
    chosen, other = (
        word(page, k).first.evaluate("b => getComputedStyle(b).outlineStyle + getComputedStyle(b).outlineWidth")
        for k in (1, 2)
    )
    assert chosen == "solid3px" != other
    on, off = (page.locator("#sign label").nth(k).evaluate("l => getComputedStyle(l).backgroundColor") for k in (0, 1))
    assert on != off


def test_on_paper_it_is_light_and_without_controls(open_page):
    page = open_page(explanation(), color_scheme="dark")
    assert page.locator("#settings").is_visible()
    page.emulate_media(media="print")
    assert not page.locator("#settings").is_visible()
    assert not page.get_by_text("Choose words").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.tint')).printColorAdjust") == "exact"
    assert page.locator("[data-word]").first.is_visible()
    assert page.locator("#pairs").is_visible()
    assert 1 <= page.pdf().count(b"/Type /Page\n") <= 2


def test_language_title_and_names(open_page):
    page = open_page(comparison())
    assert page.get_attribute("html", "lang") == "en"
    assert page.title() == "there is a dog, a bus and also an owl · fixlip"
    assert page.get_by_role("main").count() == 1
    for k, label in enumerate(comparison().labels):
        panel = page.get_by_role("region", name=label, exact=True)
        assert panel.get_attribute("id") == f"panel-{k}"
        assert panel.get_by_role("group", name="Words of the caption").count() == 1
    for name in ("Show", "Sign", "Scale", "Layout"):
        assert page.get_by_role("group", name=name, exact=True).get_by_role("radio").count() >= 2
