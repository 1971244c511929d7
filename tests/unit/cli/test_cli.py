import json
import os
import subprocess
import sys
from copy import copy

import numpy as np
import open_clip
import pytest
from PIL import Image

import fixlip

FAST = ("--model", "demo-clip", "--image-masks", "128", "--option", "interactions=cross")


def test_explain_writes_what_is_asked_for(cli, photo, scene, tmp_path):
    paths = {kind: tmp_path / f"out.{kind}" for kind in ("html", "png", "fixlip")}
    code, out, _ = cli(
        "explain", photo, scene.caption, *FAST, "--p", "0.5", "--seed", "3", "--top", "4",
        "--html", paths["html"], "--png", paths["png"], "--save", paths["fixlip"],
    )  # fmt: skip
    assert code == 0
    found = fixlip.Explanation.load(paths["fixlip"])
    assert found.provenance.seed == 3
    assert scene.caption in paths["html"].read_text()
    with Image.open(paths["png"]) as figure:
        assert figure.width > 500
    assert out.count("row ") == 4


def test_players_and_removals_are_flags(cli, photo, tmp_path):
    out = tmp_path / "found"
    flags = ("--image-players", "grid:3", "--phrase", "a dog", "--image-removal", "drop", "--text-removal", "delete")
    code, printed, _ = cli("explain", photo, "a dog and a bus", *FAST, *flags, "--save", out)
    assert code == 0
    found = fixlip.Explanation.load(out)
    assert found.players.labels[9:] == ("a dog", "and", "a", "bus")
    assert found.players.n_image == 9
    assert found.provenance.removal == "image drop, text delete"
    assert "a dog" in printed
    for flag, value, hint in (
        ("--image-removal", "blurr", "blur"),
        ("--text-removal", "drop", "delete"),
        ("--image-players", "slick", "slic"),
        ("--phrase", "a cat", "a cat"),
    ):
        code, printed, err = cli("explain", photo, "a dog and a bus", *FAST, flag, value)
        assert (code, printed) == (2, "")
        assert hint in err
        assert err.count("\n") == 1


def test_a_note_names_flags_and_a_page_is_no_saved_file(cli, photo, tmp_path):
    page = tmp_path / "page.html"
    code, out, _ = cli("explain", photo, "a dog", "--model", "demo-clip", "--image-masks", 64, "--html", page)
    assert code == 0
    assert "give --image-masks 128 or more" in out
    assert "image_masks=" not in out
    code, _, err = cli("view", page)
    assert (code, err.count("\n")) == (2, 1)
    assert "a page already" in err


@pytest.mark.slow
def test_explain_prints_without_writing(cli, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = cli("explain", photo, "a zebra", *FAST)
    assert code == 0
    assert "never learned 'zebra'" in out.replace("\n", " ")
    assert "does not see 'bus'" in cli("explain", photo, "dog " * 30 + "bus", *FAST)[1].replace("\n", " ")
    assert [p.name for p in tmp_path.iterdir()] == ["photo.png"]


def test_estimators_and_models(cli):
    code, out, _ = cli("estimators")
    assert code == 0
    assert all(name in out for name in fixlip.list_estimators())
    code, out, _ = cli("models")
    assert code == 0
    assert "demo-clip" in out
    assert "ViT-B-32" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.png", "a dog", *FAST], "No picture"),
        (["text.png", "a dog", *FAST], "not a picture"),
        (["truncated.png", "a dog", *FAST], "damaged"),
        (["photo.png", "", *FAST], "caption is empty"),
        (["photo.png", "a dog", "--model", "demo-clap"], "Did you mean 'demo-clip'"),
        (["photo.png", "a dog", "--model", "ViT-B-32", "--pretrained", "nothing"], "not the tag"),
        (["photo.png", "a dog", "--model", "demo-clip", "--estimator", "banzaf"], "Did you mean 'banzhaf'"),
        (["photo.png", "a dog", *FAST, "--option", "pp=1"], "Did you mean 'p'"),
        (["photo.png", "a dog", *FAST, "--option", "p"], "name=value"),
        (["photo.png", "a dog", *FAST, "--p", "1.5"], "between 0 and 1"),
        (["photo.png", "a dog", *FAST, "--p", "0"], "between 0 and 1"),
        (["photo.png", "a dog", *FAST, "--budget", "100"], "either budget"),
        (["photo.png", "a dog", "--model", "demo-clip", "--budget", "3"], "at least"),
        (["photo.png", "a dog", "--model", "demo-clip", "--budget", "-3"], "at least 1"),
        (["photo.png", "a dog", *FAST, "--text-players", "letters"], "content, tokens, words"),
        (["photo.png", "a dog", *FAST, "--html", "none/out.html"], "No folder"),
        (["photo.png", "a dog", *FAST, "--png", "."], "folder"),
        (["photo.png", "a dog", *FAST, "--device", "nonsense"], "device"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(cli, photo, arguments, message, monkeypatch):
    folder = photo.parent
    monkeypatch.chdir(folder)
    (folder / "text.png").write_text("hello")
    (folder / "truncated.png").write_bytes(photo.read_bytes()[:3000])
    before = sorted(p.name for p in folder.iterdir())
    code, out, err = cli("explain", *arguments, "--save", "kept.fixlip")
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert "Traceback" not in out + err
    assert sorted(p.name for p in folder.iterdir()) == before


def exif_rotated(image):
    exif = Image.Exif()
    exif[0x0112] = 6
    return image.transpose(Image.Transpose.ROTATE_90), {"exif": exif}


PICTURES = {
    "1x1.png": lambda im: (im.resize((1, 1)), {}),
    "wide.png": lambda im: (im.resize((20_000, 30)), {}),
    "tall.jpg": lambda im: (im.resize((30, 20_000)), {}),
    "grey.png": lambda im: (im.convert("L"), {}),
    "grey16.png": lambda im: (Image.fromarray(np.asarray(im.convert("L")).astype(np.uint16) * 257), {}),
    "rgba.png": lambda im: (im.convert("RGBA"), {}),
    "palette.gif": lambda im: (im.convert("P"), {}),
    "cmyk.jpg": lambda im: (im.convert("CMYK"), {}),
    "rotated.jpg": exif_rotated,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_every_kind(cli, scene, tmp_path, name):
    image, options = PICTURES[name](scene.image)
    image.save(tmp_path / name, **options)
    few = ("--model", "demo-clip", "--image-players", "grid:1" if name == "1x1.png" else "grid:2")
    code, _, err = cli("explain", tmp_path / name, scene.caption, *few, "--save", tmp_path / "e")
    assert (code, err) == (0, "")
    if name not in ("1x1.png", "wide.png", "tall.jpg"):
        value = fixlip.Explanation.load(tmp_path / "e").full_value
        image = scene.image.convert("L") if "grey" in name else scene.image
        plain = fixlip.explain(image, scene.caption, model="demo-clip", image_players="grid:2", progress=False)
        assert abs(value - plain.full_value) < 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "caption", ["a 🐕 and a dog", "一只狗和一辆车", "<b>dog</b> & 'bus' \"quoted\"", "$x^2$ dog \\n"]
)
def test_captions_of_every_kind(cli, photo, tmp_path, caption):
    code, out, err = cli("explain", photo, caption, *FAST, "--html", tmp_path / "e.html", "--png", tmp_path / "e.png")
    assert (code, err) == (0, "")
    assert caption in out.replace("\n", " ")


@pytest.mark.slow
def test_as_a_program_and_silent_when_piped(photo, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "from fixlip.cli import main; main()", "explain", photo, "a dog", *FAST],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "similarity" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(("given", "read"), [({}, "passive"), ({"OMP_WAIT_POLICY": "active"}, "active")])
def test_threads_that_wait_do_not_spin(given, read):
    """OpenMP reads the policy once, when torch is imported."""
    watch = (
        "import atexit, os, sys; atexit.register(lambda: print(os.getenv('OMP_WAIT_POLICY'), 'torch' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{watch}; from fixlip.__main__ import main; main()", "--version"],
        capture_output=True, text=True, check=True, env={**os.environ, **given},
    )  # fmt: skip
    assert done.stdout.splitlines()[1:] == [f"{read} False"]


def test_a_wrong_command_line_exits_with_2(cli):
    assert cli("explain")[0] == 2
    assert cli("nonsense")[0] == 2
    assert cli("--help")[0] == 0


def test_options_are_json_where_they_can_be():
    from fixlip.specs import options_of

    assert options_of(["p=0.7", "order=1", "interactions=all"]) == {"p": 0.7, "order": 1, "interactions": "all"}
    assert json.dumps(options_of([])) == "{}"


def test_a_model_without_weights(cli, photo, tmp_path, monkeypatch):
    for known in ("_MODEL_CONFIG_PATHS", "_MODEL_CONFIGS"):  # as they were, afterwards
        monkeypatch.setattr(open_clip.factory, known, copy(getattr(open_clip.factory, known)))
    layers = {"layers": 1, "width": 32}
    config = {"embed_dim": 24, "vision_cfg": {"image_size": 32, "patch_size": 16, "head_width": 16, **layers}}
    (tmp_path / "tiny-random.json").write_text(json.dumps(config | {"text_cfg": {"heads": 2, **layers}}))
    open_clip.add_model_config(tmp_path)
    asked = ("explain", photo, "a dog", "--model", "tiny-random", "--pretrained", "none", "--image-masks", "16")
    code, out, err = cli(*asked, "--allow-random", "--json")
    assert (code, json.loads(out)["provenance"]["model"]) == (0, "tiny-random (random weights)"), err
    code, out, err = cli(*asked)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "give --pretrained, or --allow-random." in err
