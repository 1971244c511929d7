"""No command writes over what it reads, nor writes two things into one file."""

import os
import shutil
from pathlib import Path

import pytest

from fixlip.cli import files
from fixlip.cli.files import STREAM, keep_apart
from fixlip.errors import InputError

FAST = ("--model", "demo-clip", "--image-masks", "64", "--no-curves")
TWICE = ("--estimator", "itsm", "--estimator", "rollout", "--model", "demo-clip")


@pytest.fixture
def folder(tmp_path, monkeypatch, scene, explanation):
    """A working directory with one of everything that a command reads."""
    monkeypatch.chdir(tmp_path)
    scene.image.save("p.png")
    explanation.save("w.fixlip")
    explanation.save("page.html")
    Path("c.txt").write_text("a dog\na cat\n", "utf-8")
    Path("symbolic.out").symlink_to("p.png")
    Path("hard.out").hardlink_to("p.png")
    Path("dangling.out").symlink_to("new.html")
    Path("sub").mkdir()
    model = tmp_path / "model"
    shutil.copytree(Path(files.__file__).parents[1] / "assets" / "demo-clip", model)
    Path("weights.link").symlink_to("model/weights.safetensors")
    Path("run").mkdir()
    Path("run/run.json").write_text("{}")
    Path("run/rows-0.jsonl").write_text("")
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        ("explain", "p.png", "a dog", *FAST, "--png", "p.png"),
        ("explain", "p.png", "a dog", *FAST, "--html", "p.png"),
        ("explain", "p.png", "a dog", *FAST, "--save", "./sub/../p.png"),
        ("explain", "p.png", "a dog", *FAST, "--html", "symbolic.out"),
        ("explain", "p.png", "a dog", *FAST, "--html", "hard.out"),
        ("explain", "symbolic.out", "a dog", *FAST, "--png", "p.png"),
        ("explain", "p.png", "a dog", *FAST, "--html", "a", "--save", "a"),
        ("explain", "p.png", "a dog", *FAST, "--html", "a", "--png", "sub/../a"),
        ("explain", "p.png", "a dog", *FAST, "--html", "dangling.out", "--save", "new.html"),
        ("explain", "p.png", "--captions", "c.txt", *FAST, "--html", "c.txt"),
        ("explain", "p.png", "--captions", "c.txt", *FAST, "--all", "--html", "s-1-a-dog.fixlip", "--save", "s"),
        ("explain", "p.png", "a dog", "--model", "local-dir:model", "--html", "model/open_clip_config.json"),
        ("explain", "p.png", "a dog", "--model", "local-dir:model", "--save", "weights.link"),
        ("explain", "p.png", "a dog", "--pretrained", "model/weights.safetensors", "--save", "weights.link"),
        ("compare", "p.png", "a dog", *TWICE, "--html", "p.png"),
        ("compare", "p.png", "a dog", *TWICE, "--html", "x-2-rollout.fixlip", "--save", "x"),
        ("compare", "p.png", "a dog", *TWICE, "--model", "ViT-B-32 pretrained=weights.link", "--png", "weights.link"),
        ("sweep", "p.png", "a dog", "--option", "p", "--values", "0.3,0.5", "--model", "demo-clip", "--png", "p.png"),
        ("sweep", "p.png", "a dog", "--option", "p", "--values", "0.3", "--against", "w.fixlip", "--png", "w.fixlip"),
        ("view", "w.fixlip", "--html", "w.fixlip"),
        ("view", "w.fixlip", "--html", "a", "--png", "a"),
        ("view", "page.html"),
        ("report", "run", "--html", "run/run.json"),
        ("report", "run", "--markdown", "run/rows-0.jsonl"),
        ("report", "run", "--html", "r.html", "--markdown", "r-examples.html"),
        ("evaluate", "grounding", "--data", "coco:run", "--model", "demo-clip", "--out", "sub/../run"),
        ("evaluate", "grounding", "--data", "scenes:1", "--model", "local-dir:model", "--out", "model"),
        *((*start, "-") for start in (
            ("explain", "p.png", "a dog", *FAST, "--html"),
            ("view", "w.fixlip", "--png"),
            ("compare", "p.png", "a dog", *TWICE, "--html"),
            ("report", "run", "--markdown"),
        )),
    ],
)  # fmt: skip
def test_no_output_is_an_input_or_another_output(cli, folder, command):
    before = contents(folder)
    code, out, err = cli(*command)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "cannot be written to standard output" in err if command[-1] == "-" else "Cannot write" in err
    assert contents(folder) == before
    assert not Path("-").exists()


def test_the_message_names_both(cli, folder):
    err = cli("explain", "p.png", "a dog", *FAST, "--html", "hard.out")[2]
    assert err == "fixlip: Cannot write 'hard.out': it is the picture 'p.png'; give another name.\n"
    err = cli("view", "w.fixlip", "--html", "a", "--png", "a")[2]
    assert err == "fixlip: Cannot write 'a': it is 'a', which is written too; give another name.\n"


def test_outputs_of_their_own_are_written_again(cli, folder):
    for _ in range(2):  # what an earlier run has written is no input
        code, _, err = cli("view", "w.fixlip", "--html", "Page.html", "--png", "a.png")
        assert (code, err) == (0, "")
    assert Path("page.html").read_bytes() == Path("w.fixlip").read_bytes() != Path("Page.html").read_bytes()


def test_streams_are_files_too(folder, monkeypatch):
    with open("c.txt") as captions, open("answer.json", "w") as answer:
        streams = {0: captions.fileno(), 1: answer.fileno()}
        monkeypatch.setattr(files.os, "fstat", lambda number, stat=os.fstat: stat(streams.get(number, number)))
        with pytest.raises(InputError, match="it is the captions"):
            keep_apart([Path("c.txt")], {"the captions": [STREAM]})
        with pytest.raises(InputError, match="it is standard output"):
            keep_apart([Path("answer.json")], {})
        keep_apart([Path("c.txt")], {})


def test_capitals_count_where_the_disk_tells_them_apart(folder, monkeypatch):
    keep_apart([Path("new"), Path("NEW")], {})
    monkeypatch.setattr(files, "_ignores_case", lambda folder: True)
    with pytest.raises(InputError, match="written too"):
        keep_apart([Path("new"), Path("NEW")], {})
