"""Ctrl-C, SIGTERM and SIGHUP, in any phase of any command."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import fixlip
from tests.helpers.faults import faulty
from tests.helpers.processes import Command
from tests.helpers.state import unchanged

pytestmark = pytest.mark.usefixtures("heard")

FEW = ("--model", "demo-clip", "--image-masks", "128", "--option", "interactions=cross")
SEVERAL = ("--model", "demo-clip", "--model", "demo-siglip", "--image-masks", "128")
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
OF_LIBRARIES = ["threads", "warnings", "streams", "open files"]  # typer's hook, matplotlib's fonts
ENDS = "exit code 130, 143 or 129, at most one line, files whole or absent, no temporary files, the state as before"


def command(name, photo, out):
    """Arguments that write every kind of file that the command can write into `out`."""
    pair, results = (photo, "a dog"), ("--html", out / "page.html", "--png", out / "figure.png")
    return {
        "explain": ("explain", *pair, *FEW, *results, "--save", out / "found.fixlip"),
        "contrast": ("explain", *pair, "--against", "a cat", *FEW[:4], *results),
        "compare": ("compare", *pair, *SEVERAL, *results),
        "sweep": ("sweep", *pair, "--option", "p", "--values", "0.3,0.7", *FEW[:4], "--png", out / "figure.png"),
        "demo": ("demo", "--out", out),
        "evaluate": ("evaluate", "faithfulness", "--data", "scenes:3", "--model", "demo-clip", "--estimator",
                     "interaction-lime image_masks=64", "--out", out / "run"),
        "report": ("report", out / "run", "--examples", "1", "--html", out / "page.html"),
    }[name]  # fmt: skip


def check_files(out):
    """Files are whole, and each was asked for."""
    for path in (p for p in Path(out).rglob("*") if p.is_file()):
        kind = path.suffix
        if kind == ".html":
            assert path.read_text("utf-8").rstrip().endswith("</html>")
        elif kind == ".png":
            Image.open(path).load()
        elif kind == ".fixlip":
            fixlip.Explanation.load(path)
        elif kind == ".json":
            json.loads(path.read_text())
        elif kind == ".jsonl":
            for line in path.read_text().splitlines():
                json.loads(line)
        else:
            assert path.name.endswith(".lock"), f"{path.name} is left over"


def send(number):
    """For `faulty`: no error of its own, but a signal."""

    def error():
        os.kill(os.getpid(), number)

    return error


@pytest.mark.parametrize(
    ("name", "number"),
    list(zip(["explain", "evaluate", "contrast", "compare", "sweep", "demo"], 2 * list(CODES), strict=True)),
)
def test_a_signal_in_a_pass(name, number, cli, photo, tmp_path, demo_clip, monkeypatch):
    monkeypatch.setattr("fixlip.api.load.load_model", lambda *args, **options: demo_clip)
    monkeypatch.setattr("fixlip.api.load._load_once", lambda *args, **options: demo_clip)
    monkeypatch.setattr("fixlip.evaluation.work.load_model", lambda *args, **options: demo_clip)
    for k in (1, 40, 200):
        out = tmp_path / str(k)
        out.mkdir()
        with unchanged(demo_clip, but=OF_LIBRARIES), faulty(demo_clip, send(number), at=k) as faults:
            code, printed, said = cli(*command(name, photo, out))
        if faults.fallen:
            assert code == CODES[number]
            assert (said.count("\n"), "Traceback" in said) == (0 if "interrupted" in printed else 1, False), said
        check_files(out)
        if (out / "found.fixlip").exists() and faults.fallen:
            assert "interrupted" in fixlip.Explanation.load(out / "found.fixlip").provenance.status
    assert name in ("sweep", "demo") or faults.calls > 100


@pytest.mark.parametrize("number", CODES, ids=lambda n: n.name)
def test_a_signal_that_python_drops(cli, photo, tmp_path, demo_clip, monkeypatch, number):
    monkeypatch.setattr("fixlip.api.load.load_model", lambda *args, **options: demo_clip)

    class Deleted:
        def __del__(self):
            os.kill(os.getpid(), number)
            time.sleep(0.01)

    def delete():
        Deleted()

    with faulty(demo_clip, delete, at=20):
        code, _, said = cli(*command("explain", photo, tmp_path))
    assert code == CODES[number]
    assert "Traceback" not in said


@pytest.mark.parametrize("number", CODES, ids=lambda n: n.name)
@pytest.mark.parametrize("at", range(1, 4))
def test_a_signal_while_a_file_is_written(cli, photo, tmp_path, demo_clip, monkeypatch, at, number):
    monkeypatch.setattr("fixlip.api.load.load_model", lambda *args, **options: demo_clip)
    fsync, calls = os.fsync, []

    def interrupted(file):
        calls.append(file)
        if len(calls) == at:
            os.kill(os.getpid(), number)
        return fsync(file)

    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr(os, "fsync", interrupted)
    code, _, said = cli(*command("explain", photo, out))
    assert len(calls) == at
    assert (code, said) == (CODES[number], "fixlip: interrupted\n")
    check_files(out)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """A folder of results, for the report."""
    folder = tmp_path_factory.mktemp("results")
    with Command(*command("evaluate", "", folder)) as process:
        assert process.wait(timeout=300) == 0, process.communicate()
    return folder


@pytest.mark.parametrize("name", ["explain", "compare", "sweep", "demo", "evaluate", "report"])
def test_a_signal_at_any_moment(name, photo, tmp_path, evaluated):
    rng, moments = random.Random(name), []
    for k, number in enumerate((signal.SIGINT, signal.SIGTERM)):
        out = evaluated if name == "report" else tmp_path / str(k)
        out.mkdir(exist_ok=True)
        with Command(*command(name, photo, out)) as process:
            process.hears()
            moments.append(rng.uniform(0, 3))
            time.sleep(moments[-1])
            process.send_signal(number)
            _, said = process.communicate(timeout=120)
        assert process.returncode in (0, CODES[number], -number), (said, moments)  # -number: as the process ended
        assert "Traceback" not in said, (said, moments)
        assert said.count("\n") <= (process.returncode != 0), (said, moments)
        check_files(out)
        (out / "page.html").unlink(missing_ok=True)


LONG = ("--model", "demo-clip", "--target-error", "0.0001")


def test_a_second_one_ends_at_once(photo, tmp_path):
    with Command("explain", photo, "a dog and a cat on a red bus in the park", *LONG) as process:
        process.hears()
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)  # the same one: from the terminal, and from a program around this one
        time.sleep(0.7)
        began = time.monotonic()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode in (130, 143, -signal.SIGTERM)  # the last one: as the process ended
    assert "Traceback" not in said
    assert time.monotonic() - began < 20


def test_signals_that_are_the_same_or_ignored(cli, photo, tmp_path, demo_clip, monkeypatch):
    monkeypatch.setattr("fixlip.api.load.load_model", lambda *args, **options: demo_clip)

    def twice():
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    with faulty(demo_clip, twice, at=20):
        assert cli(*command("explain", photo, tmp_path))[0] == 130
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with faulty(demo_clip, send(signal.SIGHUP), at=20) as faults:
        assert cli(*command("explain", photo, tmp_path))[0] == 0
    assert faults.fallen


def test_the_library_installs_no_handlers():
    code = (
        "import signal; before = [signal.getsignal(s) for s in (2, 15, 1)]; import fixlip, fixlip.cli\n"
        "from fixlip.games.closed_form import random_towers\n"
        "fixlip.get_estimator('banzhaf').explain(random_towers(4, 3), progress=False)\n"
        "assert [signal.getsignal(s) for s in (2, 15, 1)] == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
