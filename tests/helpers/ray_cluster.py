"""A cluster of Ray on this machine whose nodes lack data, die like machines, and join late."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.helpers.processes import Command

SETTINGS = {  # a node is dead after 1.5 seconds of silence; no idle workers; no token; no reports; as quick as others
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "3",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
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

    def start(self, *command, before=""):
        """Start a command of fixlip on this cluster, in the folder of the data."""
        before = f"import os; os.environ.update({SETTINGS})\n{before}"
        return Command(*command, "--engine", "ray", "--address", self.address, "--json", cwd=self.data, before=before)


@contextmanager
def running(data):
    """A cluster without nodes that work, for as long as it is needed."""
    pytest.importorskip("ray")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("this machine gives no namespace for mounts")
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # a path of few characters: sockets are in it
    cluster = Cluster(folder, data)
    try:
        yield cluster
    finally:
        for name in [*cluster.nodes][::-1]:
            cluster.kill(name)
        shutil.rmtree(folder, ignore_errors=True)


def finish(process):
    """Exit code, the document on standard output, and what was said beside it."""
    out, err = process.communicate(timeout=300)
    said = [line for line in err.splitlines() if not line.startswith("[20")]  # Ray dates what it logs
    return process.returncode, json.loads(out) if out else None, said
