"""Explanations one at a time, and galleries, in a real browser."""

import numpy as np
import pytest

from fixlip.results.contrast import Contrast
from fixlip.results.gallery import Gallery
from tests.helpers.browser import ARTIFACTS, PHONE, TABLET, browser, expect_scale, open_page, panel_of, pressed
from tests.helpers.pictures import comparison, contrast, explanation, gallery

pytestmark = pytest.mark.browser
__all__ = ["browser", "open_page"]
HOSTILE = "<img src=x onerror=alert(1)>"


def tab(page, k):
    return page.get_by_role("tab").nth(k)


def shown(page):
    """Which panels can be seen."""
    return page.eval_on_selector_all(".panel", "all => all.flatMap((p, k) => (p.offsetWidth ? [k] : []))")


def test_one_at_a_time_and_back(open_page):
    found = comparison()
    page = open_page(found)
    assert shown(page) == [0, 1, 2]
    assert page.get_by_role("tab").count() == 0
    narrow = panel_of(page, 0).locator(".picture").bounding_box()["width"]
    page.get_by_label("one at a time").check()
    assert shown(page) == [0]
    assert panel_of(page, 0).locator(".picture").bounding_box()["width"] > 1.4 * narrow
    tab(page, 1).click()
    assert shown(page) == [1]
    assert tab(page, 1).get_attribute("aria-selected") == "true"
    assert [tab(page, k).inner_text().split("\n")[0] for k in range(3)] == list(found.labels)
    page.get_by_label("side by side").check()
    assert shown(page) == [0, 1, 2]
    expect_scale(page, found, [e.patch_values() for _, e in found])


def test_words_stay_chosen_and_the_scale_shared(open_page):
    found = comparison()
    page = open_page(found)
    page.get_by_label("one at a time").check()
    page.locator('.panel:not([hidden]) [data-word="3"]').click()
    page.mouse.move(2, 2)
    ends = [page.locator("#high-0").inner_text()]
    for k in (1, 2):
        tab(page, k).click()
        ends.append(page.locator(f"#high-{k}").inner_text())
    assert len(set(ends)) == 1
    assert [pressed(panel_of(page, k)) for k in range(3)] == [["dog"], ["do", "g"], ["dog"]]
    page.get_by_label("side by side").check()
    expect_scale(page, found, [e.patch_values((11, 14)) for _, e in found])


def test_tabs_by_keyboard(open_page):
    page = open_page(gallery())
    page.locator("h1").click()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.role") == "tab":
            break
    for key, now in (("ArrowDown", 1), ("ArrowRight", 2), ("End", 5), ("ArrowDown", 0), ("ArrowUp", 5), ("Home", 0)):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.id") == f"tab-{now}"
        assert shown(page) == [now]
        assert tab(page, now).get_attribute("aria-controls") == panel_of(page, now).get_attribute("id")
        assert panel_of(page, now).get_attribute("aria-labelledby") == f"tab-{now}"
    page.keyboard.press("Tab")  # on, past the other tabs, into the panel
    assert page.evaluate("document.activeElement.dataset.word") == "0"
    assert page.locator('[role="tab"][tabindex="0"]').count() == 1


def test_a_word_is_chosen_wherever_it_occurs(open_page):
    found = gallery()
    page = open_page(found)
    page.locator('.panel:not([hidden]) [data-word="4"]').click()
    page.mouse.move(2, 2)
    assert [pressed(panel_of(page, k)) for k in range(6)][:3] == [["bus"], [], []]  # drawn when it is shown
    tab(page, 3).click()
    assert pressed(panel_of(page, 3)) == ["bus"]
    expected = found[3].patch_values("bus")
    drawn = (
        panel_of(page, 3)
        .locator("[data-patch]")
        .evaluate_all("a => a.map(r => Number(r.getAttribute('fill-opacity')))")
    )
    assert np.corrcoef(drawn, np.abs(expected))[0, 1] > 0.99
    tab(page, 5).click()  # which has no bus: all of its words
    drawn = (
        panel_of(page, 5)
        .locator("[data-patch]")
        .evaluate_all("a => a.map(r => Number(r.getAttribute('fill-opacity')))")
    )
    assert np.corrcoef(drawn, np.abs(found[5].patch_values()))[0, 1] > 0.99
    assert "all 3 words" in page.locator("#pairs-title-5").inner_text()


def test_a_gallery_of_pictures_shows_them_in_its_list(open_page):
    found = [explanation(seed=seed, words=["a", "dog"]) for seed in range(14)]
    page = open_page(Gallery(tuple(found), tuple(f"picture {k}" for k in range(14)), "Pictures"))
    assert page.locator("h1").inner_text() == "Pictures"
    assert page.get_by_role("tab").locator("img").count() == 14
    assert page.evaluate("[...document.images].every((i) => i.naturalWidth > 100)")
    tab(page, 13).click()
    assert shown(page) == [13]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=ARTIFACTS / "gallery-pictures.png", full_page=True)


@pytest.mark.parametrize(
    "context", [{}, {"color_scheme": "dark"}, TABLET, PHONE], ids=["light", "dark", "tablet", "phone"]
)
@pytest.mark.parametrize("make", [comparison, contrast, gallery])
def test_tabs_fit(open_page, make, context):
    page = open_page(make(), view=False, **context)
    page.locator("#settings > summary").click()
    page.get_by_label("one at a time").check()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if context != PHONE:
        cut = "all => all.some(box => box.scrollWidth > box.clientWidth + 1)"
        assert not page.locator("#contrast, .panel table").evaluate_all(cut)
    for k in range(page.get_by_role("tab").count()):
        tab(page, k).click()
        assert shown(page) == [k]


@pytest.mark.parametrize("make", [comparison, contrast, gallery])
def test_hostile_text_does_nothing_in_any_of_them(open_page, make):
    one = explanation(words=[HOSTILE, "dog"], model=HOSTILE, status=HOSTILE)
    pages = {
        comparison: lambda: type(comparison())((one, one), (HOSTILE, "other")),
        contrast: lambda: Contrast(one, explanation(words=["dog"], model=HOSTILE)),
        gallery: lambda: Gallery((one, one), (HOSTILE, "other"), HOSTILE),
    }
    page = open_page(pages[make]())
    page.get_by_label("one at a time").check()
    for k in range(page.get_by_role("tab").count()):
        tab(page, k).click()
        panel_of(page, k).locator("summary").click()
    assert HOSTILE in page.locator("h1").inner_text()
    assert page.locator("img[onerror]").count() == 0
    assert page.locator('[data-word="0"] span').nth(1).text_content() == HOSTILE
