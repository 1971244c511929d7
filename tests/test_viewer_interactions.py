"""Links, standard errors, the slider and downloads of the page, in a real browser."""

import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fixlip import viewer
from fixlip.removal_curves import RemovalCurves, nested_masks, removal_order
from tests.browser import ARTIFACTS, PHONE, numbers, settle, word
from tests.pictures import comparison, explanation, of_regions

pytestmark = [pytest.mark.slow, pytest.mark.browser]
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
        assert link["from"][1] == pytest.approx(box["y"] + box["height"], abs=1)
        assert link["to"] == pytest.approx(middle(page, f'[data-patch="{i}"]'), abs=1)
        assert link["dot"] == pytest.approx(link["to"], abs=1)


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
    cross, squares = found.cross, found.cross_stderr**2
    small = np.abs(cross.sum(1)) < 2 * np.sqrt(squares.sum(1)), np.abs(cross.sum(0)) < 2 * np.sqrt(squares.sum(0))
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
    assert unclear(page)[0] == np.flatnonzero(np.abs(cross[:, 2]) < 2 * np.sqrt(squares[:, 2])).tolist()
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
        said = slider.get_attribute("aria-valuetext")
        assert page.locator(".told").inner_text() in said
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


def downloaded(page, name, nth=0):
    with page.expect_download() as event:
        page.get_by_role("button", name=name, exact=True).nth(nth).click()
    return event.value.suggested_filename, event.value.path().read_bytes()


HOSTILE = ["=cmd()", "@SUM(A1)", "-2+3", '+"x"', "<img src=x onerror=alert(1)>", 'a "b",\nc', "\t=1", "dog", "é"]


@pytest.mark.parametrize("words", [None, HOSTILE])
def test_the_csv_holds_all_numbers(open_page, words):
    found = mixed(words=words)
    page = open_page(found)
    name, content = downloaded(page, "CSV")
    assert re.fullmatch(r"fixlip-[\w-]+\.csv", name)
    text = content.decode("utf-8-sig")
    assert not re.search(r"(?<!\r)\n(?!c)", text)  # lines end as RFC 4180 has it
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    players, n = found.players, found.players.n_image
    guarded = [("'" if re.match(r"\s*[=+\-@]", p.label) else "") + p.label for p in players.text]
    if words:
        assert sum(label.startswith("'") for label in guarded) == 5
    assert len(rows) == len(players) + n * players.n_text
    for row in rows:
        i, k = (int(row[f"{kind}_player"]) if row[f"{kind}_player"] else None for kind in ("image", "text"))
        assert row["image_label"] == ("" if i is None else players.image[i].label)
        assert row["text_label"] == ("" if k is None else guarded[k])
        pair = row["kind"] == "interaction"
        assert pair == (i is not None and k is not None)
        place = n + k if i is None else i
        value = found.cross[i, k] if pair else found.first_order[place]
        error = found.cross_stderr[i, k] if pair else found.stderr.first_order[place]
        assert float(row["value"]) == pytest.approx(value, rel=8e-5)
        assert float(row["standard_error"]) == pytest.approx(error, rel=8e-5)
        assert row["unit"] == "logit"


def test_the_csv_leaves_out_what_is_not_known(open_page):
    _, content = downloaded(open_page(explanation(stderr=False, first_only=True)), "CSV")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert {row["value"] for row in rows if row["kind"] == "interaction"} == {""}
    assert {row["standard_error"] for row in rows} == {""}


@pytest.mark.parametrize(
    "caption", ["../../etc/passwd\n\0CON?*:|", "=cmd()|'/C calc'!A0", "<img src=x onerror=alert(1)>", "   "]
)
def test_file_names_are_harmless(open_page, caption):
    name, _ = downloaded(open_page(explanation(words=["dog"], caption=caption)), "CSV")
    assert re.fullmatch(r"fixlip(-\w[\w-]*)?\.csv", name)


def picture_of(page, content, k=0):
    """The PNG and the box of the picture in it, in pixels."""
    box = page.evaluate(f"sheetLayout(panels[{k}], document.createElement('canvas').getContext('2d')).picture")
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        return image.convert("RGB"), {side: 2 * box[side] for side in ("x", "y", "width", "height")}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_png_shows_what_the_page_shows(open_page, scheme):
    found = explanation(picture=False)
    page = open_page(found, color_scheme=scheme)
    choose(page, "lines", 0)
    choose(page, "sign", "positive")
    word(page, 3).click()
    name, content = downloaded(page, "PNG")
    assert name.endswith(".png")
    image, box = picture_of(page, content)
    assert image.width == 1280
    assert box["width"] == box["height"] == 1200
    assert image.height > 1200 + box["y"]
    pixels = np.asarray(image, float)
    assert np.median(pixels[:10]) == pytest.approx(251 if scheme == "light" else 24, abs=6)
    square = pixels[box["y"] : box["y"] + 1200, box["x"] : box["x"] + 1200]
    heat = (square[..., 0] - square[..., 2])[86::171, 86::171]
    assert heat.shape == (7, 7)
    assert heat.argmax() == found.cross[:, 3].argmax()
    assert np.corrcoef(heat.ravel(), np.maximum(found.cross[:, 3], 0))[0, 1] > 0.99


def test_the_png_has_the_picture_links_hatching_and_the_removed(open_page):
    found = mixed()
    page = open_page(found)
    choose(page, "lines", 0)
    plain, box = picture_of(page, downloaded(page, "PNG")[1])
    square = (box["x"], box["y"], box["x"] + 1200, box["y"] + 1200)
    seen = np.asarray(plain.crop(square).resize((96, 96)), float).mean(2)
    real = np.asarray(Image.fromarray(found.players.picture).resize((96, 96)), float).mean(2)
    assert np.corrcoef(seen.ravel(), real.ravel())[0, 1] > 0.7
    for change in (
        lambda: choose(page, "lines", 8),
        lambda: choose(page, "errors", "on"),
        lambda: page.get_by_role("slider").fill("20"),
    ):
        change()
        now, _ = picture_of(page, downloaded(page, "PNG")[1])
        assert np.abs(np.asarray(now, float) - np.asarray(plain, float)).max(2).astype(bool).mean() > 0.005
        plain = now
    plain.save(ARTIFACTS / "sheet.png")


@pytest.mark.parametrize(
    ("found", "k", "ratio"), [(comparison(), 1, 1.0), (comparison(), 2, 1.0), (of_regions(), 0, 1.0)]
)
def test_every_panel_has_its_png(open_page, found, k, ratio):
    page = open_page(found)
    name, content = downloaded(page, "PNG", k)
    image, box = picture_of(page, content, k)
    assert image.width == 1280
    assert box["height"] == pytest.approx(ratio * box["width"], abs=2)
    assert len(page.locator(".panel").all()) == 1 or found.labels[k] in name


def test_a_picture_is_copied_or_it_says_why_not(open_page):
    page = open_page(explanation(), permissions=["clipboard-read", "clipboard-write"])
    status = page.locator("[data-part=tools]")
    page.get_by_role("button", name="Copy picture").click()
    status.get_by_text("Copied.").wait_for()
    kinds = page.evaluate("navigator.clipboard.read().then((items) => items.flatMap((item) => item.types))")
    assert "image/png" in kinds
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.get_by_role("button", name="Copy picture").click()
    status.get_by_text("PNG saves the same picture").wait_for()


def test_downloads_leave_the_frame_of_a_notebook(browser, tmp_path):
    path = tmp_path / "notebook.html"
    path.write_text(viewer.mimebundle(explanation())["text/html"], "utf-8")
    page = browser.new_page(viewport={"width": 1180, "height": 900})
    page.goto(path.as_uri())
    with page.expect_download() as event:
        page.frame_locator("iframe").get_by_role("button", name="CSV").click()
    assert event.value.suggested_filename.endswith(".csv")
    page.close()


def test_a_hostile_caption_does_nothing_in_links_and_pictures(open_page):
    page = open_page(explanation(words=[HOSTILE[4], "dog"], caption=HOSTILE[4]))
    choose(page, "lines", 8)
    choose(page, "errors", "on")
    x, y = links(page)[0]["to"]
    page.mouse.move(x, y)
    assert page.locator(".link-label").is_visible()
    downloaded(page, "PNG")
    assert page.locator("img").count() == 1


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
    page = open_page(found, **PHONE)
    if not page.locator("#lines").is_visible():
        page.locator("#settings summary").tap()
    page.locator("#lines label", has_text="8").tap()
    page.locator("#errors label", has_text="on").tap()
    assert len(links(page)) == 8
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
def test_it_is_kept_to_look_at(open_page, scheme):
    page = open_page(mixed(grid=(16, 16)), color_scheme=scheme)
    choose(page, "lines", 16)
    choose(page, "errors", "on")
    page.get_by_role("slider").fill("8")
    page.screenshot(path=ARTIFACTS / f"page-links-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
