"""Downloads and copies from the page, in a real browser."""

import csv
import io
import re

import numpy as np
import pytest
from PIL import Image

from fixlip import viewer
from tests.browser.test_interactions import choose, mixed, word
from tests.helpers.browser import ARTIFACTS
from tests.helpers.pictures import comparison, explanation, of_regions

pytestmark = pytest.mark.browser


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
    ARTIFACTS.mkdir(exist_ok=True)
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
    word(page, 0).click()
    page.locator("#pairs tr").first.hover()
    assert HOSTILE[4] in page.locator(".link-label").inner_text()
    downloaded(page, "PNG")
    assert page.locator("img").count() == 1
