"""Notebooks run from top to bottom and show what is committed with them, figures aside.

`FIXLIP_WRITE_DOCS=1 pytest -m slow tests/docs/test_notebooks.py` writes their outputs anew.
"""

import base64
import io
import os
import re
from copy import deepcopy

import nbformat
import psutil
import pytest
from jupyter_client import KernelManager
from nbclient import NotebookClient
from PIL import ImageOps

from tests.helpers.outputs import LIMIT, NEAR, alike, apart, kept, shown
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


AFRESH = "from fixlip import registry\nregistry._registered.clear()\n%reset -f\n%cd -q {folder}"


def executed(path, folder, kernel):
    """The notebook after a run in a folder of its own, without what others left, and the seconds that it computed."""
    afresh = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(AFRESH.format(folder=folder))])
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


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of jupyter's own libraries
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_shows_what_is_committed(path, tmp_path, kernel):
    notebook, seconds = executed(path, tmp_path, kernel)
    spent[path.stem] = seconds
    print(f"{path.stem}: {seconds:.0f} s of computing")
    assert seconds > 1
    assert sum(spent.values()) < TOGETHER, spent
    for number, cell in enumerate(code_of(notebook), start=1):
        said = "".join(output.text for output in cell.outputs if output.get("name") == "stderr")
        assert not re.search("warning|error|fixlip", said, re.I), said
        cell.outputs = kept(cell.outputs)
        cell.metadata.clear()
        cell.execution_count = number
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
    if os.environ.get("FIXLIP_WRITE_DOCS"):
        nbformat.write(notebook, path)
    for cell, before in zip(code_of(notebook), code_of(nbformat.read(path, as_version=4)), strict=True):
        assert same(cell.outputs, before.outputs), f"write the notebook anew: not what this prints\n{cell.source}"


def same(outputs, others):
    """Whether two lists of outputs differ in nothing but figures."""
    if len(outputs) != len(others):
        return False
    for (text, picture), (other, as_before) in zip(map(shown, outputs), map(shown, others), strict=True):
        if alike(text) != alike(other) or (picture is None) != (as_before is None):
            return False
        if picture is not None and apart(picture, as_before) > NEAR:
            return False
    return True


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_as_a_reader_wants_it(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    first, code = notebook.cells[0], code_of(notebook)
    assert (first.cell_type, first.source[:2]) == ("markdown", "# "), "a title comes first"
    outputs = [output for cell in code for output in cell.outputs]
    pictures = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    assert pictures, "shows nothing"
    assert max(len(picture) * 3 / 4 for picture in pictures) <= LIMIT
    assert not re.search(r"/(tmp|home|root|work|Users)/", "".join(text for text, _ in map(shown, outputs)))
    assert re.search(r'first_available\(.*"demo-(bound|clip|siglip)"\)', code[0].source), (
        "real models if they are there"
    )
    assert len(notebook.cells) <= 20
    assert all(cell.source.strip() for cell in notebook.cells)
    assert not any(re.search(r"\d\.\d", cell.source) for cell in notebook.cells if cell.cell_type == "markdown"), (
        "figures are printed, not typed"
    )


def test_outputs_of_other_code_are_noticed():
    """Another word, another map, an output too many; but not another figure."""
    path = next(path for path in NOTEBOOKS if path.stem == "quickstart")
    cells = code_of(nbformat.read(path, as_version=4))
    texts = next(cell for cell in cells if cell.outputs and cell.outputs[0].get("name") == "stdout")
    pictures = next(cell for cell in cells if any("image/png" in o.get("data", {}) for o in cell.outputs))
    assert same(texts.outputs, texts.outputs)
    assert same(pictures.outputs, pictures.outputs)
    assert not same(texts.outputs, texts.outputs * 2)
    changed = deepcopy(texts.outputs)
    changed[0].text = re.sub(r"\d", "3", changed[0].text)
    assert same(texts.outputs, changed)
    changed[0].text += "more"
    assert not same(texts.outputs, changed)
    changed = deepcopy(pictures.outputs)
    output = next(output for output in changed if "image/png" in output.get("data", {}))
    picture = shown(output)[1]
    other, file = ImageOps.mirror(picture), io.BytesIO()
    other.save(file, "PNG")
    output.data["image/png"] = base64.b64encode(file.getvalue()).decode()
    assert not same(pictures.outputs, changed)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\((?!http)([^)]+)\)", cell.source):
                assert (path.parent / target).exists(), target


def test_the_ten_are_there():
    assert {path.stem for path in NOTEBOOKS} == {
        "binding",
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
