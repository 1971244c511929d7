"""A cluster whose nodes lack the data, die, and join late: real nodes of Ray on this machine, kill -9."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from fixlip.evaluation import Plan, evaluate, read
from tests.helpers.layouts import write_coco

pytestmark = pytest.mark.usefixtures("heard")

N = 8
ESTIMATOR = "interaction-lime image_masks=128"
SETTINGS = {  # a node is dead after 1.5 seconds of silence; no idle workers; no token; no reports
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "3",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
}


class Cluster:
    """Nodes of Ray with a folder of their own, each in its own group of processes; the head has no room for work."""

    def __init__(self, folder, data):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.data, self.nodes = data, {}
        options = ["--head", "--num-cpus=0", f"--port={port}", f"--temp-dir={folder}", "--include-dashboard=0"]
        said = self._start("head", *options)
        self.address = re.search(r"Local node IP: (\S+)", said)[1] + f":{port}"

    def join(self, name, *, cpus=1, without_data=False):
        """Add a node; it need not have the data."""
        hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(self.data)]
        self._start(name, f"--address={self.address}", f"--num-cpus={cpus}", before=hidden if without_data else [])

    def _start(self, name, *options, before=()):
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", f"--node-name={name}", *options]
        ray += ["--include-log-monitor=false"]
        self.nodes[name] = process = subprocess.Popen(
            [*before, *ray],
            cwd="/",
            env={**os.environ, **SETTINGS},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = ""
        for line in process.stdout:
            said += line
            if "runtime started" in line:
                return said
        pytest.fail(said)

    def kill(self, name):
        """End a node at once, as if its machine had lost power."""
        process = self.nodes.pop(name)
        for each in [process, *psutil.Process(process.pid).children(recursive=True)]:
            with suppress(psutil.Error, ProcessLookupError):
                each.kill()
        process.communicate()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_coco(folder / "coco", N, size=64)
    return folder


@pytest.fixture(scope="module")
def cluster(data):
    pytest.importorskip("ray")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("this machine gives no namespace for mounts")
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # a path of few characters: sockets are in it
    cluster = Cluster(folder, data)
    yield cluster
    for name in [*cluster.nodes][::-1]:
        cluster.kill(name)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def serial(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("serial")
    plan = Plan(("grounding",), f"coco:{data / 'coco'}", ("demo-clip",), (ESTIMATOR,), threads=1)
    evaluate(plan, folder, progress=False)
    return rows(folder)


def rows(folder):
    return json.dumps([row.as_json() | {"seconds": 0} for row in read(folder)])


def lines(folder):
    return [line for path in folder.glob("rows-*.jsonl") for line in path.read_bytes().splitlines()]


def start(cluster, out, workers):
    """The command, in the folder of the data, whose path is relative."""
    command = [
        *(sys.executable, "-m", "fixlip", "evaluate", "grounding", "--data", "coco:coco", "--model", "demo-clip")
    ]
    command += ["--estimator", ESTIMATOR, "--threads", "1", "--engine", "ray", "--address", cluster.address, "--json"]
    return subprocess.Popen(
        [*command, "--workers", str(workers), "--out", str(out)],
        cwd=cluster.data,
        env={**os.environ, **SETTINGS},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until_it_writes(process, out, more=1):
    before = len(lines(out))
    while process.poll() is None and len(lines(out)) < before + more:
        time.sleep(0.01)
    assert process.poll() is None


def finish(process):
    """Exit code, the document on standard output, and what was said beside it."""
    out, err = process.communicate(timeout=300)
    said = [line for line in err.splitlines() if not line.startswith("[20")]  # Ray dates what it logs
    return process.returncode, json.loads(out) if out else None, said


def test_nodes_without_the_data_nodes_that_die_and_nodes_that_join(cluster, serial, tmp_path):
    cluster.join("bare", without_data=True)
    code, document, said = finish(start(cluster, tmp_path, 2))
    assert (code, document, lines(tmp_path)) == (1, None, [])
    begin = "fixlip: node left out: bare (", "fixlip: No node of the cluster can do this work: bare ("
    said = [line for line in said if "workers have a place" not in line]  # one more word while a worker starts
    assert len(said) == 2, said
    for line, words in zip(said, begin, strict=True):
        assert line.startswith(words)
        assert f"No folder '{cluster.data / 'coco'}'" in line

    cluster.join("able")
    run = start(cluster, tmp_path, 2)
    until_it_writes(run, tmp_path)
    run.kill()
    run.communicate()
    assert lines(tmp_path)

    run = start(cluster, tmp_path, 9)  # more than there is room for
    until_it_writes(run, tmp_path)
    cluster.kill("able")  # none is left
    cluster.join("late")
    cluster.join("spare")
    until_it_writes(run, tmp_path, more=3)
    cluster.kill("late")
    code, document, said = finish(run)
    assert (code, document["evaluated"]) == (0, N)
    assert rows(tmp_path) == serial
    assert len(lines(tmp_path)) == 2 * N, "nothing is done twice"
    assert [line for line in said if line.startswith("fixlip: node left out: bare (")]
    assert [line for line in said if re.search(r"no worker has a place|\d of \d workers have a place", line)], said
    assert all(line.startswith("fixlip: ") for line in said)
