"""A hostile environment: full disks, closed streams, no home, odd terminals."""

import os
import shlex
import subprocess
import sys

import pytest

from tests.robustness.test_faults_signals import FEW, check_files

LINE = "one line and exit code 2, no file in part"
WORKS = "the same as ever"
FIXLIP = f"{sys.executable} -m fixlip"


def shell(line, cwd, **environment):
    """Run a line of a shell: exit code, standard output, standard error."""
    env = {k: v for k, v in (os.environ | environment).items() if v is not None}
    done = subprocess.run(["bash", "-c", line], cwd=cwd, env=env, capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


@pytest.mark.parametrize("command", ["models", "--version", "--help"])
def test_no_room_for_the_output(tmp_path, command):
    code, _, said = shell(f"{FIXLIP} {command} > /dev/full", tmp_path)
    assert (code, said) == (2, "fixlip: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_closed_streams(tmp_path, closed):
    code, _, said = shell(f"{FIXLIP} models {closed}", tmp_path, HOME=None)
    assert (code, said) == (0, "")


ODD = {"HOME": "/nonexistent", "TMPDIR": "/nonexistent", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ODD |= {"COLUMNS": "-5", "LINES": "0", "TERM": "nonsense", "FORCE_COLOR": "1"}


def test_an_odd_environment(photo, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    line = f"{FIXLIP} explain {photo} 'a dog' {' '.join(FEW)} --html {out}/page.html --png {out}/figure.png"
    code, printed, said = shell(line, tmp_path, **ODD)
    assert (code, "Traceback" in said) == (0, False), said
    assert printed
    assert {path.name for path in out.iterdir()} == {"page.html", "figure.png"}
    check_files(out)


@pytest.fixture
def little_disk(tmp_path):
    """A disk of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs rights")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    "command",
    [
        "explain {photo} 'a dog' {few} --html {disk}/page.html",
        "explain {photo} 'a dog' {few} --png {disk}/figure.png",
        "explain {photo} 'a dog' {few} --save {disk}/found.fixlip",
        "evaluate faithfulness --data scenes:2 --model demo-clip --estimator itsm --out {disk}/run",
    ],
    ids=lambda command: command.split()[0] + command.split()[-1][-5:],
)
def test_a_full_disk(cli, photo, little_disk, command):
    (little_disk / "rest").write_bytes(b"x" * (60 << 10))
    with (little_disk / "rest").open("ab", buffering=0) as rest:
        try:
            while True:
                rest.write(b"x" * 512)
        except OSError:
            pass
    words = shlex.split(command.format(photo=photo, few=" ".join(FEW), disk=little_disk))
    code, _, said = cli(*words)
    assert (code, said.count("\n")) == (2, 1), said
    assert "No space left on device" in said
    (little_disk / "rest").unlink()
    check_files(little_disk)
