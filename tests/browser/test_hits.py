"""The hits of a search in a real browser."""

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.browser import PHONE, browser, opacities, open_page, panel_of, settle
from tests.helpers.pictures import hits

pytestmark = pytest.mark.browser
__all__ = ["browser", "open_page"]

BUS = 3  # its place in the query


def shown(page):
    return [text for text in page.locator("h2").all_inner_texts() if text]


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_words_of_the_query_light_up_in_all_hits(open_page, context):
    found = hits()
    page = open_page(found, **context)
    assert page.locator("h1").inner_text() == found.query
    assert page.locator("#answer").inner_text() == found.summary()
    assert page.locator("#query button").all_inner_texts() == list(found.words)
    assert shown(page) == ["0.png", "1.png", "2.png", "3.png"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(f'#query [data-query="{BUS}"]').click()
    page.mouse.move(2, 2)
    for k, hit in enumerate(found):
        strength = np.abs(hit.cross[:, BUS])
        assert np.corrcoef(opacities(panel_of(page, k)), strength)[0, 1] > 0.99
        number = panel_of(page, k).locator(f'[data-word="{BUS}"] small').inner_text()
        assert number == f"{k - 1.5:+.2f}".replace("-", "\N{MINUS SIGN}")
        assert panel_of(page, k).locator("[aria-pressed=true]").count() == 1


def test_words_are_hatched_by_the_errors_of_the_numbers_at_them(open_page):
    """What a word adds to a hit is exact where all masks of the query were encoded, whatever its pairs' errors."""
    errors = np.zeros(7)
    errors[[BUS, 6]] = 1.0
    found = hits()
    found = replace(found, hits=tuple(replace(hit, contribution_errors=errors) for hit in found))
    page = open_page(found)
    page.locator('input[name="errors"][value="on"]').check()
    settle(page)
    for k, hit in enumerate(found):
        marked = panel_of(page, k).locator(".words .unsure").evaluate_all("all => all.map(b => Number(b.dataset.word))")
        assert marked == np.flatnonzero(np.abs(hit.contributions) < 2 * errors).tolist()
    assert marked != [BUS, 6]  # the last hit: clearly so


def test_they_are_put_in_the_order_of_a_word(open_page):
    page = open_page(hits())
    page.locator("#order").get_by_label("bus").check()
    assert shown(page) == ["3.png", "2.png", "1.png", "0.png"]
    page.locator(".look").first.click()  # one at a time, the strongest of this word
    settle(page)
    assert page.locator('[role="tab"][aria-selected="true"]').inner_text().startswith("3.png")
    page.locator('[role="tab"][aria-selected="true"]').press("ArrowDown")
    assert page.locator('[role="tab"][aria-selected="true"]').inner_text().startswith("2.png")
    page.keyboard.press("Home")
    assert page.locator("#panel-3 [data-part=pairs] tr").count() > 0
    assert not page.locator("#panel-0").is_visible()
    page.get_by_label("all hits").check()
    page.locator("#order").get_by_label("similarity").check()
    assert shown(page) == ["0.png", "1.png", "2.png", "3.png"]
