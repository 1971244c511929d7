"""Items that an earlier run could not do, and which of them are done again without being asked for."""

import pytest

from fixlip.datasets.base import Caption, Item
from fixlip.datasets.scene_sets import Scenes
from fixlip.estimators.itsm import Itsm
from fixlip.evaluation import BadRow, Plan, evaluate, read
from fixlip.evaluation.readiness import sendable
from fixlip.evaluation.rows import Journal
from fixlip.evaluation.work import MACHINE
from tests.helpers.datasets import ListedData
from tests.helpers.runs import timeless


def run(folder, data="scenes:3", **changes):
    fields = {"metrics": ("grounding",), "models": ("demo-clip",), "estimators": ("itsm",)} | changes
    return evaluate(Plan(data=data, **fields), folder, progress=False)


@pytest.mark.parametrize("options", [{}, {"captions": "best"}], ids=["rows", "selection"])
def test_items_that_were_lost_for_want_of_the_data_are_done_again(tmp_path, options):
    run(tmp_path / "whole", **options)
    (tmp_path / "lost").mkdir()
    name, reason = "selection.jsonl" if options else "rows-1-of-1.jsonl", "InputError: No folder 'scenes' (the root)."
    with Journal(tmp_path / "lost" / name) as journal:
        for k in range(3):
            journal.append(BadRow(item=f"#{k}", index=k, model="", estimator="", fault="error", reason=reason))
    assert run(tmp_path / "lost", **options).done == 3
    assert timeless(tmp_path / "lost") == timeless(tmp_path / "whole")
    assert run(tmp_path / "lost", **options).done == 0


def test_a_picture_that_was_not_there_is_looked_for_again(tmp_path):
    data = ListedData(Item("late", tmp_path / "late.png", (Caption("a dog"),)))
    assert run(tmp_path / "run", data).skipped == {"unreadable picture": 1}
    before = (tmp_path / "run" / "rows-1-of-1.jsonl").read_bytes()
    run(tmp_path / "run", data)
    assert (tmp_path / "run" / "rows-1-of-1.jsonl").read_bytes() == before, "it is still not there: nothing is new"
    Scenes(1)[0].picture.save(tmp_path / "late.png")
    outcome = run(tmp_path / "run", data)
    assert (outcome.evaluated, outcome.skipped) == (1, {})


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (MemoryError("no memory"), True),
        (ModuleNotFoundError("No module named 'x'"), True),
        (OSError(5, "Input/output error"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("boom"), False),
    ],
    ids=repr,
)
def test_what_the_machine_lacked_is_tried_again(tmp_path, monkeypatch, error, again):
    def broken(self, game, request):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Itsm, "estimate", broken)
        outcome = run(tmp_path, "scenes:1")
    assert (outcome.evaluated, sum(outcome.refused.values())) == (0, 1)
    assert [row.fault == MACHINE for row in read(tmp_path) if isinstance(row, BadRow)] == [again]
    assert run(tmp_path, "scenes:1").done == again


def test_a_pair_that_the_model_refuses_is_not_done_twice(tmp_path):
    data = ListedData(Item("blank", Scenes(1)[0].picture, (Caption(" "),)))
    run(tmp_path, data)
    before = (tmp_path / "rows-1-of-1.jsonl").read_bytes()
    assert before.count(b'"refused"') == 2, "the facts of its picture, and the estimator"
    run(tmp_path, data)
    assert (tmp_path / "rows-1-of-1.jsonl").read_bytes() == before


def test_paths_are_those_of_the_driver(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    plan = {"metrics": ("grounding",), "models": ("demo-clip",)}
    for data in ("coco:'my data' split=val2014", "coco:'~/my data' split=val2014"):
        assert sendable(Plan(data=data, **plan))["data"] == f"'coco:{tmp_path}/my data' split=val2014"
    assert sendable(Plan(data="scenes:5", **plan))["data"] == "scenes:5"
