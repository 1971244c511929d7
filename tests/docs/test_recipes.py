"""The recipes of CONTRIBUTING.md, followed to the letter: one file and one line each, and the toy works."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FILES = dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE, re.S))
TABLES = re.findall(r'```toml\n\[project\.entry-points\."(.+?)"\]\n(.*?)```', PAGE, re.S)
LINES = re.findall(r"```text\n(.*?)\n```", PAGE, re.S)
pytestmark = pytest.mark.slow  # each in a process of its own
SCENE = "from fixlip.datasets.scenes import make_scene; import fixlip; scene = make_scene(1, n_objects=2)\n"
FEW = "model='demo-clip', image_masks=128, text_masks=16, progress=False, options={'interactions': 'cross'}"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A package from outside with the files and the lines of the page."""
    folder = tmp_path_factory.mktemp("package")
    info = folder / "my_package-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(
        "\n".join(f"[{group}]\n{line.replace(chr(34), '')}" for group, line in TABLES)
    )
    for name, content in FILES.items():
        if "/" not in name:
            (folder / name).write_text(content)
    return folder


def run(folder, *command):
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def python(folder, code):
    return run(folder, sys.executable, "-c", code)


def test_an_estimator(package):
    assert "my-method" in run(package, sys.executable, "-m", "fixlip", "estimators")
    code = (
        "found = fixlip.explain(scene.image, scene.caption, model='demo-clip', estimator='my-method', progress=False)"
    )
    assert python(package, f"{SCENE}{code}\nprint(found.index)").strip() == "MINE"


def test_a_metric(package):
    command = ["--data", "scenes:2", "--model", "demo-clip", "--estimator", "grad-eclip", "--out", "runs"]
    run(package, sys.executable, "-m", "fixlip", "evaluate", "my-sparsity share=0.1", *command)
    report = run(package, sys.executable, "-m", "fixlip", "report", "runs", "--html", "report.html")
    assert "Sparsity" in (package / "report.html").read_text("utf-8")
    assert "small" in report
    assert "my-sparsity" in run(package, sys.executable, "-m", "fixlip", "evaluate", "--help")


def test_a_family_of_models(package):
    code = "from my_family import MyModel; import fixlip; print(fixlip.load_model(MyModel()).name)"
    assert python(package, code).strip() == "my model"


def test_a_removal(package):
    code = f"found = fixlip.explain(scene.image, scene.caption, removal={{'image': 'black'}}, {FEW})"
    shown = "print(found.provenance.removal, fixlip.load_model('demo-clip').removals['image'])"
    assert python(package, f"{SCENE}{code}\n{shown}").startswith("image black, text attention ('mean', 'blur', ")


def test_a_kind_of_text_players(package):
    code = f"found = fixlip.explain(scene.image, 'a dog and a bus', text_players='halves', {FEW})"
    assert python(package, f"{SCENE}{code}\nprint([p.label for p in found.players.text])").strip() == (
        "['a dog', 'and a bus']"
    )


@pytest.fixture
def source(tmp_path):
    """The source with the files and the lines that belong in it."""
    shutil.copytree(ROOT / "fixlip", tmp_path / "fixlip", ignore=shutil.ignore_patterns("__pycache__"))
    data, plot = LINES
    for place, before, line in (
        ("fixlip/datasets/__init__.py", "SOURCES = {\n", f"    {data}\n"),
        ("fixlip/plots/__init__.py", "from fixlip.plots.network import network\n", f"{plot}\n"),
    ):
        text = (tmp_path / place).read_text("utf-8")
        assert text.count(before) == 1
        (tmp_path / place).write_text(text.replace(before, before + line), "utf-8")
    for name, content in FILES.items():
        if "/" in name:
            (tmp_path / name).write_text(content)
    return tmp_path


def test_a_data_set_and_a_plot(source):
    code = "from fixlip.datasets import load_dataset; data = load_dataset('my-data:2'); print(len(data), data[1].id)"
    assert python(source, code).strip() == "2 mine-1"
    code = "from fixlip.cli.completion import data; print(data('my'))"
    assert python(source, code).strip() == "['my-data']"
    code = "import numpy as np, fixlip; from types import SimpleNamespace as S\n"
    code += "print(len(fixlip.plots.my_plot(S(first_order=np.ones(3))).lines))"
    assert python(source, code).strip() == "1"
