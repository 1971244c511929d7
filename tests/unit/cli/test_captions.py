"""`fixlip explain` with several captions, and `--dry-run`."""

import io
import re

import numpy as np
import pytest
from PIL import Image

import fixlip
from fixlip.api.captions import contrast
from fixlip.cli.captions import read_captions
from tests.helpers.oracles import assert_close

FAST = ("--model", "demo-clip", "--image-masks", "128", "--option", "interactions=cross")
CAPTIONS = ("a lemon and a hammer", "a lemon and a dog", "a lemon", "a cat")


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "captions.txt"
    path.write_text("\ufeff" + "\n\n".join(f"  {c} " for c in CAPTIONS) + "\n\n", "utf-8")
    return path


def question(out):
    return re.search(r"Why “(.*)” and not “(.*)”\?", out).groups()


def column(out, name):
    """Numbers of a column of the table."""
    lines = out[out.index("Why “") :].splitlines()
    top = next(k for k, line in enumerate(lines) if "with picture" in line)
    end = lines[top].index(name) + len(name)
    kept = [re.search(r"([+-][\d.]+)$", line[:end]) for line in lines[top + 1 :] if line.strip()]
    return [float(found[1]) for found in kept if found]


@pytest.mark.slow
def test_captions_are_ranked_and_the_best_two_contrasted(cli, photo, listed, tmp_path):
    paths = {kind: tmp_path / f"out.{kind}" for kind in ("html", "png", "fixlip")}
    files = ["--html", paths["html"], "--png", paths["png"], "--save", paths["fixlip"]]
    code, out, err = cli("explain", photo, "--captions", listed, *FAST, "--seed", "2", *files)
    assert (code, err) == (0, "")
    places = [line.split(maxsplit=3)[3].strip() for line in out.splitlines() if re.match(r"\d +-?\d", line)]
    assert sorted(places) == sorted(CAPTIONS)
    assert question(out) == tuple(places[:2])
    for name in ("first", "second", "difference"):
        *parts, total = column(out, name)
        assert len(parts) == len(column(out, "first")) - 1 >= 6
        assert sum(parts) == pytest.approx(total, abs=0.005 * (len(parts) + 1))
    found = fixlip.Explanation.load(paths["fixlip"])
    assert found.provenance.seed == 2
    assert found.players.caption == " vs ".join(places[:2])
    assert places[0] in paths["html"].read_text("utf-8")
    with Image.open(paths["png"]) as figure:
        assert figure.width > 1000


def test_what_is_printed_is_what_the_function_gives(cli, photo, demo_clip):
    out = cli("explain", photo, CAPTIONS[0], "--against", CAPTIONS[1], *FAST)[1]
    call = {"image_masks": 128, "options": {"interactions": "cross"}, "progress": False}
    found = contrast(photo, CAPTIONS[:2], model=demo_clip, **call)
    rows = found.ordered(10)
    assert_close(column(out, "difference")[:-1], np.round([row.difference for row in rows], 2), 1e-9)
    assert all(re.search(f"^{re.escape(row.part)} +{re.escape(f'{row.first:+.2f}')} ", out, re.M) for row in rows)


@pytest.mark.parametrize(
    ("arguments", "pair"),
    [
        (["a cat", "--captions"], ("a cat", "best")),
        (["--against", "a cat", "--captions"], ("best", "a cat")),
        (["--against", "4", "--captions"], ("best", "fourth")),
        (["a cat", "--against", "1", "--captions"], ("a cat", "best")),
        (["--against", "a new one", "--captions"], ("best", "a new one")),
        (["a new one", "--captions"], ("a new one", "best")),
    ],
)
def test_either_caption_can_be_chosen(cli, photo, listed, arguments, pair):
    code, out, _ = cli("explain", photo, *arguments, listed, *FAST)
    assert code == 0
    places = [line.split(maxsplit=3)[3].strip() for line in out.splitlines() if re.match(r"\d +-?\d", line)]
    assert len(places) == len(CAPTIONS) + ("a new one" in arguments)
    names = {"best": places[0], "fourth": places[3]}
    assert question(out) == tuple(names.get(name, name) for name in pair)


def test_from_standard_input_and_cut_to_the_top(cli, photo, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(CAPTIONS)))
    code, out, _ = cli("explain", photo, "--captions", "-", *FAST, "--top", "2")
    assert code == 0
    assert "and 2 more; --top 4 shows all" in out
    assert "other words" in out


@pytest.mark.slow
def test_notes_name_their_captions(cli, photo):
    code, out, _ = cli("explain", photo, "a zebra", "--against", "dog " * 30 + "bus", *FAST)
    printed = out.replace("\n", " ")
    assert code == 0
    assert re.search(r"note \(\d\): demo-clip never learned 'zebra'", printed)
    assert re.search(r"note \(\d\): the model reads 30 of 31 tokens and does not see 'bus'", printed)


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (None, ["--captions", "captions.txt"], "No file 'captions.txt'"),
        (b"", ["--captions", "captions.txt"], "has no caption"),
        (b" \n\n", ["--captions", "captions.txt"], "has no caption"),
        (b"a dog\n", ["--captions", "captions.txt"], "there is only 'a dog'"),
        (b"a dog\n", ["a dog", "--captions", "captions.txt"], "there is only 'a dog'"),
        (b"a dog\na cat\n\n a dog\n", ["--captions", "captions.txt"], "'a dog' twice, in lines 1 and 4"),
        (b"\xff\xfe\x00", ["--captions", "captions.txt"], "not text in UTF-8"),
        (b"a dog\na cat", ["--captions", "."], "Cannot read"),
        (b"a dog\na cat", ["--captions", "captions.txt", "--against", "3"], "from 1 to 2, got 3"),
        (b"a dog\na cat", ["a cat", "--captions", "captions.txt", "--against", "a cat"], "itself"),
        (b"a dog\n...\n", ["--captions", "captions.txt", "--phrase", "a dog"], "a dog"),
        (b"a dog\na cat", ["--captions", "captions.txt", "--estimator", "grad-eclip"], "scale of its own"),
        (None, [], "Give a caption"),
        (None, ["a dog", "--against", "a dog"], "there is only 'a dog'"),
        (None, ["--against", "a dog"], "Give a caption"),
        (None, ["a dog", "--dry-run", "--image-masks", "4"], "at least"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(cli, photo, monkeypatch, content, arguments, message):
    monkeypatch.chdir(photo.parent)
    if content is not None:
        (photo.parent / "captions.txt").write_bytes(content)
    cheap = ("--model", "demo-clip") if {"grad-eclip", "--dry-run"} & set(arguments) else FAST
    code, out, err = cli("explain", "photo.png", *arguments, *cheap)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert "Traceback" not in out + err


@pytest.mark.slow
def test_dry_run_counts_and_stops(cli, photo, listed, tmp_path, monkeypatch):
    monkeypatch.setattr(fixlip.Explanation, "__post_init__", lambda self: pytest.fail("explained"))
    code, out, err = cli("explain", photo, "a lemon", *FAST, "--dry-run", "--html", tmp_path / "page.html")
    assert (code, err) == (0, "")
    assert "130 image + 6 text passes" in out
    assert re.search(r"about [\d.]+ s: [\d.]+ ms per image pass", out)
    assert not (tmp_path / "page.html").exists()
    code, out, _ = cli("explain", photo, "--captions", listed, *FAST, "--dry-run")
    assert code == 0
    assert "ranking 4 captions: 1 image + 4 text passes" in out
    assert "130 image + 40 text passes" in out
    assert "Why" not in out


@pytest.mark.slow
def test_a_target_error_stops_the_run(cli, photo, tmp_path):
    spent = []
    for target in ("0.9", "0.2"):
        call = ("--model", "demo-clip", "--option", "interactions=cross", "--target-error", target)
        assert cli("explain", photo, "a dog", *call, "--save", tmp_path / "found")[0] == 0
        spent.append(fixlip.Explanation.load(tmp_path / "found").provenance.image_passes)
    assert spent[0] < spent[1] < 8192
    code, _, err = cli("explain", photo, "a dog", *FAST, "--target-error", "0.2", "--dry-run")
    assert (code, err.count("\n")) == (2, 1)
    assert "--target-error" in err


def test_a_target_error_gives_both_captions_the_same_masks(photo):
    call = {"model": "demo-clip", "options": {"interactions": "cross"}, "target_error": 0.3, "progress": False}
    why = contrast(photo, ("a dog and a bus", "a cat and a bus"), **call)
    assert why.first.provenance.image_passes == why.second.provenance.image_passes
    assert why.paired is not None


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_only_newlines_end_a_caption(tmp_path, end):
    lines = ["a dog\x0ba cat", "one\x85two", "left\u2028right", "a\x1cb\x0cc"]
    (tmp_path / "captions.txt").write_bytes(end.join(lines).encode())
    assert read_captions(tmp_path / "captions.txt") == lines
