"""Completion of the shell, by its real protocol; and that it imports nothing slow."""

import os
import subprocess
import sys

import open_clip
import pytest

import fixlip
from fixlip.cli import completion
from fixlip.encoders import removal
from fixlip.encoders.names import open_clip_models
from fixlip.evaluation import list_metrics


def completed(shell, line):
    """The completions that a shell offers for the last word of a line."""
    words = line.split(" ")
    protocol = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    program = "import sys; sys.argv[0] = 'fixlip'; from fixlip.cli import main\ntry:\n    main()\nfinally:\n"
    program += "    print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "_FIXLIP_COMPLETE": f"complete_{shell}", **protocol},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    out, _, loaded = done.stdout.partition("LOADED")
    assert done.stderr == ""
    return out, set(loaded.split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_estimators_and_families_are_offered_at_once(shell):
    out, loaded = completed(shell, "fixlip explain a.png dog --estimator sha")
    assert all(name in out for name in ("shapley", "shapley-owen", "shapiq"))
    assert "banzhaf" not in out
    assert not loaded & {"torch", "shapiq", "open_clip", "scipy", "sklearn", "matplotlib"}


@pytest.mark.parametrize(
    ("line", "offered", "missing"),
    [
        ("fixlip compare a.png dog --model ViT-B-16-SigLIP2-5", ["ViT-B-16-SigLIP2-512"], "demo"),
        ("fixlip compare a.png dog --model demo", ["demo-bag", "demo-bound", "demo-clip", "demo-siglip"], "ViT"),
        ("fixlip explain a.png dog --image-removal ", ["mean", "blur", "attention", "drop"], "delete"),
        ("fixlip explain a.png dog --text-removal d", ["delete"], "drop"),
        ("fixlip evaluate fa", ["faithfulness"], "grounding"),
        ("fixlip v", ["view"], "explain"),
        ("fixlip explain a.png dog --image-", ["--image-masks", "--image-players", "--image-removal"], "--model"),
    ],
)
def test_names_are_offered_at_once(line, offered, missing):
    out, loaded = completed("bash", line)
    assert out.split() == offered
    assert missing not in out
    assert not loaded & {"torch", "shapiq", "open_clip", "scipy", "sklearn", "matplotlib"}


def test_options_are_those_of_the_estimator_that_is_named():
    out, _ = completed("bash", "fixlip explain a.png dog --estimator shapley-owen --option ")
    names = {line.partition("=")[0] for line in out.split()}
    assert names == set(fixlip.get_estimator("shapley-owen").options())
    out, _ = completed("bash", "fixlip explain a.png dog --option inter")
    assert set(out.split()) == {"interactions=auto", "interactions=cross", "interactions=all"}


def test_what_is_offered_is_what_there_is():
    assert completion.image_removals("") == ["mean", "blur", "attention", "drop"] == list(removal.removals("image"))
    assert completion.text_removals("") == ["attention", "replace", "delete"] == list(removal.removals("text"))
    assert completion.text_players("") == ["words", "content", "tokens"]
    assert completion.metrics("") == list_metrics()
    offered = completion.estimators("")
    assert {name for name in fixlip.list_estimators() if ":" not in name} <= set(offered)
    assert "shapiq:" in offered
    assert "shapiq:KernelSHAP" in completion.estimators("shapiq:Ker")


def test_models_are_those_of_open_clip(monkeypatch):
    monkeypatch.delitem(sys.modules, "open_clip")
    assert open_clip_models() == open_clip.list_models()
