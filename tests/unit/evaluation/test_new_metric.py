"""The recipe of CONTRIBUTING for a metric, followed to the letter: one file, one line, and everything knows it."""

import os
import subprocess
import sys

import pytest

from fixlip import OptionError
from fixlip.evaluation import Figure, Metric, get_metric, list_metrics, register_metric, unregister_metric
from fixlip.evaluation.metric import of
from fixlip.evaluation.report.tables import headline_tables
from tests.helpers import results

FILE = '''
"""Sparsity: whether few players carry the explanation."""

import numpy as np

from fixlip.evaluation import Figure, Metric
from fixlip.evaluation.metric import constant, of


def sparsity(case, share: float = 0.1):
    """Whether few players carry the explanation: what the strongest tenth has of all."""
    effects = np.sort(np.abs(case.explanation.first_order))[::-1]
    top = max(1, round(share * len(effects)))
    return {"share": effects[:top].sum() / effects.sum()}


METRIC = Metric(
    "sparsity",
    "Sparsity of effects",
    sparsity,
    (Figure("top share", of("share"), "share of the strongest players", chance=constant(0.1), main=True),),
)
'''
LINE = "[fixlip.metrics]\nsparsity = my_metrics.sparsity:METRIC\n"


@pytest.fixture(scope="module")
def fixlip(tmp_path_factory):
    """The command line in a process of its own, with the package that has the file and the line."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "my_metrics").mkdir()
    (folder / "my_metrics" / "sparsity.py").write_text(FILE, "utf-8")
    (folder / "my_metrics-1.0.dist-info").mkdir()
    (folder / "my_metrics-1.0.dist-info" / "entry_points.txt").write_text(LINE, "utf-8")
    (folder / "my_metrics-1.0.dist-info" / "METADATA").write_text("Name: my-metrics\nVersion: 1.0\n", "utf-8")

    def run(*arguments, **variables):
        path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        program = "import sys; sys.argv[0] = 'fixlip'; from fixlip.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200", **variables},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


@pytest.mark.slow
def test_it_is_measured_and_reported(fixlip, tmp_path):
    run = tmp_path / "run"
    done = fixlip(
        "evaluate", "sparsity share=0.2", "--data", "scenes:2", "--model", "demo-clip", "--estimator", "itsm",
        "--estimator", "mask-clip", "--out", run,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = fixlip("report", run, "--html", tmp_path / "r.html", "--markdown", tmp_path / "r.md", "--examples", 0)
    assert done.returncode == 0, done.stderr
    for text in (done.stdout, *((tmp_path / name).read_text("utf-8") for name in ("r.html", "r.md"))):
        assert "Sparsity of effects" in text
        assert "top share ↑" in text
        assert "chance 0.10" in text
    assert "top share: share of the strongest players." in (tmp_path / "r.md").read_text("utf-8")


def test_help_and_completion_offer_it(fixlip):
    assert ", sparsity;" in " ".join(fixlip("evaluate", "--help").stdout.replace("│", " ").split())
    done = fixlip(
        _FIXLIP_COMPLETE="complete_bash", COMP_WORDS="fixlip evaluate spa", COMP_CWORD="2",
    )  # fmt: skip
    assert done.stdout.split() == ["sparsity"]


def test_an_option_that_it_has_not_is_refused(fixlip, tmp_path):
    done = fixlip(
        "evaluate", "sparsity shar=1", "--data", "scenes:1", "--model", "demo-clip", "--out", tmp_path / "run"
    )
    assert (done.returncode, "share" in done.stderr) == (2, True)


# In a process


def toy(name="sparsity", **changes):
    figures = (Figure("top share", of("share"), "share of the strongest", main=True),)
    return Metric(**{"name": name, "title": "Sparsity", "function": lambda case: None, "figures": figures} | changes)


@pytest.fixture
def registered():
    register_metric(toy())
    yield
    unregister_metric("sparsity")


@pytest.mark.usefixtures("registered")
def test_a_notebook_registers_one():
    assert list_metrics()[-1] == "sparsity"
    rows = [results.row(i, "m", "e", {"sparsity": {"share": i / 4}, "nobody": {"knows": 1}}) for i in range(5)]
    summary = results.summarise(rows)
    assert [(h["metric"], h["value"]) for h in summary.headlines] == [("sparsity", 0.5)]
    ((_, (table,)),) = headline_tables(summary)
    assert (table.title, table.note) == ("Sparsity", "top share: share of the strongest.")
    unregister_metric("sparsity")
    assert results.summarise(rows).headlines == []


def test_records_that_are_not_whole_are_refused():
    for metric, message in [
        (toy("grounding"), "taken"),
        (toy(figures=(Figure("top share", of("share"), "share"),)), "main figure"),
    ]:
        with pytest.raises(OptionError, match=message):
            register_metric(metric)
    assert "sparsity" not in list_metrics()
    with pytest.raises(OptionError, match="grounding"):
        get_metric("groundin")


@pytest.mark.parametrize("name", list_metrics())
def test_every_record_is_whole(name):
    metric = get_metric(name)
    assert metric.name == name
    assert metric.title
    assert metric.summary.endswith(".")
    assert len({figure.name for figure in metric.figures}) == len(metric.figures)
    assert all(figure.metric == name and figure.about for figure in metric.figures)
    for figure in metric.figures:
        for read in filter(None, (figure.read, figure.chance, figure.ceiling)):
            read({})  # a row without any number is read
    assert all(curve.rpartition("_")[2] in ("insertion", "deletion") for curve in metric.curves)
