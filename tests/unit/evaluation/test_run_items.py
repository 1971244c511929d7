"""The items of a run: those that cannot be used, the pairs that are chosen, and what of them the model sees."""

import pytest

from fixlip.datasets import load_dataset
from fixlip.datasets.base import BadItem, Caption, GroundedObject, Item
from fixlip.datasets.scene_sets import Scenes
from fixlip.errors import OptionError
from fixlip.evaluation import read
from fixlip.evaluation.case import seen_objects
from fixlip.evaluation.records import ScoresRow
from fixlip.evaluation.rows import Journal
from tests.helpers.datasets import ListedData
from tests.helpers.runs import run

# Items that cannot be used


def faulty(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    good = Scenes(3)
    return ListedData(
        good[0],
        BadItem("twice", "duplicate", "scene-000000 is there twice"),
        Item("broken", tmp_path / "bad.png", (Caption("a dog"),)),
        good[1],
        Item("long", good[2].picture, (Caption(" "),)),
        BadItem("none", "empty caption", "no caption has a word"),
    )


def test_bad_items_are_recorded_and_the_others_go_on(tmp_path):
    outcome = run(tmp_path / "run", data=faulty(tmp_path))
    assert (outcome.items, outcome.evaluated) == (6, 2)
    assert outcome.skipped == {"duplicate": 1, "unreadable picture": 1, "empty caption": 1}
    assert sum(outcome.refused.values()) == 3  # two estimators, and the facts of the picture
    bad = {row.item: row for row in read(tmp_path / "run") if row.status == "bad" and not row.model}
    assert set(bad) == {"twice", "broken", "none"}
    assert bad["broken"].reason.partition("' ")[2].startswith("is not a picture in a supported format")
    assert run(tmp_path / "run", data=faulty(tmp_path)).done == 0


@pytest.mark.parametrize("captions", ["first", "best"])
def test_an_item_without_captions_is_bad(tmp_path, captions):
    scene = Scenes(1)[0]
    data = ListedData(Item("bare", scene.picture, ()), scene)
    outcome = run(tmp_path, data=data, captions=captions, estimators=("itsm",))
    assert (outcome.evaluated, outcome.skipped) == (1, {"empty caption": 1})


def test_retry_does_what_failed_again(tmp_path):
    data = faulty(tmp_path)
    run(tmp_path / "run", data=data)
    Scenes(3)[2].picture.save(tmp_path / "bad.png")
    assert run(tmp_path / "run", data=data).done == 0
    outcome = run(tmp_path / "run", data=data, retry=True)
    assert outcome.evaluated == 3
    assert outcome.skipped == {"duplicate": 1, "empty caption": 1}


def test_an_estimator_that_breaks_does_not_stop_the_others(tmp_path, monkeypatch):
    from fixlip.estimators.itsm import Itsm

    def broken(self, game, request):
        raise RuntimeError("boom")

    monkeypatch.setattr(Itsm, "estimate", broken)
    outcome = run(tmp_path, limit=2)
    assert outcome.refused == {"RuntimeError: boom": 2}
    assert outcome.evaluated == 2
    monkeypatch.undo()
    assert run(tmp_path, limit=2, retry=True).refused == {}
    assert [row.status for row in read(tmp_path)] == ["ok"] * 6


def test_a_metric_that_no_item_allows_is_named(tmp_path):
    outcome = run(tmp_path, metrics=("foils", "pointing-game"), data="scenes:1 n_objects=2")
    assert outcome.empty == {
        "foils": "a wrong caption",
        "pointing-game": "one to four named things, each in a quadrant of its own",
    }


# Which pairs


def captioned():
    scenes = Scenes(4, n_objects=1)
    return ListedData(
        *(
            Item(s.id, s.picture, (Caption("a cloud"), s.captions[0], Caption("a shoe")))
            for s in (scenes[i] for i in range(4))
        )
    )


@pytest.mark.slow
def test_the_best_caption_is_that_of_the_highest_score(tmp_path):
    data = captioned()
    run(tmp_path, data=data, captions="best", metrics=("faithfulness masks=5",), models=("demo-clip", "demo-siglip"))
    rows = [row for row in read(tmp_path) if row.estimator == "itsm"]
    assert [row.caption for row in rows] == [item.captions[1].text for item in data.entries] * 2
    run(tmp_path / "first", data=data, metrics=("faithfulness masks=5",))
    assert {row.caption for row in read(tmp_path / "first")} == {"a cloud"}


def test_a_score_that_is_no_number_is_the_lowest(tmp_path):
    with Journal(tmp_path / "selection.jsonl") as journal:
        for k in range(4):
            where = {"item": f"i{k}", "index": k, "model": "demo-clip", "estimator": ""}
            journal.append(ScoresRow(**where, scores=[None, -9.0, None]))
    chosen = {"data": captioned(), "captions": "best", "metrics": ("faithfulness masks=5",), "estimators": ("itsm",)}
    run(tmp_path, limit=1, **chosen)
    assert [row.caption for row in read(tmp_path)] == [chosen["data"][0].captions[1].text]


@pytest.mark.slow
def test_the_top_pairs_are_those_of_the_highest_scores(tmp_path):
    run(tmp_path / "all", data=captioned(), captions="best", metrics=("faithfulness masks=5",))
    scores = {row.item: row.similarity for row in read(tmp_path / "all")}
    run(tmp_path / "top", data=captioned(), captions="best", top=2, metrics=("faithfulness masks=5",))
    best = sorted(sorted(scores), key=scores.get)[-2:]
    assert {row.item for row in read(tmp_path / "top")} == set(best)
    selection = tmp_path / "top" / "selection.jsonl"
    selection.write_bytes(selection.read_bytes()[:-40])
    assert run(tmp_path / "top", data=captioned(), captions="best", top=2, metrics=("faithfulness masks=5",)).done == 0
    with pytest.raises(OptionError, match="chosen by demo-clip"):
        run(
            tmp_path / "top",
            data=captioned(), captions="best", top=2, metrics=("faithfulness masks=5",), models=("demo-siglip",),
        )  # fmt: skip


# What a model sees


def test_boxes_are_those_of_what_the_model_sees():
    def box(*corners):
        return GroundedObject("x", (corners,), (0, 1))

    things = [box(120, 20, 180, 50), box(0, 0, 110, 100), box(0, 0, 90, 100), box(190, 10, 230, 50)]
    seen = seen_objects(things, (100, 0, 200, 100))
    assert [o.boxes for o in seen] == [((0.2, 0.2, 0.8, 0.5),), ((0, 0, 0.1, 1),), ((0.9, 0.1, 1, 0.5),)]
    assert [o.cut for o in seen] == [False, True, True]


def test_words_that_the_model_does_not_read_are_not_scored(tmp_path):
    scene = Scenes(1, n_objects=1)[0]
    text = "a dog " * 40 + scene.captions[0].text
    span = (text.rindex(scene.captions[0].objects[0].name), len(text))
    thing = GroundedObject("x", scene.captions[0].objects[0].boxes, span)
    run(tmp_path, data=ListedData(Item("x", scene.picture, (Caption(text, (thing,)),))), estimators=("itsm",))
    assert read(tmp_path)[-1].metrics["grounding"] is None


def test_foils_whose_words_are_exchanged_are_judged(tmp_path):
    outcome = run(tmp_path, data="scene-foils:2 twin=colour", metrics=("foils",), estimators=("itsm",))
    assert outcome.evaluated == 2
    found = [row.metrics["foils"] for row in read(tmp_path) if row.estimator]
    assert len(found) == 2
    for item, figures in zip(load_dataset("scene-foils:2", twin="colour"), found, strict=True):
        assert figures["chance"] == pytest.approx(2 / len(item.foil.text.split()), rel=1e-3)


def test_words_of_colour_are_grounded(tmp_path):
    run(tmp_path, data="scenes:3 attributes=true n_objects=2", estimators=("itsm",))
    rows = [row for row in read(tmp_path) if row.estimator]
    names = [
        thing.name
        for item in load_dataset("scenes:3", attributes=True, n_objects=2)
        for thing in item.captions[0].objects
    ]
    assert [one["name"] for row in rows for one in row.metrics["grounding"]["objects"]] == names
