"""A package from outside: installed, it is listed, offered, and tested like the estimators that come with fixlip."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.paths import ROOT

NAME = "plugin-occlusion"
CLI = ("-c", "from fixlip.cli import main; main()")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the plugin installed in it."""
    source, target = tmp_path_factory.mktemp("source") / "plugin", tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "tests" / "packaging" / "plugin", source, ignore=shutil.ignore_patterns("__pycache__"))
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *offline, "--target", target, source], check=True)
    return target


@pytest.fixture
def run(site):
    def run(*arguments, **environment):
        path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
        return subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": path} | environment,
        )

    return run


def test_it_is_not_there_without_installation():
    import fixlip

    assert NAME not in fixlip.list_estimators()


def test_it_is_listed_and_explains(run):
    code = f"""
import fixlip, numpy as np
from fixlip.games.closed_form import additive
print({NAME!r} in fixlip.list_estimators(), 'banzhaf' in fixlip.list_estimators())
found = fixlip.get_estimator({NAME!r}).explain(additive(np.array([1.0, 2.0]), np.array([4.0])), progress=False)
print(found.first_order.tolist(), found.provenance.estimator)
"""
    done = run("-W", "error", "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["True True", f"[1.0, 2.0, 4.0] {NAME}"]


def test_the_command_line_knows_it(run, tmp_path):
    listed = run(*CLI, "estimators")
    assert listed.returncode == 0, listed.stderr
    assert re.search(rf"^{NAME} +what the whole input loses without a player", listed.stdout, re.MULTILINE)
    picture = tmp_path / "picture.png"
    from PIL import Image

    Image.fromarray(np.zeros((32, 32, 3), dtype=np.uint8)).save(picture)
    wrong = run(*CLI, "explain", str(picture), "a dog", "--estimator", "plugin-oclusion")
    assert wrong.returncode == 2
    assert f"Did you mean '{NAME}'?" in wrong.stderr
    assert wrong.stderr.count("\n") == 1


def test_the_shell_completes_it(run):
    words = {"COMP_WORDS": "fixlip explain a b --estimator plugin", "COMP_CWORD": "5"}
    done = run(
        "-c",
        "import sys; sys.argv[0] = 'fixlip'; from fixlip.cli import main; main()",
        _FIXLIP_COMPLETE="complete_bash",
        **words,
    )
    assert done.stdout.split() == [NAME], done.stderr


def test_the_conformance_suite_takes_it_up(run):
    suite = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance/test_conformance.py", "-k", NAME)
    done = run(*suite)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 5, done.stdout
