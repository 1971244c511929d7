"""Libraries that only an evaluation needs are not loaded by anything else."""

import subprocess
import sys

import pytest

ONLY_HERE = {"sklearn", "jinja2", "filelock", "scipy"}


def loaded(code):
    program = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint('LOADED', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    "code",
    [
        "import fixlip",
        "import fixlip.evaluation.metrics as m; m.list_metrics()",
        "sys.argv = ['fixlip', '--help']; from fixlip.cli import main; main()",
        "sys.argv = ['fixlip', 'evaluate', '--help']; from fixlip.cli import main; main()",
    ],
)
def test_help_and_imports_load_none_of_it(code):
    assert loaded(code).isdisjoint(ONLY_HERE)


def test_the_check_sees_what_is_loaded():
    assert "filelock" in loaded("import filelock")
