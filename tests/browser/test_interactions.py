"""Links, standard errors and the slider of the page, in a real browser."""

import re
from dataclasses import replace

import numpy as np
import pytest

from fixlip.metrics.curves import removal_order
from fixlip.results.removal_curves import RemovalCurves, nested_masks
from tests.helpers.browser import ARTIFACTS, PHONE, numbers, settle, word
from tests.helpers.pictures import comparison, explanation

pytestmark = pytest.mark.browser
LINKS = """all => all.map(g => {
  const line = g.querySelector('.line'), matrix = line.getScreenCTM();
  const dot = g.querySelector('circle').getBoundingClientRect();
  const at = (length) => { const p = line.getPointAtLength(length).matrixTransform(matrix); return [p.x, p.y]; };
  return {id: g.dataset.link, colour: line.getAttribute('stroke'), width: Number(line.getAttribute('stroke-width')),
    opacity: Number(line.getAttribute('stroke-opacity')), from: at(0), to: at(line.getTotalLength()),
    dot: [dot.x + dot.width / 2, dot.y + dot.height / 2]};
})"""


def choose(page, name, value):
    page.locator(f'input[name="{name}"][value="{value}"]').check()
    page.mouse.move(2, 2)
    settle(page)


def links(page):
    """The links as drawn, the strongest first."""
    settle(page)
    return page.eval_on_selector_all("[data-link]", LINKS)[::-1]


def middle(page, selector):
    box = page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def number(text):
    return float(text.replace("−", "-").split()[0])


def test_the_strongest_pairs_are_linked(open_page):
    found = explanation()
    page = open_page(found)
    choose(page, "lines", 8)
    drawn, pairs = links(page), found.top_pairs(8)
    assert [link["id"] for link in drawn] == [f"{pair.text}-{pair.image}" for pair in pairs]
    negative, positive = page.evaluate("[data.colours.negative, data.colours.positive]")
    assert [link["colour"] for link in drawn] == [negative if pair.value < 0 else positive for pair in pairs]
    widths = np.array([[link["width"], link["opacity"]] for link in drawn])
    assert (np.diff(widths, axis=0) <= 0).all()
    assert (widths[0] > widths[-1]).all()
    choose(page, "lines", 16)
    assert len(links(page)) == 16
    choose(page, "lines", 0)
    assert links(page) == []


@pytest.mark.parametrize("width", [1180, 700, 390])
def test_links_go_from_the_word_to_the_patch(open_page, width):
    page = open_page(explanation())
    choose(page, "lines", 16)
    page.set_viewport_size({"width": width, "height": 900})
    for link in links(page):
        k, i = link["id"].split("-")
        box = page.locator(f'[data-word="{k}"]').bounding_box()
        assert box["x"] <= link["from"][0] <= box["x"] + box["width"]
        bottoms = page.locator(".words button").evaluate_all("all => all.map(b => b.getBoundingClientRect().bottom)")
        below = page.locator("[data-link] text").count() > 0  # the names of words that have others below them
        assert link["from"][1] == pytest.approx(max(bottoms), abs=16 if below else 1)
        assert link["to"] == pytest.approx(middle(page, f'[data-patch="{i}"]'), abs=1)
        assert link["dot"] == pytest.approx(link["to"], abs=1)


def test_links_keep_clear_of_what_stands_beside_the_picture(open_page):
    page = open_page(explanation(words=[f"a rather long word {k}" for k in range(9)], status="a note to be read"))
    choose(page, "lines", 16)
    for k in range(9):
        word(page, k).click()
    picture = page.locator("#picture").bounding_box()
    points = page.locator("[data-link] .line").evaluate_all(
        """all => { const box = document.querySelector('#links').getBoundingClientRect();
        return all.flatMap(line => [...Array(101).keys()].map(step => {
            const point = line.getPointAtLength(line.getTotalLength() * step / 100);
            return [point.x + box.x, point.y + box.y]; })); }"""
    )
    x, y = np.array(points).T
    beside = (x < picture["x"] - 1) | (x > picture["x"] + picture["width"] + 1)
    assert beside.any()
    assert (y[beside] <= picture["y"] + 1).all()
    last = max(word(page, k).bounding_box()["y"] + word(page, k).bounding_box()["height"] for k in range(9))
    assert word(page, 0).bounding_box()["y"] < word(page, 8).bounding_box()["y"], "words in several rows"
    assert (y > last - 1).all(), "behind a word"
    named = page.locator("[data-link] text").all_text_contents()
    assert set(named) <= {f"a rather long word {k}" for k in range(9)}
    assert len(named) == len(set(named)) > 0


def test_links_follow_what_is_chosen(open_page):
    found = explanation()
    page = open_page(found)
    choose(page, "lines", 4)
    word(page, 1).click()
    page.mouse.move(2, 2)
    own = np.argsort(-np.abs(found.cross[:, 1]))[:4]
    assert [link["id"] for link in links(page)] == [f"1-{i}" for i in own]
    choose(page, "sign", "negative")
    assert [link["id"] for link in links(page)] == [f"1-{i}" for i in np.argsort(found.cross[:, 1])[:4]]
    page.keyboard.press("Escape")
    choose(page, "sign", "both")
    page.locator('[data-patch="8"]').click()
    page.mouse.move(2, 2)
    assert [link["id"] for link in links(page)] == [f"{k}-8" for k in np.argsort(-np.abs(found.cross[8]))[:4]]
    choose(page, "view", "first")
    assert links(page) == []


def test_a_link_says_its_numbers_and_is_not_in_the_way(open_page):
    found = explanation()
    page = open_page(found)
    choose(page, "lines", 4)
    pair = found.top_pairs(1)[0]
    label = page.locator(".link-label")
    assert not label.is_visible()
    said = (
        f"{found.players.text[pair.text].label} · {found.players.image[pair.image].label} "
        f"+{pair.value:.2f} ± {pair.stderr:.2f} logit"
    )
    x, y = links(page)[0]["to"]
    page.mouse.move(x + 3, y)
    assert label.inner_text() == said
    page.mouse.click(x, y)
    assert page.locator('[aria-selected="true"]').get_attribute("data-patch") == str(pair.image)
    page.keyboard.press("Escape")
    settle(page)  # the page is of another height, and its lines are drawn anew
    page.mouse.move(2, 2)
    assert not label.is_visible()
    page.locator("#pairs tr").first.hover()
    assert label.inner_text() == said
    page.mouse.move(2, 2)
    assert not label.is_visible()
    assert page.locator("#links").get_attribute("aria-hidden") == "true"
    assert page.locator(".link-label").get_attribute("aria-hidden") == "true"


def test_a_link_says_its_numbers_to_the_keyboard(open_page):
    found = explanation()
    page, pair = open_page(found), found.top_pairs(1)[0]
    for _ in range(pair.text + 1):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.word") == str(pair.text)
    said = page.locator(".link-label").inner_text()
    assert found.players.text[pair.text].label in said
    assert f"{pair.value:.2f} ± {pair.stderr:.2f}" in said
    page.keyboard.press("Space")  # chosen: its links are drawn anew
    assert page.locator(".link-label").inner_text() == said
    page.keyboard.press("Tab")
    assert page.locator(".link-label").text_content() != said or not page.locator(".link-label").is_visible()


def unclear(page):
    """Patches (by the path of the hatching) and words that are marked."""
    settle(page)
    patches = page.evaluate(
        """() => { const d = document.querySelector('.cover.unsure').getAttribute('d');
        return range(panels[0].nPatches).filter((i) => d.includes(panels[0].picture.outline(i))); }"""
    )
    words = page.eval_on_selector_all(".words .unsure", "all => all.map(b => Number(b.dataset.word))")
    return patches, words


def mixed(**options):
    """Standard errors as different as the values."""
    found = explanation(**options)
    rng, stderr = np.random.default_rng(5), found.stderr
    errors = rng.uniform(0.01, 0.4, stderr.second_order.shape) * np.where(np.isnan(found.second_order), np.nan, 1)
    errors = replace(stderr, first_order=rng.uniform(0.01, 0.6, len(found.players)), second_order=errors)
    return replace(found, stderr=errors)


def test_what_is_not_clearly_different_from_0_is_hatched(open_page):
    found = mixed()
    page = open_page(found)
    assert unclear(page) == ([], [])
    before = numbers(page)
    choose(page, "errors", "on")
    additive, n = found.additive(), found.players.n_image
    patches = np.abs(found.cross.sum(1)) < 2 * np.sqrt((found.cross_stderr**2).sum(1))
    small = patches, np.abs(additive.text) < 2 * additive.stderr[n:]
    assert 0 < small[0].sum() < 49
    assert 0 < small[1].sum() < len(small[1])
    assert unclear(page) == tuple(np.flatnonzero(part).tolist() for part in small)
    assert numbers(page) == before
    assert f"{small[0].sum()} of 49 patches" in page.locator(".errors-note").inner_text()
    described = page.locator('[data-patch][aria-description="not clearly different from 0"]')
    assert described.count() == small[0].sum()
    page.screenshot(path=ARTIFACTS / "page-errors.png", full_page=True)
    word(page, 2).click()
    page.mouse.move(2, 2)
    assert unclear(page)[0] == np.flatnonzero(np.abs(found.cross[:, 2]) < 2 * found.cross_stderr[:, 2]).tolist()
    page.keyboard.press("Escape")
    choose(page, "view", "first")
    first = np.abs(found.first_order) < 2 * found.stderr.first_order
    assert unclear(page) == (np.flatnonzero(first[:49]).tolist(), np.flatnonzero(first[49:]).tolist())
    choose(page, "errors", "off")
    assert unclear(page) == ([], [])
    assert page.locator("[aria-description]").count() == 0


def test_without_standard_errors_the_control_says_so(open_page):
    page = open_page(explanation(stderr=False))
    assert page.locator('input[name="errors"]').evaluate_all("all => all.every(input => input.disabled)")
    assert "no standard errors" in page.locator("#errors").inner_text()
    page = open_page(comparison())
    choose(page, "errors", "on")
    notes = page.locator(".errors-note").all_inner_texts()
    assert [("no standard errors" in note) for note in notes] == [False, True, False]


def measured():
    found = explanation()
    order, sizes = removal_order(found)
    rng = np.random.default_rng(3)
    return replace(found, curves=RemovalCurves(order, sizes, *rng.normal(10, 4, (2, len(sizes)))))


def scores(page):
    names, values = (page.locator(f".scores {tag}").all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, map(number, values), strict=True))


def gone(page):
    patches = page.evaluate(
        """() => { const d = document.querySelector('.cover.removed').getAttribute('d');
        return range(panels[0].nPatches).filter((i) => d.includes(panels[0].picture.outline(i))); }"""
    )
    words = page.eval_on_selector_all(".words .removed", "all => all.map(b => Number(b.dataset.word))")
    return patches, words


@pytest.mark.parametrize("way", ["deletion", "insertion"])
def test_the_slider_removes_by_keyboard(open_page, way):
    found = measured()
    page, curves = open_page(found), found.curves
    slider = page.get_by_role("slider")
    page.locator(f'#curves input[value="{way}"]').check()
    slider.focus()
    for steps, key in ((0, None), (3, "ArrowRight"), (59, "End"), (58, "ArrowLeft")):
        for _ in range(3 if steps == 3 else 1 if key else 0):
            page.keyboard.press(key)
        mask = nested_masks(curves.order, curves.sizes)[way == "insertion"][steps]
        assert scores(page) == {
            "model": pytest.approx(getattr(curves, way)[steps], abs=6e-3),
            "surrogate": pytest.approx(found.predict(mask[None])[0], abs=6e-3),
        }
        absent = np.flatnonzero(~mask)
        assert gone(page) == (absent[absent < 49].tolist(), (absent[absent >= 49] - 49).tolist())
        assert page.locator('[aria-description="removed"]').count() == len(absent)
        faded = page.eval_on_selector_all("[data-link].gone", "all => all.map(g => g.dataset.link)")
        ends = {link["id"]: [int(part) for part in link["id"].split("-")] for link in links(page)}
        assert set(faded) == {name for name, (k, i) in ends.items() if not (mask[49 + k] and mask[i])}
        said = slider.get_attribute("aria-valuetext")
        assert page.locator(".summary").inner_text() in said
        assert all(text in said for text in page.locator(".scores dd").all_inner_texts())
        assert page.locator(".chart circle.model").evaluate("dot => dot.isConnected")
    page.get_by_role("button", name="Clear").click()
    assert gone(page) == ([], [])
    assert slider.input_value() == "0"


def test_the_chart_is_drawn_to_scale_and_can_be_dragged(open_page):
    found = measured()
    page = open_page(found)
    for name, values in (
        ("model", found.curves.deletion),
        ("surrogate", found.predict(nested_masks(found.curves.order, found.curves.sizes)[0])),
    ):
        path = page.locator(f".chart path.{name}").get_attribute("d")
        points = np.array([[float(v) for v in point.split()] for point in re.split("[ML]", path)[1:]])
        assert np.corrcoef(points[:, 0], found.curves.sizes)[0, 1] > 0.9999
        assert np.corrcoef(points[:, 1], values)[0, 1] < -0.9999
    box = page.locator(".chart").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20, steps=3)
    page.mouse.up()
    half = int(page.get_by_role("slider").input_value())
    assert abs(half - len(found.players) / 2) <= 1
    assert scores(page)["model"] == pytest.approx(found.curves.deletion[half], abs=6e-3)
    page.screenshot(path=ARTIFACTS / "page-removal.png", full_page=True)


def test_without_a_model_the_surrogate_and_for_relevance_nothing(open_page):
    page = open_page(explanation())
    assert list(scores(page)) == ["surrogate"]
    page = open_page(replace(explanation(), unit="relevance"))
    assert not page.locator("#curves").is_visible()
    page = open_page(comparison())
    page.get_by_role("slider").nth(1).fill("4")
    removed = [
        panel.locator(".words .removed, .cover.removed:not([d=''])").count() > 0
        for panel in page.locator(".panel").all()
    ]
    assert removed == [False, True, False]


def test_the_keyboard_reaches_everything(open_page):
    page = open_page(measured())
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.name || document.activeElement.textContent"))
    assert {"lines", "errors", "way-0", "CSV", "PNG", "Copy picture"} <= seen
    page.locator('input[name="lines"]:checked').focus()
    page.keyboard.press("ArrowRight")
    assert len(links(page)) == 8
    page.get_by_role("button", name="PNG").focus()
    with page.expect_download():
        page.keyboard.press("Enter")


def test_touch(open_page):
    found = measured()
    page = open_page(found, view=False, **PHONE)
    assert not page.locator("#lines").is_visible()
    page.locator("#settings summary").tap()
    page.locator("#lines label", has_text="8").tap()
    page.locator("#errors label", has_text="on").tap()
    assert len(links(page)) == 8
    pair = found.top_pairs(1)[0]
    page.locator(f'[data-patch="{pair.image}"]').tap()
    assert page.locator('[aria-selected="true"]').get_attribute("data-patch") == str(pair.image)
    assert found.players.image[pair.image].label in page.locator(".link-label").inner_text()
    page.get_by_role("slider").scroll_into_view_if_needed()
    box = page.get_by_role("slider").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert len(gone(page)[0]) > 15
    with page.expect_download():
        page.get_by_role("button", name="CSV").tap()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=ARTIFACTS / "page-phone-links.png", full_page=True)


def test_a_thousand_patches_and_64_words_stay_quick(open_page):
    page = open_page(explanation(grid=(32, 32), words=[f"w{i}" for i in range(64)]))
    best = page.evaluate(
        """() => {
          const best = (act) => Math.min(...range(12).map((k) => {
            const start = performance.now();
            act(k);
            document.body.offsetHeight;
            return performance.now() - start;
          }));
          state.lines = '16'; state.errors = 'on'; render(true);
          const slider = document.querySelector('input[type=range]'), root = panels[0].root;
          const slide = (k) => { slider.value = 5 * k + 1; slider.dispatchEvent(new Event('input')); };
          const move = (k) => root.dispatchEvent(new PointerEvent('pointermove', {clientX: 300 + k, clientY: 300}));
          return {word: best((k) => toggle(state.words, k)), patch: best((k) => toggle(panels[0].patches, k)),
            slider: best(slide), move: best(move)};
        }"""
    )
    assert max(best.values()) < 50, best


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_with_everything_on(open_page, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(measured(), color_scheme=scheme)
    choose(page, "lines", 16)
    choose(page, "errors", "on")
    page.get_by_role("slider").fill("20")
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_kept_to_look_at(open_page, scheme):
    page = open_page(mixed(grid=(16, 16)), color_scheme=scheme)
    choose(page, "lines", 16)
    choose(page, "errors", "on")
    page.get_by_role("slider").fill("8")
    page.screenshot(path=ARTIFACTS / f"page-links-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
