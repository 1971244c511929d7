"""The ends of commands: exit codes, Ctrl-C, a reader that went away. See docs/command_line.md."""

import os
import signal
import subprocess
import sys

import pytest

import fixlip
from fixlip.games.counted import CountedGame

pytestmark = pytest.mark.usefixtures("heard")

FAST = ("--model", "demo-clip", "--image-masks", "128", "--option", "interactions=cross")


def program(*arguments, **options):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    return subprocess.Popen([sys.executable, "-m", "fixlip", *map(str, arguments)], **options)


def ended(*arguments, **options):
    with program(*arguments, **options) as process:
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    return process.returncode, out, err


def test_done_is_0():
    code, out, err = ended("--version")
    assert (code, out, err) == (0, f"fixlip {fixlip.__version__}\n", "")


def test_nothing_evaluated_is_1(cli, tmp_path):  # the estimator takes 20 players at most
    code, _, err = cli("evaluate", "grounding", "--data", "scenes:1", "--model", "demo-clip", "--out", tmp_path / "r",
                       "--estimator", "exact")  # fmt: skip
    assert (code, err) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [(("explain", "missing.png", "a dog", *FAST), 1), (("explain", "--nonsense"), None), (("compare", "a", "b"), 1)],
)
def test_wrong_use_is_2(tmp_path, arguments, lines):
    code, out, err = ended(*arguments, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err
    assert lines in (None, err.count("\n"))
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments", [("models",), ("models", "--json"), ("estimators",), ("--help",), ("explain", "--help"), ()]
)
def test_a_reader_that_went_away_is_no_error(arguments):
    with program(*arguments) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


@pytest.fixture
def interrupted(monkeypatch):
    """Ctrl-C in the second round: the first one has encoded its masks, and the empty and the full picture."""
    own, calls = CountedGame.image_embeddings, []

    def image_embeddings(self, masks):
        calls.append(len(masks))
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return own(self, masks)

    monkeypatch.setattr(CountedGame, "image_embeddings", image_embeddings)
    return calls


def test_ctrl_c_in_one_explanation_gives_what_there_is(cli, photo, tmp_path, interrupted):
    found = tmp_path / "found"
    target = ("--model", "demo-clip", "--option", "interactions=cross", "--target-error", "0.01")
    code, out, _err = cli("explain", photo, "a dog", *target, "--save", found)
    assert code == 130
    assert "interrupted" in out
    assert "wrote" in out
    assert "interrupted" in fixlip.Explanation.load(found).provenance.status


@pytest.mark.slow
def test_ctrl_c_in_several_ends_them(cli, photo, tmp_path, interrupted):
    several = ("--model", "demo-clip", "--model", "demo-siglip", "--target-error", "0.01")
    code, out, err = cli("compare", photo, "a dog", *several, "--save", tmp_path / "both")
    assert (code, out, err) == (130, "", "fixlip: interrupted\n")
    assert [p.name for p in tmp_path.iterdir()] == ["photo.png"]


def test_the_handler_of_before_is_back(cli):
    before = signal.getsignal(signal.SIGINT)
    assert cli("--version")[0] == 0
    assert cli("models")[0] == 0
    assert signal.getsignal(signal.SIGINT) is before
