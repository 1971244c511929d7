"""The page as a document; `tests/browser/test_page.py` has it in a browser."""

import base64
import io
import json
import re
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image

from fixlip import Comparison, Explanation, InputError, Players, viewer
from fixlip.results.contrast import Contrast
from fixlip.results.gallery import Gallery
from fixlip.viewer.numbers import packed
from tests.helpers.oracles import assert_close
from tests.helpers.pictures import comparison, contrast, explanation, gallery, label_map, of_regions


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


def unpacked(text, *shape):
    """Numbers of three bytes each, the upper ones of a 32-bit float."""
    upper = np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, 3)
    return np.pad(upper, ((0, 0), (0, 1))).view(">f4").reshape(shape)


def cross_of(panel):
    return unpacked(panel["cross"], len(panel["words"]), -1)


def places_of(data):
    return data["places"][data["place"]]


def test_the_page_holds_the_numbers():
    found = explanation()
    data = data_of(viewer.to_html(found))
    assert_close(cross_of(data), found.cross.T, 1e-3)
    assert_close(unpacked(data["crossError"], -1, 49), found.cross_stderr.T, 1e-3)
    assert_close(unpacked(data["first"], -1), found.first_order, 1e-3)
    assert [word["label"] for word in data["words"]] == [p.label for p in found.players.text]
    assert dict(data["totals"])["similarity"] == pytest.approx(21.5)


def test_it_is_one_file_without_requests():
    page = viewer.to_html(explanation())
    assert len(page) < 1_000_000
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert "default-src 'none'" in page
    assert "{" not in re.sub(r"<(style|script)[^>]*>.*?</\1>", "", page, flags=re.S)


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!--", "{data}", "{csp} {", "\u2028 & ' \""])
def test_hostile_text_stays_data(text):
    page = viewer.to_html(explanation(words=[text, "dog"], caption=f"{text} dog", model=text, status=text))
    assert page.count("<script") == 2
    assert page.count("</script>") == 2
    data = data_of(page)
    assert data["words"][0]["label"] == text
    assert data["model"] == data["status"] == text
    assert data["caption"] == f"{text} dog"


@pytest.mark.parametrize(
    "options",
    [
        {"stderr": False},
        {"first_only": True},
        {"picture": False},
        {"grid": (1, 1)},
        {"grid": (32, 32)},
        {"words": ["dog"]},
        {"scale": 0.0},
        {"scale": 1e9},
    ],
)
def test_every_shape_of_result_has_a_page(options):
    found = explanation(**options)
    data = data_of(viewer.to_html(found))
    assert len(places_of(data)["patches"]) == found.players.n_image
    if options.get("first_only"):
        assert np.isnan(cross_of(data)).all()


def test_it_is_written_whole(tmp_path):
    path = tmp_path / "page.html"
    assert viewer.to_html(explanation(), path) == path.read_text("utf-8")
    with pytest.raises(InputError, match="Cannot write"):
        viewer.to_html(explanation(), tmp_path / "none" / "page.html")


def test_half_characters_do_not_stop_it(tmp_path):
    found = explanation(words=["\ud800", "dog"])
    assert viewer.to_html(found, tmp_path / "page.html") == (tmp_path / "page.html").read_text("utf-8")


def test_the_page_may_reach_nothing_and_run_only_itself():
    page = viewer.to_html(explanation())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "unsafe" not in policy
    for tag, source in (("style", r"<style>(.*?)</style>"), ("script", r"<script>(.*?)</script>")):
        digest = base64.b64encode(sha256(re.search(source, page, re.S)[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_picture_is_whole_and_small():
    found = explanation()
    kind, encoded = re.fullmatch(
        r"data:image/(\w+);base64,(.*)", places_of(data_of(viewer.to_html(found)))["picture"]
    ).groups()
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
        assert image.format.lower() == kind
        assert np.abs(np.asarray(image.convert("RGB"), float) - found.players.picture).mean() < 4


def test_the_largest_page_stays_small():
    found = explanation(grid=(32, 32), words=[f"w{i}" for i in range(60)])
    assert len(viewer.to_html(found).encode("utf-8")) < 1_000_000


@pytest.mark.parametrize("n_image", [0, 3])
def test_players_without_a_place_show_in_notebooks(n_image):
    players = Players.of(n_image=n_image, n_text=5 - n_image)
    found = Explanation(0.0, np.ones(5), np.zeros((5, 5)), 0.0, 1.0, "X", players)
    assert viewer.mimebundle(found)["image/png"]


def test_notebooks_get_a_frame_of_their_own():
    bundle = viewer.mimebundle(explanation())
    assert bundle["text/html"].startswith("<iframe sandbox")
    assert bundle["text/html"].count("<") == bundle["text/html"].count(">") == 2
    assert bundle["image/png"].startswith("iVBOR")


def without(found):
    """The same numbers on boxes."""
    return replace(found, players=replace(found.players, regions=None))


@pytest.mark.slow
@pytest.mark.parametrize("regions", [label_map(196, 224), np.random.default_rng(0).integers(0, 196, (900, 600))])
def test_regions_add_little_to_the_page(regions):
    found = of_regions(196)
    found = replace(found, players=replace(found.players, regions=regions))
    page = viewer.to_html(found)
    assert len(page) - len(viewer.to_html(without(found))) < 150_000
    data = data_of(page)
    assert all(re.fullmatch(r"(M\d+ \d+([hv]-?\d+)+z)*", patch["path"]) for patch in places_of(data)["patches"])
    assert {i for i, patch in enumerate(places_of(data)["patches"]) if patch["path"]} == set(regions[regions >= 0])
    place = places_of(data)
    assert place["width"] / place["height"] == pytest.approx(regions.shape[1] / regions.shape[0], rel=0.02)


def test_a_comparison_holds_the_numbers_of_each():
    found = comparison()
    data = data_of(viewer.to_html(found))
    assert [panel["title"] for panel in data["panels"]] == list(found.labels)
    for panel, (_, e) in zip(data["panels"], found, strict=True):
        assert_close(cross_of(panel), e.cross.T, 1e-3)
        assert len(data["places"][panel["place"]]["patches"]) == e.players.n_image
    assert data["panels"][0]["shared"] == list(range(10))
    assert data["panels"][1]["shared"] == [0, 1, 2, 3, 3, 4, 5, 6, 8, 9]


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "{data}"])
def test_hostile_text_stays_data_in_a_comparison(text):
    found = explanation(words=[text, "dog"], model=text, status=text)
    page = viewer.to_html(Comparison((found, found), (text, "other")))
    assert page.count("<script") == page.count("</script>") == 2
    assert data_of(page)["panels"][0]["title"] == text


def test_a_contrast_holds_both_and_the_difference():
    found = contrast()
    data = data_of(viewer.to_html(found))
    assert data["caption"] == "“a dog by a bus” rather than “a cat by a big bus”"
    assert [panel["title"] for panel in data["panels"]] == [*found.captions, "difference"]
    for panel, e in zip(data["panels"], (found.first, found.second, found.aligned), strict=True):
        assert_close(cross_of(panel), e.cross.T, 1e-3)
        assert len(panel["shared"]) == e.players.n_text
    assert [word["label"] for word in data["panels"][2]["words"]] == [part.label for part in found.parts()]
    rows = data["contrast"]["rows"]
    assert [row["part"] for row in rows] == [row.part for row in found.rows()]
    assert_close([row["difference"] for row in rows], [row.difference for row in found.rows()], 1e-3)
    assert data["contrast"]["total"] == [21.5, 21.5, 0]


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "{data}"])
def test_hostile_text_stays_data_in_a_contrast(text):
    one, other = explanation(words=[text, "dog"]), explanation(words=["dog"])
    page = viewer.to_html(Contrast(one, other))
    assert page.count("<script") == page.count("</script>") == 2
    assert data_of(page)["contrast"]["rows"][0]["part"] == f"{text} vs –"


def test_a_gallery_holds_each_and_a_picture_once():
    found = gallery()
    page = viewer.to_html(found)
    data = data_of(page)
    assert [panel["title"] for panel in data["panels"]] == list(found.labels)
    for panel, (_, e) in zip(data["panels"], found, strict=True):
        assert_close(cross_of(panel), e.cross.T, 1e-3)
        assert [word["label"] for word in panel["words"]] == [p.label for p in e.players.text]
    assert page.count("data:image") == len(data["places"]) == 1
    first, second = (panel["shared"] for panel in data["panels"][:2])
    assert [k for k in range(5) if first[k] != second[k]] == [1]  # a dog by a bus, a cat by a bus
    assert len(set(first)) == 5


def test_pictures_of_a_gallery_are_all_there():
    found = Gallery((explanation(seed=0), explanation(seed=3)), ("one", "other"), "Two pictures")
    data = data_of(viewer.to_html(found))
    assert [panel["place"] for panel in data["panels"]] == [0, 1]
    assert data["caption"] == "Two pictures"


@pytest.mark.slow
@pytest.mark.parametrize("found", [explanation(), comparison(), contrast(), gallery()], ids=lambda f: type(f).__name__)
def test_notebooks_get_a_picture_of_every_kind(found):
    bundle = viewer.mimebundle(found)
    with Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))) as image:
        assert min(image.size) > 300
    assert bundle["text/plain"] == repr(found)


def test_numbers_keep_five_digits():
    values = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.arange(-30, 30).repeat(17)[:1000]
    values[:4] = np.nan, np.inf, 0.0, 1e300
    seen = unpacked(packed(values), -1)
    assert np.isnan(seen[[0, 1, 3]]).all()
    assert seen[2] == 0
    assert np.abs(seen[4:] / values[4:] - 1).max() < 2**-16 * 1.01
