"""The square of the variance, and two words chosen together, in a real browser."""

import re
from dataclasses import replace

import numpy as np
import pytest

from fixlip import Comparison
from fixlip.results.contrast import Contrast
from fixlip.results.spectrum import Spectrum
from fixlip.results.third_order import ThirdOrder
from fixlip.viewer.numbers import with_minus
from tests.browser.test_downloads import downloaded, picture_of
from tests.browser.test_interactions import choose, unclear
from tests.helpers.browser import ARTIFACTS, PHONE, browser, expect_heat, numbers, opacities, open_page, panel_of, word
from tests.helpers.pictures import explanation, of_tokens

pytestmark = pytest.mark.browser
__all__ = ["browser", "open_page"]
VARIANCES = np.array([[0.0, 3.9, 0.42], [3.6, 1.2, 0.128], [0.42, 0.07, 0.004]])
ONE, OTHER = 3, 5


def third(found, seed=0):
    """The same with interactions of three players, their errors, and the variance by orders."""
    rng = np.random.default_rng(seed)
    pairs = rng.normal(0, 0.02, (found.players.n_image, *(found.players.n_text,) * 2))
    third_order = ThirdOrder(pairs + pairs.swapaxes(1, 2))
    stderr = found.stderr and replace(found.stderr, third_order=third_order.map(lambda v: np.full(v.shape, 0.02)))
    return replace(found, third_order=third_order, stderr=stderr, power=Spectrum(VARIANCES, VARIANCES / 20, 10.0))


def test_the_square_has_the_shares_and_their_errors(open_page):
    found = third(explanation())
    page = open_page(found)
    square = page.get_by_role("table").filter(has_text="no patch")
    assert square.locator("thead th").all_inner_texts() == ["no word", "1 word", "2 words"]
    rows = [row.get_by_role("cell").all_inner_texts() for row in square.locator("tbody tr").all()]
    assert rows == [["", "39%", "4%"], ["36%", "12%", "1%"], ["4%", "1%", "<1%"]]
    shades = "all => all.map(cell => parseFloat(cell.style.getPropertyValue('--share')))"
    strength = np.array(square.locator("[title]").evaluate_all(shades))
    assert (np.diff(strength[np.argsort(VARIANCES.ravel()[1:])]) >= 0).all()
    assert strength.max() > 5 * strength.min()
    named = page.get_by_role("cell", name="1 patch, 2 words: 1.3% ± 0.1%")
    assert named.inner_text() == "1%"
    assert page.locator("#spectrum p").inner_text() == found.power.caption()
    assert found.power.summary() in found.power.caption()


def test_without_its_numbers_the_page_has_neither(open_page):
    page = open_page(explanation())
    assert not page.locator("#spectrum").is_visible()
    word(page, ONE).click()
    word(page, OTHER).click(modifiers=["Shift"])
    assert page.locator('[data-word][aria-pressed="true"]').count() == 2
    assert page.locator(".together").count() == 0
    assert "shift" not in page.locator("body").inner_text().casefold()
    assert not {"power", "bindings"} & set(page.evaluate("Object.keys(data)"))


def expect_bound(page, found, one=ONE, other=OTHER):
    """The picture and the sentence are those of two words."""
    bound = found.binding(one, other)
    page.mouse.move(2, 2)
    expect_heat(page, bound.values)
    said = page.locator(".together span").inner_text()
    assert said == with_minus(bound.summary())
    value = float(re.search(r": ([+−][\d.]+)", said)[1].replace("−", "-"))
    assert value == pytest.approx(bound.total, abs=0.006)
    assert page.evaluate("sum(panels[0].bound.values, (v) => v)") == pytest.approx(bound.total, abs=1e-4)
    end = float(page.locator("#high").inner_text().split()[0])
    assert end == pytest.approx(np.abs(bound.values).max(), rel=0.01)
    assert opacities(panel_of(page, 0)).max() == pytest.approx(0.88, abs=1e-3)
    assert said in page.locator("#live").text_content()


def expect_usual(page, found, words):
    page.mouse.move(2, 2)
    expect_heat(page, found.cross[:, words].sum(1))
    assert page.evaluate("panels[0].bound === undefined")


def test_two_words_by_mouse(open_page):
    found = third(explanation())
    page, every = open_page(found), list(range(found.players.n_text))
    assert "shift-click" in page.locator("#hint").inner_text()
    before = numbers(page)
    word(page, ONE).click()
    expect_usual(page, found, [ONE])
    word(page, OTHER).click(modifiers=["Shift"])
    expect_bound(page, found)
    assert numbers(page) == before
    assert page.locator("[data-link]").count() == 0
    strongest = np.abs(found.binding(ONE, OTHER).values).argmax()
    assert page.locator("#pairs tr").first.locator("td").nth(1).inner_text() == found.players.image[strongest].label
    word(page, 0).click(modifiers=["Shift"])  # with the last
    expect_bound(page, found, 0, OTHER)
    word(page, 2).hover()
    assert page.evaluate("panels[0].bound === undefined"), "a preview of one word"
    word(page, 2).click()
    expect_usual(page, found, [0, 2, OTHER])
    assert not page.locator(".together").is_visible()
    page.keyboard.press("Escape")
    expect_usual(page, found, every)


def test_two_words_by_keyboard(open_page):
    found = third(explanation(), seed=1)
    page = open_page(found)
    for key in ("Enter", "Space"):
        word(page, ONE).focus()
        page.keyboard.press(f"Shift+{key}")
        expect_usual(page, found, [ONE])
        word(page, OTHER).focus()
        page.keyboard.press(f"Shift+{key}")
        expect_bound(page, found)
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        expect_usual(page, found, list(range(found.players.n_text)))


def test_two_words_by_touch(open_page):
    found = third(explanation())
    page = open_page(found, view=False, **PHONE)
    word(page, ONE).tap()
    word(page, OTHER).tap()
    expect_usual(page, found, [ONE, OTHER])
    where = page.get_by_role("button", name="Show where")
    where.tap()
    expect_bound(page, found)
    assert where.get_attribute("aria-pressed") == "true"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=ARTIFACTS / "page-phone-together.png", full_page=True)
    where.tap()
    expect_usual(page, found, [ONE, OTHER])


def test_uncertainty_and_the_png_are_those_of_both_words(open_page):
    found = third(explanation(picture=False))
    page = open_page(found)
    choose(page, "errors", "on")
    word(page, ONE).click()
    word(page, OTHER).click(modifiers=["Shift"])
    bound = found.binding(ONE, OTHER)
    assert unclear(page)[0] == np.flatnonzero(np.abs(bound.values) < 2 * bound.stderr).tolist()
    choose(page, "errors", "off")
    image, box = picture_of(page, downloaded(page, "PNG")[1])
    left, top = int(box["x"]), int(box["y"])
    square = np.asarray(image, float)[top : top + 1200, left : left + 1200]
    heat = (square[..., 0] - square[..., 2])[86::171, 86::171].ravel()
    assert np.corrcoef(heat, bound.values)[0, 1] > 0.98


def test_words_are_joined_in_every_panel_that_can(open_page):
    tokens = of_tokens(split="dog", left_out="")
    both = Comparison((third(explanation()), explanation(seed=2), third(tokens, 4)), ("one", "pairs", "tokens"))
    page = open_page(both)
    dog = both.explanations[0].players.find_text("dog")[0]
    word(panel_of(page, 0), dog).click()
    word(panel_of(page, 0), dog + 2).click(modifiers=["Shift"])
    other = both.explanations[0].players.text[dog + 2].label
    said = page.locator(".together span").all_inner_texts()
    halves = both.explanations[2].players.find_text("dog")
    two = both.explanations[0].binding("dog", other), both.explanations[2].binding(halves, other)
    assert said == [with_minus(bound.summary()) for bound in two]
    limit = max(np.abs(bound.values).max() for bound in two)
    for k, bound in zip((0, 2), two, strict=True):
        assert np.allclose(opacities(panel_of(page, k)), 0.88 * np.abs(bound.values) / limit, atol=2e-3)
    usual = both.explanations[1].cross[:, [dog, dog + 2]].sum(1)
    assert np.corrcoef(opacities(panel_of(page, 1)), np.abs(usual))[0, 1] > 0.99


def test_a_contrast_joins_words_from_its_table(open_page):
    one = third(explanation(words=["a", "dog", "by", "a", "bus"]))
    found = Contrast(one, third(explanation(words=["a", "cat", "by", "a", "bus"], seed=2), 3))
    page = open_page(found)
    page.locator('[data-part-word="1"]').click()
    page.locator('[data-part-word="4"]').click(modifiers=["Shift"])
    said = page.locator(".together span").all_inner_texts()
    assert said == [with_minus(e.binding(1, 4).summary()) for e in (found.first, found.second, found.aligned)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(third(explanation()), color_scheme=scheme)
    word(page, ONE).click()
    word(page, OTHER).click(modifiers=["Shift"])
    assert Axe().run(page).response["violations"] == []
    page.screenshot(path=ARTIFACTS / f"page-together-{scheme}.png", full_page=True)
