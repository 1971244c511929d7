"""Killed at any moment, an evaluation goes on where it was: real processes, kill -9."""

import json
import random
import signal
import time
from contextlib import suppress

import psutil
import pytest

from fixlip.evaluation import read
from tests.helpers.processes import Command, wait_until

pytestmark = pytest.mark.usefixtures("heard")

COMMAND = [
    *("evaluate", "grounding", "--data", "scenes:20", "--model", "demo-clip", "--threads", "1"),
    *("--estimator", "itsm", "--estimator", "interaction-lime image_masks=64"),
]
UNITS = 60  # facts and two estimators of each scene
ENDS = [signal.SIGKILL, signal.SIGTERM, signal.SIGKILL]


def start(folder, *options):
    return Command(*COMMAND, "--out", folder, *options)


def finish(process):
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err[-2000:]
    return out


def size(folder):
    return sum(path.stat().st_size for path in folder.glob("rows-*.jsonl"))


def kept(folder):
    """The table, without times."""
    return json.dumps([row.as_json() | {"seconds": 0} for row in read(folder)])


def raw_lines(folder):
    return [line for path in folder.glob("rows-*.jsonl") for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    finish(start(folder))
    return folder


def test_ended_again_and_again_the_table_is_the_same(tmp_path, uninterrupted):
    rng = random.Random(0)
    for number in ENDS:
        process, before = start(tmp_path), size(tmp_path)
        wait_until(process, lambda before=before: size(tmp_path) > before)
        time.sleep(rng.uniform(0, 0.3))
        assert process.poll() is None, "it came to an end before it could be killed: take more scenes"
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        ended = (-signal.SIGKILL, 0) if number == signal.SIGKILL else (128 + number, 1)
        assert (process.returncode, err.count("the same command goes on from there")) == ended, err
        assert len(err.splitlines()) == ended[1]
    assert len(ENDS) <= len(raw_lines(tmp_path)) < UNITS
    finish(start(tmp_path))
    assert kept(tmp_path) == kept(uninterrupted)
    assert len(raw_lines(tmp_path)) == UNITS, "nothing is done twice"


def workers(process):
    """Processes of Ray that work for this one; others may run at the same time."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.Error):
            if child.cmdline()[:1] and child.cmdline()[0].startswith("ray::RemoteWorker"):
                found.append(child)
    return found


def test_ray_loses_nothing_with_a_worker_and_ends_with_the_program(tmp_path, uninterrupted):
    pytest.importorskip("ray")
    process = start(tmp_path, "--engine", "ray", "--workers", "2")
    wait_until(process, lambda: size(tmp_path))
    first, second = workers(process)
    first.kill()
    before = size(tmp_path)
    wait_until(process, lambda: size(tmp_path) > before)
    mine = workers(process)
    assert second in mine
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 143, err
    said = [line for line in err.splitlines() if not line.startswith("[20")]  # Ray dates what it logs
    assert len(said) == 1, said
    assert said[0].startswith("fixlip: interrupted; what is done is in")
    assert not psutil.wait_procs(mine, timeout=30)[1]
    out = finish(start(tmp_path))
    assert "20 of 20 items evaluated" in out
    assert " per second" in out
    assert kept(tmp_path) == kept(uninterrupted)
    assert len(raw_lines(tmp_path)) == UNITS, "nothing is done twice"
