"""`fixlip compare`, `fixlip view`, and `fixlip explain --all`."""

import re
import webbrowser

import pytest
from PIL import Image

import fixlip
from fixlip.results.comparison import Comparison

FAST = ("--model", "demo-clip", "--image-masks", "128")
CAPTIONS = ("a lemon and a hammer", "a lemon", "a 🐕 and 一只狗")


@pytest.fixture
def saved(tmp_path, explanation):
    explanation.save(tmp_path / "one.fixlip")
    return tmp_path / "one.fixlip"


def numbers(line):
    return [float(found) for found in re.findall(r"[+-]\d+\.\d+", line)]


def test_what_is_printed_is_what_the_comparison_says(cli, photo, scene, tmp_path):
    paths = {kind: tmp_path / f"both.{kind}" for kind in ("html", "png")}
    several = ("--estimator", "banzhaf p=0.3 interactions=cross", "--estimator", "banzhaf p=0.7 interactions=cross")
    files = ("--html", paths["html"], "--png", paths["png"], "--save", tmp_path / "both", "--no-curves")
    code, out, err = cli("compare", photo, scene.caption, *FAST, *several, *files)
    assert (code, err) == (0, "")
    places = sorted(tmp_path.glob("both-*.fixlip"))
    labels = [one.removeprefix("--estimator ") for one in several if one != "--estimator"]
    found = Comparison(tuple(map(fixlip.Explanation.load, places)), tuple(labels))
    for row in found.differences():
        name = re.escape("similarity" if row["word"] is None else row["word"])
        lines = [numbers(line) for line in re.findall(rf"^{name} .*$", out, re.M) if numbers(line)]
        wanted = [row["first_value"], row["second_value"], row["difference"], row["low"], row["high"]]
        assert any(line == [round(x, 2) + 0.0 for x in wanted[: len(line)]] for line in lines), row
    for row in found.table():
        line = next(line for line in out.splitlines() if line.startswith(f"{row['label']} "))
        assert f"{row['similarity']:.2f}" in line
        assert f"{row['image_passes']} + {row['text_passes']}" in line
        assert f"{row['share_cross']:.0%}" in line
    assert f"agreement {found.agreement()[0, 1]:.2f}" in out
    sure = [r for r in found.differences() if r["word"] and not r["low"] <= 0 <= r["high"]]
    assert out.count("●") == len(sure) + 1
    assert scene.caption in paths["html"].read_text("utf-8")
    with Image.open(paths["png"]) as figure:
        assert figure.width > 500


@pytest.mark.slow
def test_cosines_are_a_unit_that_models_share(cli, photo, scene, tmp_path):
    both = ("--model", "demo-clip", "--model", "demo-siglip", "--image-masks", "128", "--cosine")
    code, out, _ = cli("compare", photo, scene.caption, *both, "--save", tmp_path / "both")
    found = [fixlip.Explanation.load(path) for path in sorted(tmp_path.glob("both-*.fixlip"))]
    assert code == 0
    assert "In cosines." in out
    assert [e.unit for e in found] == ["cosine", "cosine"]
    assert all(f"{e.full_value:.4f}" in out for e in found)
    strongest = found[0].top_pairs(1)[0]
    assert f"{strongest.value:+.4f} ± {strongest.stderr:.4f}" in cli("view", next(tmp_path.glob("both-1*.fixlip")))[1]


@pytest.mark.slow
def test_three_are_each_set_against_the_first(cli, photo, tmp_path):
    several = [word for p in (0.3, 0.5, 0.7) for word in ("--estimator", f"banzhaf p={p} interactions=cross")]
    code, out, _ = cli("compare", photo, "a dog", *FAST, *several, "--save", tmp_path)
    assert code == 0
    assert len(re.findall("difference", out)) == 2
    assert len(re.findall(r"1\.00", out[out.index("agreement") :])) >= 3
    names = sorted(p.name for p in tmp_path.glob("*.fixlip"))
    assert [name[:14] for name in names] == ["1-banzhaf-p-0.", "2-banzhaf-p-0.", "3-banzhaf-p-0."]


@pytest.mark.slow
def test_other_grids_are_compared_on_a_common_one(cli, photo, tmp_path):
    few = ("--image-masks", "128", "--model", "demo-clip", "--model", "demo-siglip")
    code, out, err = cli("compare", photo, "a dog", *few, "--save", tmp_path / "both")
    assert (code, err) == (0, "")
    found = Comparison(tuple(map(fixlip.Explanation.load, sorted(tmp_path.glob("both-*.fixlip")))), ("a", "b"))
    assert [e.players.grid for e in found.explanations] == [(7, 7), (8, 8)]
    value = found.agreement()[0, 1]
    assert -1 < value < 1
    assert f"agreement {value:.2f} (correlation of the interactions on a common grid)" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to compare"),
        (("--estimator", "banzhaf", "--estimator", "banzhaf"), "twice"),
        (("--estimator", "banzhaf", "--estimator", "banzaf"), "Did you mean 'banzhaf'"),
        (("--estimator", "banzhaf", "--estimator", "banzhaf pp=1"), "Did you mean 'p'"),
        (("--model", "demo-clap"), "Did you mean 'demo-clip'"),
        (("--model", "demo-siglip colour=red"), "the options pretrained and dtype"),
    ],
)
def test_what_cannot_be_compared_is_one_line(cli, photo, arguments, message):
    code, out, err = cli("compare", photo, "a dog", "--model", "demo-clip", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_one_file_gives_its_page_beside_it(cli, saved, explanation, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    code, out, _ = cli("view", saved, "--open", "--png", saved.with_suffix(".png"), "--top", "3")
    assert code == 0
    assert opened == [saved.with_suffix(".html").as_uri()]
    assert explanation.players.caption in saved.with_suffix(".html").read_text("utf-8")
    assert saved.with_suffix(".png").exists()
    assert out.count("row ") == 3
    assert f"{explanation.top_pairs(1)[0].value:+.2f}" in out


def test_files_of_one_caption_are_compared(cli, saved, explanation, tmp_path):
    explanation.save(tmp_path / "other.fixlip")
    code, out, _ = cli("view", saved, tmp_path / "other.fixlip")
    assert code == 0
    assert "agreement 1.00" in out
    assert re.search(r"^ +one +other +difference", out, re.M)
    assert "other" in (tmp_path / "fixlip-view.html").read_text("utf-8")


@pytest.mark.slow
def test_all_captions_make_a_gallery_that_can_be_viewed_again(cli, photo, tmp_path, monkeypatch):
    (tmp_path / "captions.txt").write_text("\n".join(CAPTIONS), "utf-8")
    monkeypatch.setenv("COLUMNS", "80")
    page, out_of = tmp_path / "all.html", ("--html", tmp_path / "all.html", "--save", tmp_path / "g", "--no-curves")
    code, out, err = cli("explain", photo, "--captions", tmp_path / "captions.txt", "--all", *FAST, *out_of)
    assert (code, err) == (0, "")
    for caption in CAPTIONS:
        assert caption in page.read_text("utf-8")
        assert re.search(rf"^{caption} +-?\d", out, re.M)
    files = sorted(tmp_path.glob("g-*.fixlip"))
    assert len(files) == 3
    code, again, _ = cli("view", *files, "--html", tmp_path / "again.html")
    assert code == 0
    assert again.split("wrote")[0] == out.split("wrote")[0]
    for flag in (("--against", "1"), ("--png", "a.png")):
        assert cli("explain", photo, "a dog", "--all", *FAST, *flag)[0] == 2


def test_files_that_are_none_are_one_line(cli, photo, tmp_path):
    for file, message in ((photo, "not a saved explanation"), (tmp_path / "none", "No file")):
        code, out, err = cli("view", file, "--html", tmp_path / "x.html")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err
    assert not (tmp_path / "x.html").exists()
