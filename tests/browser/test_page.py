"""One explanation in a real browser: words, patches, keyboard, controls, and the numbers that they show."""

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.browser import ARTIFACTS, browser, expect_heat, numbers, open_page, patches, word
from tests.helpers.pictures import explanation

pytestmark = pytest.mark.browser
__all__ = ["browser", "open_page"]


def test_a_click_on_a_word_changes_the_heatmap(open_page):
    found = explanation()
    page = open_page(found)
    labels = [p.label for p in found.players.text]
    expect_heat(page, found.cross.sum(1))
    dog, bus = labels.index("dog"), labels.index("bus")
    word(page, dog).click()
    page.mouse.move(2, 2)
    expect_heat(page, found.cross[:, dog])
    assert word(page, dog).get_attribute("aria-pressed") == "true"
    word(page, bus).click()
    page.mouse.move(2, 2)
    expect_heat(page, found.cross[:, [dog, bus]].sum(1))
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / "page-words.png", full_page=True)
    page.get_by_role("button", name="Clear").click()
    expect_heat(page, found.cross.sum(1))


def test_hovering_previews_a_word(open_page):
    found = explanation()
    page = open_page(found)
    word(page, 1).hover()
    expect_heat(page, found.cross[:, 1])
    page.mouse.move(2, 2)
    expect_heat(page, found.cross.sum(1))


def test_patches_colour_the_words(open_page):
    found = explanation()
    page = open_page(found)
    best = int(np.argmax(found.cross.max(1)))
    page.locator(f'[data-patch="{best}"]').click()
    shown = page.eval_on_selector_all("[data-word] small", "all => all.map(s => s.textContent)")
    assert [float(s.replace("−", "-")) for s in shown] == [round(float(v), 2) for v in found.cross[best]]
    tint = page.eval_on_selector_all("[data-word] .tint", "all => all.map(t => Number(t.style.opacity))")
    assert np.argmax(tint) == np.argmax(np.abs(found.cross[best]))
    assert page.locator("#pairs tr").count() == min(12, found.players.n_text)
    first = page.locator("#pairs tr").first.inner_text()
    k = int(np.argmax(np.abs(found.cross[best])))
    assert found.players.text[k].label in first
    assert f"± {found.cross_stderr[best, k]:.2f}" in first


def test_a_drag_selects_a_region(open_page):
    page = open_page(explanation())
    box = page.locator("#picture svg").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.25, steps=4)
    page.mouse.up()
    chosen = page.eval_on_selector_all(
        '[data-patch][aria-selected="true"]', "all => all.map(r => Number(r.dataset.patch))"
    )
    assert chosen == [0, 1, 2, 7, 8, 9]
    page.screenshot(path=ARTIFACTS / "page-region.png", full_page=True)


def test_the_keyboard_alone(open_page):
    found = explanation()
    page = open_page(found)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect_heat(page, found.cross[:, 1])
    page.locator('[data-patch="0"]').focus()
    for key in ("ArrowRight", "ArrowDown", "Space"):
        page.keyboard.press(key)
    assert page.locator('[data-patch][aria-selected="true"]').get_attribute("data-patch") == "8"
    assert "row 2, column 2" in page.locator('[data-patch="8"]').get_attribute("aria-label")
    assert page.locator("#live").inner_text()
    page.keyboard.press("Escape")
    assert page.locator('[data-patch][aria-selected="true"]').count() == 0
    expect_heat(page, found.cross.sum(1))


def test_first_order_sign_and_scale(open_page):
    found = explanation()
    page = open_page(found)
    page.get_by_label("first-order").check()
    expect_heat(page, found.first_order[:49])
    page.get_by_label("interactions").check()
    page.get_by_label("positive").check()
    _, opacity = patches(page)
    assert (opacity[found.cross.sum(1) < 0] == 0).all()
    page.get_by_label("both").check()
    weakest = int(np.argmin(np.abs(found.cross).max(0)))
    word(page, weakest).click()
    shared = patches(page)[1].max()
    page.get_by_label("own").check()
    assert patches(page)[1].max() > shared


def test_first_order_only_says_so(open_page):
    found = explanation(first_only=True)
    page = open_page(found)
    expect_heat(page, found.first_order[:49])
    assert "first-order effects only" in page.locator("#hint").inner_text()
    assert page.get_by_label("interactions").is_disabled()


def test_the_status_is_prominent(open_page):
    assert open_page(explanation(status="give more masks")).locator("#status").inner_text() == "give more masks"
    assert not open_page(explanation()).locator("#status").is_visible()


def test_small_numbers_keep_their_digits(open_page):
    found = replace(explanation(scale=0.02), unit="cosine", full_value=0.2871)
    page = open_page(found)
    shown = [float(text.replace("−", "-")) for text in numbers(page)]
    assert np.allclose(shown, found.additive().text, atol=6e-5)
    assert "0.287" in page.locator("#totals").inner_text()
    assert "cosine" in page.locator("#high").inner_text()


def test_the_legend_holds_whatever_is_drawn(open_page):
    found = explanation()
    second = found.second_order.copy()
    second[0, 49:51] = second[49:51, 0] = 5.0
    second[0, 51:53] = second[51:53, 0] = -5.0
    second[1, 49] = second[49, 1] = 5.5
    page = open_page(replace(found, second_order=second))
    word(page, 0).click()
    word(page, 1).click()
    page.mouse.move(2, 2)
    assert page.locator("#high").inner_text() == "+10.00 logit"
    assert np.argmax(patches(page)[1]) == 0


def test_the_title_names_what_is_in_the_table(open_page):
    found = explanation()
    page = open_page(found)
    dog, bus = (found.players.find_text(name)[0] for name in ("dog", "bus"))
    word(page, dog).click()
    word(page, bus).click()
    word(page, dog).hover()
    assert page.locator("#pairs-title").inner_text().startswith("Strongest pairs of dog, bus with")
    assert {row.split("\t")[0] for row in page.locator("#pairs tr").all_inner_texts()} == {"dog", "bus"}


def test_a_filter_hides_colours_and_no_numbers(open_page):
    found = explanation()
    page = open_page(found)
    before = numbers(page)
    page.get_by_label("positive").check()
    assert numbers(page) == before
    assert all("−" not in row for row in page.locator("#pairs tr").all_inner_texts())


def test_pairs_that_are_not_estimated(open_page):
    found = explanation()
    second = found.second_order.copy()
    second[:49, 50] = second[50, :49] = second[0, 49:] = second[49:, 0] = np.nan
    page = open_page(replace(found, second_order=second))
    expect_heat(page, np.where(np.arange(49) == 0, 0, np.delete(found.cross, 1, axis=1).sum(1)))
    assert float(numbers(page)[1].replace("−", "-")) == pytest.approx(found.first_order[50], abs=0.006)  # all it has
    assert "not estimated" in page.locator('[data-patch="0"]').get_attribute("aria-label")
    assert f"{49 + found.players.n_text - 1} of {49 * found.players.n_text} pairs" in page.locator("#hint").inner_text()
