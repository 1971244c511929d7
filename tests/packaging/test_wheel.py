"""The wheel, in an environment that has its dependencies but not this checkout."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

pytestmark = pytest.mark.wheel


def copy_of_source(target):
    """Copy the source without build outputs and caches, so that building leaves nothing in the checkout."""
    leave = shutil.ignore_patterns(
        ".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", "runs", "artifacts", ".*_cache", ".hypothesis"
    )
    shutil.copytree(ROOT, target, ignore=leave)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source = tmp_path_factory.mktemp("source") / "fixlip"
    copy_of_source(source)
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", out, source], check=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    subprocess.run([sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", wheel], check=True)
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def run(installed, *command, cwd):
    return subprocess.run([installed / "bin" / command[0], *command[1:]], capture_output=True, text=True, cwd=cwd)


def test_the_wheel_holds_what_it_should(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.stat().st_size < 20e6
    here = [path for folder in ("fixlip", "estimators") for path in (ROOT / folder).rglob("*") if path.is_file()]
    files = {path.relative_to(ROOT).as_posix() for path in here if path.suffix != ".pyc"}
    assert len(files) > 250
    assert {f"fixlip/{name}" if name.startswith("estimators/") else name for name in files} <= set(names)
    assert {name.split("/")[0] for name in names} <= {
        "fixlip",
        next(n for n in names if "dist-info" in n).split("/")[0],
    }


def test_it_lists_its_estimators(installed, tmp_path):
    code = "import fixlip; print(fixlip.__file__); print(fixlip.list_estimators())"
    done = run(installed, "python", "-W", "error", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    where, names = done.stdout.splitlines()
    assert where.startswith(str(installed))
    assert "banzhaf" in names


@pytest.mark.parametrize("command", [("fixlip",), ("python", "-m", "fixlip")])
def test_it_says_its_version(installed, tmp_path, command):
    done = run(installed, *command, "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout.split()[0]) == (0, "fixlip"), done.stderr


def test_a_checkout_that_hides_it_is_explained(installed):
    """Run from the repository root, the folder fixlip hides the installed package and its estimators."""
    done = run(installed, "python", "-c", "import fixlip; print(fixlip.list_estimators())", cwd=ROOT)
    assert "banzhaf" in done.stdout or "hides the installed package" in done.stderr
