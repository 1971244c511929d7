"""The recipes of CONTRIBUTING.md, followed to the letter: one file and one line each, and the toy works."""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from tests.helpers.paths import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FILES = dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE, re.S))
TABLES = re.findall(r'```toml\n\[project\.entry-points\."(.+?)"\]\n(.*?)```', PAGE, re.S)
PROJECT = re.search(r"```toml\n# pyproject.toml\n(.*?)```", PAGE, re.S)[1]
LINES = re.findall(r"```text\n(.*?)\n```", PAGE, re.S)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A package from outside with the files and the lines of the page."""
    folder = tmp_path_factory.mktemp("package")
    settings = tomllib.loads(PROJECT)
    name, version = (settings["project"][key] for key in ("name", "version"))
    assert settings["build-system"]["build-backend"] == "setuptools.build_meta"
    assert {f"{module}.py" for module in settings["tool"]["setuptools"]["py-modules"]} <= set(FILES)
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(
        "\n".join(f"[{group}]\n{line.replace(chr(34), '')}" for group, line in TABLES)
    )
    for name, content in FILES.items():
        if "/" not in name:
            (folder / name).write_text(content)
    return folder


def run(folder, code):
    """Lines that a program prints, started in a folder whose packages it finds."""
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


CODE = {
    "estimator": """
command("estimators")
found = fixlip.explain(scene.image, scene.caption, model="demo-clip", estimator="my-method", progress=False)
print(found.index)""",
    "metric": """
evaluated = ["--data", "scenes:2", "--model", "demo-clip", "--estimator", "grad-eclip", "--out", "runs"]
command("evaluate", "my-sparsity share=0.1", *evaluated)
command("report", "runs", "--html", "report.html")
command("evaluate", "--help")""",
    "family": """
from my_family import MyModel
print(fixlip.load_model(MyModel()).name)""",
    "removal": """
found = fixlip.explain(scene.image, scene.caption, removal={"image": "black"}, **few)
print(found.provenance.removal, fixlip.load_model("demo-clip").removals["image"])""",
    "text players": """
found = fixlip.explain(scene.image, "a dog and a bus", text_players="halves", **few)
print([p.label for p in found.players.text])""",
}
PROGRAM = """
import sys, fixlip
from fixlip.cli import main
from fixlip.datasets.scenes import make_scene
scene, options = make_scene(1, n_objects=2), {"interactions": "cross"}
few = {"model": "demo-clip", "image_masks": 128, "text_masks": 16, "progress": False, "options": options}
def command(*words):
    sys.argv = ["fixlip", *words]
    try:
        main()
    except SystemExit as end:
        assert not end.code, words
"""


@pytest.fixture(scope="module")
def printed(package):
    """What the code of each recipe prints, all in one process: imports take longer than all the rest."""
    parts = [f"print('== {name}')\n{code}\n" for name, code in CODE.items()]
    _, *sections = run(package, PROGRAM + "".join(parts)).split("== ")
    return dict(section.split("\n", 1) for section in sections)


def test_an_estimator(printed):
    assert "my-method" in printed["estimator"]
    assert printed["estimator"].splitlines()[-1] == "MINE"


def test_a_metric(package, printed):
    assert "Sparsity" in (package / "report.html").read_text("utf-8")
    report, _, usage = printed["metric"].partition("Usage")
    assert "small" in report
    assert "my-sparsity" in usage


def test_a_family_of_models(printed):
    assert printed["family"].strip() == "my model"


def test_a_removal(printed):
    assert printed["removal"].startswith("image black, text attention ('mean', 'blur', ")


def test_a_kind_of_text_players(printed):
    assert printed["text players"].strip() == "['a dog', 'and a bus']"


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
    code = """
from types import SimpleNamespace
import numpy as np, fixlip
from fixlip.cli.completion import data
from fixlip.datasets import load_dataset
found = load_dataset("my-data:2")
print(len(found), found[1].id, data("my"), len(fixlip.plots.my_plot(SimpleNamespace(first_order=np.ones(3))).lines))
"""
    assert run(source, code).strip() == "2 mine-1 ['my-data'] 1"
