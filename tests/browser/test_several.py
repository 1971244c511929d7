"""Comparisons and contrasts in a real browser."""

import numpy as np
import pytest

from fixlip import Comparison
from fixlip.results.contrast import Contrast
from tests.helpers.browser import ARTIFACTS, browser, expect_scale, opacities, open_page, panel_of, pressed
from tests.helpers.pictures import comparison, explanation

pytestmark = pytest.mark.browser
__all__ = ["browser", "open_page"]


def test_a_comparison_shows_each_explanation(open_page):
    found = comparison(status="give more masks")
    page = open_page(found)
    assert page.locator("h2").all_inner_texts() == list(found.labels)
    assert page.locator("h1").inner_text() == found[0].players.caption
    for k, (_, e) in enumerate(found):
        panel = panel_of(page, k)
        assert panel.locator("[data-patch]").count() == e.players.n_image
        assert f"{e.full_value:.2f}" in page.locator(f"#totals-{k}").inner_text()
        assert "0.950" in page.locator(f"#totals-{k}").inner_text()
        assert "the rest" in page.locator(f"#share-{k}").inner_text()
        panel.locator("summary").click()
        assert "banzhaf" in page.locator(f"#provenance-{k}").inner_text()
    assert page.locator("#status-0").inner_text() == "give more masks"
    assert not page.locator("#status-1").is_visible()
    expect_scale(page, found, [e.patch_values() for _, e in found])
    assert len({page.locator(f"#high-{k}").inner_text() for k in range(3)}) == 1
    page.get_by_label("own").check()
    ends = [float(page.locator(f"#high-{k}").inner_text().split()[0]) for k in range(3)]
    assert np.allclose(ends, [np.abs(e.patch_values()).max() for _, e in found], atol=0.006)
    expect_scale(page, found, [e.patch_values() for _, e in found])


def test_words_of_a_comparison_are_in_step(open_page):
    found = comparison()
    page = open_page(found)
    panel_of(page, 1).locator('[data-word="4"]').click()  # the second half of "dog"
    page.mouse.move(2, 2)
    assert [pressed(panel_of(page, k)) for k in range(3)] == [["dog"], ["do", "g"], ["dog"]]
    expect_scale(page, found, [e.patch_values((11, 14)) for _, e in found])
    page.locator('[data-patch="10"]').nth(2).click()
    assert page.locator('[data-patch][aria-selected="true"]').count() == 1  # patches are chosen in one explanation
    page.keyboard.press("Escape")
    panel_of(page, 0).locator('[data-word="7"]').hover()  # a word that the second never reads
    assert (opacities(panel_of(page, 1)) == 0).all()
    assert page.locator("#pairs-title-1").inner_text() == "This explanation has no such word"
    assert (opacities(panel_of(page, 2)) > 0).any()


def test_a_comparison_by_keyboard(open_page):
    page = open_page(comparison())
    for selector in ('.panel:nth-child(2) [data-word="0"]', '.panel:nth-child(2) [data-patch="0"]'):
        page.locator(selector).focus()
        page.keyboard.press("Space")
    assert [pressed(panel_of(page, k)) for k in range(3)] == [["there"]] * 3
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.patch") == "8"
    assert [line.split(":")[0] for line in page.locator("#live").inner_text().split(". ")] == list(comparison().labels)


@pytest.mark.parametrize(("name", "context", "columns"), [
    ("light", {}, 3),
    ("dark", {"color_scheme": "dark"}, 3),
    ("phone", {"viewport": {"width": 360, "height": 740}}, 1),
])  # fmt: skip
def test_a_comparison_fits(open_page, name, context, columns):
    page = open_page(comparison(), **context)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    places = page.eval_on_selector_all(
        ".picture", "all => all.filter(p => p.offsetWidth).map(p => p.getBoundingClientRect().x)"
    )
    assert len(places) == len(set(places)) == columns  # on a phone one at a time
    page.screenshot(path=ARTIFACTS / f"comparison-{name}.png", full_page=True)


def test_a_comparison_without_pairs_shows_first_order(open_page):
    found = explanation(first_only=True)
    page = open_page(Comparison((found, found), ("a", "b")))
    expect_scale(page, found, [found.first_order[:49]] * 2)
    assert page.get_by_label("interactions").is_disabled()
    page = open_page(Comparison((found, explanation()), ("a", "b")))
    assert (opacities(panel_of(page, 0)) == 0).all()
    assert "first-order effects only" in page.locator("#hint-0").inner_text()


@pytest.fixture
def contrasted():
    one = explanation(words=["a", "dog", "by", "a", "bus"])
    return Contrast(one, explanation(words=["a", "cat", "by", "a", "big", "bus"], seed=2))


def test_a_contrast_adds_up_on_the_page(open_page, contrasted):
    page = open_page(contrasted)
    assert page.locator(".panel").count() == 3
    cells = page.eval_on_selector_all(
        "#contrast tbody tr", "all => all.map(r => [0, 3, 4, 1].map((i) => r.children[i]).map(c => c.textContent))"
    )
    assert [cell[0] for cell in cells] == [row.part for row in contrasted.ordered(99)]
    numbers = np.array([[float(text.replace("−", "-")) for text in cell[1:]] for cell in cells])
    total = page.eval_on_selector_all("#contrast tfoot td", "all => [2, 3, 0].map(i => all[i].textContent)")
    assert np.abs(numbers.sum(0) - [float(text.replace("−", "-")) for text in total]).max() < 0.005 * (len(cells) + 1)
    for name, options in (
        ("light", {}),
        ("dark", {"color_scheme": "dark"}),
        ("phone", {"viewport": {"width": 390, "height": 844}}),
    ):
        shown = open_page(contrasted, **options)
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shown.screenshot(path=ARTIFACTS / f"contrast-{name}.png", full_page=True)


def test_a_row_chooses_its_words_in_all_panels(open_page, contrasted):
    page = open_page(contrasted)
    dog = [part.label for part in contrasted.parts()].index("dog vs cat")
    page.get_by_role("button", name="dog vs cat").first.click()
    page.mouse.move(2, 2)
    pressed = page.eval_on_selector_all(
        '.words [aria-pressed="true"]', "all => all.map(b => b.children[1].textContent)"
    )
    assert pressed == ["dog", "cat", "dog vs cat"]
    assert page.locator('#contrast [aria-pressed="true"]').count() == 1
    last = page.locator(".panel").nth(2)
    drawn = last.locator("[data-patch]").evaluate_all("all => all.map(r => Number(r.getAttribute('fill-opacity')))")
    assert np.corrcoef(drawn, np.abs(contrasted.aligned.cross[:, dog]))[0, 1] > 0.99
    page.locator("#contrast tbody tr", has_text="vs big").hover()
    assert page.locator("#contrast tr.hovered").count() == 1
