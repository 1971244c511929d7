"""The page in a real browser."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fixlip import Comparison, Player, viewer
from tests.pictures import comparison, explanation, of_regions

pytestmark = [pytest.mark.slow, pytest.mark.browser]
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
ARTIFACTS = Path(os.environ.get("FIXLIP_ARTIFACTS", Path(__file__).parents[1] / "artifacts"))


@pytest.fixture(scope="module")
def browser():
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if binary is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must test the page in a browser: install chromium")
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=binary, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Open the page of an explanation; at the end: no error, no request, no dialog."""
    contexts, trouble = [], []

    def show(found, name="page.html", **context):
        path = tmp_path / name
        viewer.to_html(found, path)
        contexts.append(browser.new_context(**{"viewport": {"width": 1180, "height": 900}, **context}))
        page = contexts[-1].new_page()
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda r: r.url.startswith(("file:", "data:")) or trouble.append(r.url))
        page.goto(path.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
    assert trouble == []


def patches(page):
    """Fill and opacity of every patch, as drawn."""
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


HOSTILE = "</script><img src=x onerror=alert(1)>"


def test_hostile_text_is_shown_and_not_run(open_page):
    found = explanation(words=[HOSTILE, "dog"], caption=f"{HOSTILE} dog", model=HOSTILE, status=HOSTILE)
    page = open_page(found, name="<img src=x onerror=alert(2)>.html".replace("/", ""))
    assert page.locator('[data-word="0"] span').nth(1).inner_text() == HOSTILE
    assert HOSTILE in page.locator("#model").inner_text()
    assert page.locator("img").count() == 1
    assert HOSTILE in page.title()


@pytest.mark.parametrize(("name", "context"), [
    ("light", {}),
    ("dark", {"color_scheme": "dark"}),
    ("phone", {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}),
])  # fmt: skip
def test_it_fits_and_is_kept_to_look_at(open_page, name, context):
    page = open_page(explanation(), **context)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"page-{name}.png", full_page=True)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 200) == (name == "dark")
    heights = page.eval_on_selector_all("#pairs tr", "all => all.map(row => row.offsetHeight)")
    assert max(heights) < 40  # no cell breaks its line


def test_touch_taps_select(open_page):
    page = open_page(explanation(), has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
    page.locator('[data-patch="10"]').tap()
    word(page, 1).tap()
    assert page.locator('[data-patch="10"]').get_attribute("aria-selected") == "true"
    assert word(page, 1).get_attribute("aria-pressed") == "true"


def test_a_thousand_patches_without_lag(open_page):
    page = open_page(explanation(grid=(32, 32), words=[f"w{i}" for i in range(20)], stderr=False))
    milliseconds = page.evaluate(
        "() => { const start = performance.now(); for (let k = 0; k < 10; k++) toggle(state.words, k);"
        " return (performance.now() - start) / 10; }"
    )
    assert milliseconds < 200


def numbers(page):
    """The numbers under the words."""
    return page.eval_on_selector_all("[data-word] small", "all => all.map(s => s.textContent)")


def test_small_numbers_keep_their_digits(open_page):
    found = replace(explanation(scale=0.02), unit="cosine", full_value=0.2871)
    page = open_page(found)
    shown = [float(text.replace("−", "-")) for text in numbers(page)]
    assert np.allclose(shown, found.cross.sum(0), atol=6e-5)
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
    assert numbers(page)[1] == "–"
    assert "not estimated" in page.locator('[data-patch="0"]').get_attribute("aria-label")
    assert f"{49 + found.players.n_text - 1} of {49 * found.players.n_text} pairs" in page.locator("#hint").inner_text()


def test_regions_are_drawn_by_their_boxes(open_page):
    found = explanation(grid=(1, 3))
    boxes = [(0.1, 0.1, 0.4, 0.5), (0.3, 0.4, 0.9, 0.9), (0.6, 0.0, 1.0, 0.3)]
    image = tuple(Player("image", f"region {i}", box) for i, box in enumerate(boxes))
    found = replace(found, players=replace(found.players, grid=None, image=image))
    page = open_page(found)
    expect_heat(page, found.cross.sum(1))
    drawn = page.eval_on_selector_all(
        "[data-patch]", "all => all.map(r => ['x', 'y', 'width', 'height'].map(a => Number(r.getAttribute(a)) / 448))"
    )
    assert np.allclose(drawn, [(left, top, right - left, bottom - top) for left, top, right, bottom in boxes])
    page.locator('[data-patch="2"]').click()
    assert "region 2" in page.locator("#pairs-title").inner_text()


def inside(page, i):
    """A place on the screen inside of a region, however bent it is."""
    return page.evaluate(
        """i => {
          const shape = document.querySelector(`[data-patch="${i}"]`), box = shape.getBBox();
          const point = shape.ownerSVGElement.createSVGPoint();
          for (point.y = box.y + 0.5; point.y < box.y + box.height; point.y += 1)
            for (point.x = box.x + 0.5; point.x < box.x + box.width; point.x += 1)
              if (shape.isPointInFill(point)) {
                const at = point.matrixTransform(shape.getScreenCTM());
                if (document.elementFromPoint(at.x, at.y) === shape) return [at.x, at.y];
              }
        }""",
        i,
    )


def test_regions_are_drawn_in_their_shapes(open_page):
    found = of_regions()
    page = open_page(found)
    expect_heat(page, found.cross.sum(1))
    at = inside(page, 7)
    page.mouse.click(*at)
    assert page.locator('[data-patch][aria-selected="true"]').get_attribute("data-patch") == "7"
    assert "region 8" in page.locator("#pairs-title").inner_text()
    shape = page.locator('[data-patch="7"]').get_attribute("d")
    assert page.locator(".ring.chosen.line").get_attribute("d") == shape
    box = page.locator("#picture svg").bounding_box()
    column, row = int((at[0] - box["x"]) / box["width"] * 96), int((at[1] - box["y"]) / box["height"] * 96)
    assert found.players.regions[row, column] == 7
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / "page-regions.png", full_page=True)


def test_regions_by_keyboard(open_page):
    page = open_page(of_regions())
    places = np.array(page.evaluate("data.patches.map(p => p.centre)"))
    page.locator('[data-patch="0"]').focus()
    seen = [0]
    for key in ["PageDown"] * 19 + ["Home"]:
        page.keyboard.press(key)
        seen.append(int(page.evaluate("document.activeElement.dataset.patch")))
    assert seen == [*range(20), 0]
    for key, axis, sign in (("ArrowRight", 0, 1), ("ArrowDown", 1, 1), ("ArrowLeft", 0, -1), ("ArrowUp", 1, -1)):
        middle = int(np.argmin(np.abs(places - 0.5).sum(1)))
        page.locator(f'[data-patch="{middle}"]').focus()
        page.keyboard.press(key)
        now = int(page.evaluate("document.activeElement.dataset.patch"))
        assert sign * (places[now, axis] - places[middle, axis]) > 0
        assert page.locator(".ring.focused.line").get_attribute("d")
    page.keyboard.press("Enter")
    assert page.locator('[data-patch][aria-selected="true"]').get_attribute("data-patch") == str(now)


def panel_of(page, k):
    return page.locator(".panel").nth(k)


def opacities(panel):
    return np.array(
        panel.locator("[data-patch]").evaluate_all("all => all.map(r => Number(r.getAttribute('fill-opacity')))")
    )


def pressed(panel):
    return panel.locator('[aria-pressed="true"] span:nth-child(2)').all_inner_texts()


def expect_scale(page, found, values):
    """Every panel is painted on the scale that its legend names."""
    for k, value in enumerate(values):
        end = float(page.locator(f"#high-{k}").inner_text().split()[0])
        assert np.allclose(opacities(panel_of(page, k)), 0.88 * np.abs(value) / end, atol=0.01)


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
        assert "cross" in page.locator(f"#share-{k}").inner_text()
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
    places = page.eval_on_selector_all(".picture", "all => all.map(p => [p.getBoundingClientRect().x, p.offsetTop])")
    assert len({x for x, _ in places}) == columns
    page.screenshot(path=ARTIFACTS / f"comparison-{name}.png", full_page=True)


def test_a_comparison_without_pairs_shows_first_order(open_page):
    found = explanation(first_only=True)
    page = open_page(Comparison((found, found), ("a", "b")))
    expect_scale(page, found, [found.first_order[:49]] * 2)
    assert page.get_by_label("interactions").is_disabled()
    page = open_page(Comparison((found, explanation()), ("a", "b")))
    assert (opacities(panel_of(page, 0)) == 0).all()
    assert "first-order effects only" in page.locator("#hint-0").inner_text()


def test_frames_on_one_page_do_not_meet(browser, tmp_path):
    """Two results as a notebook shows them: both draw, and a click in one leaves the other alone."""
    found = [explanation(seed=0), explanation(seed=3)]
    path = tmp_path / "notebook.html"
    path.write_text("".join(viewer.mimebundle(one)["text/html"] for one in found), "utf-8")
    page = browser.new_page(viewport={"width": 1180, "height": 1600})
    trouble = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(path.as_uri())
    first, second = (page.frame_locator("iframe").nth(i) for i in range(2))
    first.locator('[data-word="3"]').click()
    assert first.locator('[aria-pressed="true"]').count() == 1
    assert second.locator('[aria-pressed="true"]').count() == 0
    assert second.locator("[data-patch]").count() == 49
    page.close()
    assert trouble == []


@pytest.mark.parametrize(
    "options", [{"picture": False}, {"grid": (1, 1), "words": ["dog"]}, {"scale": 0.0}, {"scale": 1e9}]
)
def test_corner_cases_draw(open_page, options):
    page = open_page(explanation(**options))
    assert page.locator("[data-patch]").count() == explanation(**options).players.n_image
    assert "NaN" not in page.inner_text("body")


@pytest.fixture
def contrasted():
    one = explanation(words=["a", "dog", "by", "a", "bus"])
    return one.against(explanation(words=["a", "cat", "by", "a", "big", "bus"], seed=2))


def test_a_contrast_adds_up_on_the_page(open_page, contrasted):
    page = open_page(contrasted)
    assert page.locator(".panel").count() == 3
    cells = page.eval_on_selector_all(
        "#contrast tbody tr", "all => all.map(r => [...r.children].slice(0, 4).map(c => c.textContent))"
    )
    assert [cell[0] for cell in cells] == [row.part for row in contrasted.ordered(99)]
    numbers = np.array([[float(text.replace("−", "-")) for text in cell[1:]] for cell in cells])
    total = page.eval_on_selector_all("#contrast tfoot td", "all => all.slice(0, 3).map(c => c.textContent)")
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
