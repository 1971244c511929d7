"""`fixlip index` and `fixlip search`."""

import json

import pytest

from fixlip.datasets.scenes import make_scene

pytest.importorskip("lance")
FAST = ("--model", "demo-clip", "--image-players", "grid:2")


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    for k, names in enumerate((("snake", "cactus"), ("dog", "umbrella"))):
        make_scene(k, names=names).image.save(tmp_path / "photos" / f"{names[0]}.png")
    return tmp_path / "photos"


@pytest.mark.slow
def test_build_search_and_info(cli, photos, tmp_path):
    out = tmp_path / "index"
    (photos / "broken.png").write_bytes(b"no picture")
    code, text, err = cli("index", "build", photos, out, *FAST)
    assert (code, err) == (0, "")
    assert "2 added" in text
    assert "broken.png" in text.replace("\n", "")
    assert "1 dropped, 2 unchanged" in cli("index", "build", photos / "dog.png", photos / "snake.png", out, *FAST)[1]
    code, text, _ = cli("search", out, "a snake", "--sort", "a")
    assert code == 0
    assert "2 hits among 2 pictures" in text
    assert "no image pass" in text
    found = json.loads(cli("search", out, "a snake and zebra", "-k", "1", "--json")[1])
    [hit] = found["hits"]
    assert hit["picture"].endswith("snake.png")
    parts = sum(hit["contributions"]) + hit["no_words"] + hit["together"]
    assert parts == pytest.approx(hit["similarity"])
    assert len(hit["cross"]) == 4
    assert "zebra" in found["notes"][0]
    facts = json.loads(cli("index", "info", out, "--json")[1])
    assert (facts["pictures"], facts["facts"]["model"]) == (2, "demo-clip")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("index build PHOTOS", "Give pictures, and the folder of the index last"),
        ("index build PHOTOS PHOTOS --model demo-clip", "Cannot write"),
        ("index build nowhere OUT --model demo-clip", "No picture, folder, table or archive 'nowhere'"),
        ("index build PHOTOS OUT --model demo-clip --dtype int8", "dtype is float16 or float32"),
        ("index info PHOTOS", "No index in"),
        ("search PHOTOS dog", "No index in"),
        ("search PHOTOS dog -k 0", "-k"),
    ],
)
def test_a_wrong_line_is_one_line(cli, photos, tmp_path, line, message):
    places = {"PHOTOS": str(photos), "OUT": str(tmp_path / "index")}
    code, _, err = cli(*(places.get(word, word) for word in line.split()))
    assert code == 2
    assert message in err
    assert message == "-k" or (err.startswith("fixlip: "), err.count("\n")) == (True, 1), err  # usage takes several


def test_an_interruption_says_what_is_kept(cli, tmp_path, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("fixlip.build_index", interrupted)
    code, _, said = cli("index", "build", tmp_path, tmp_path / "out", "--model", "demo-clip")
    assert code == 130
    assert said.startswith("fixlip: interrupted; the pictures that are done are in ")
