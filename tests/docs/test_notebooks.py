"""Notebooks run from top to bottom, show something, and are committed without output.

Where FIXLIP_EXECUTED names a folder, the executed copies are written there.
"""

import os
import re
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client import KernelManager
from nbclient import NotebookClient

from tests.helpers.paths import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TOGETHER = 600  # seconds of computing, whatever else the machine does
spent: dict[str, float] = {}


@pytest.fixture(scope="module")
def kernel():
    """One kernel for all: modules, whose imports take ten seconds, stay loaded from one notebook to the next."""
    manager = KernelManager()
    environment = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}  # its own way to show figures
    manager.start_kernel(env=environment | {"HF_HUB_OFFLINE": "1"})
    yield manager
    manager.shutdown_kernel(now=True)
    manager.context.destroy()


def executed(path, folder, kernel):
    """The notebook after a run in a folder of its own and without names of others, and the seconds that it computed."""
    afresh = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"%reset -f\n%cd -q {folder}")])
    notebook, before = nbformat.read(path, as_version=4), computed(kernel)
    for each in (afresh, notebook):
        client = NotebookClient(each, timeout=2 * TOGETHER, km=kernel)
        client.execute()
        client.kc.stop_channels()
    return notebook, computed(kernel) - before


def computed(kernel):
    """Seconds that a kernel kept a core busy."""
    used = psutil.Process(kernel.provisioner.pid).cpu_times()
    return used.user + used.system


def outputs_of(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of jupyter's own libraries
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path, kernel):
    notebook, seconds = executed(path, tmp_path, kernel)
    spent[path.stem] = seconds
    print(f"{path.stem}: {seconds:.0f} s of computing")
    assert seconds > 1
    outputs = outputs_of(notebook)
    assert any({"text/html", "image/png"} & set(output.get("data", {})) for output in outputs), "shows nothing"
    said = "".join(output.text for output in outputs if output.get("name") == "stderr")
    assert not re.search("warning|error|fixlip", said, re.I), said
    assert sum(spent.values()) < TOGETHER, spent
    if folder := os.environ.get("FIXLIP_EXECUTED"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, Path(folder) / path.name)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_as_a_reader_wants_it(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    first, code = notebook.cells[0], [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert (first.cell_type, first.source[:2]) == ("markdown", "# "), "a title comes first"
    assert all(not cell.outputs and cell.execution_count is None for cell in code), "committed with output"
    assert re.search(r'first_available\(.*"demo-(clip|siglip)"\)', code[0].source), "real models where they are at hand"
    assert len(notebook.cells) <= 20
    assert all(cell.source.strip() for cell in notebook.cells)
    assert not any(re.search(r"\d\.\d", cell.source) for cell in notebook.cells if cell.cell_type == "markdown"), (
        "figures are printed, not typed"
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\((?!http)([^)]+)\)", cell.source):
                assert (path.parent / target).exists(), target


def test_the_nine_are_there():
    assert {path.stem for path in NOTEBOOKS} == {
        "quickstart",
        "choosing_estimators",
        "clip_vs_siglip2",
        "resolution",
        "debugging_retrieval",
        "image_search",
        "evaluating_methods",
        "own_estimator_and_encoder",
        "fine_tuning_and_grounding",
    }
