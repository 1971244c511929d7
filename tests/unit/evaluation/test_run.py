"""The runner: what is computed, what is written, and what is not computed again."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import fixlip
from fixlip import specs
from fixlip.datasets.scene_sets import Scenes
from fixlip.encoders.encoder import TowerEncoder
from fixlip.errors import FixlipError, InputError, OptionError
from fixlip.evaluation import explain_item, read
from fixlip.evaluation.metrics import _registered, get_metric, list_metrics
from fixlip.evaluation.randomised import randomised
from fixlip.evaluation.records import ExplainedRow
from fixlip.evaluation.report import report
from fixlip.evaluation.rows import Journal, lines
from tests.helpers.runs import CHEAP, run, timeless


def written(folder):
    return [row for path in sorted(folder.glob("rows-*.jsonl")) for row in lines(path)]


# What is written


def test_a_row_for_each_model_estimator_and_item(tmp_path):
    outcome = run(tmp_path, models=("demo-clip", "demo-siglip"), limit=2)
    assert (outcome.items, outcome.evaluated, outcome.done) == (2, 2, 8)
    rows = [row for row in read(tmp_path) if row.estimator]
    keys = [(row.model, row.estimator, row.index) for row in rows]
    assert keys == [(m, e, i) for m in ("demo-clip", "demo-siglip") for e in CHEAP for i in (0, 1)]
    scene = Scenes(1)[0]
    row = rows[0]
    assert (row.item, row.caption, row.status) == (scene.id, scene.captions[0].text, "ok")
    assert row.provenance["model"] == "demo-clip"
    assert row.provenance["image_passes"] == 3
    assert "seconds" not in row.provenance
    assert row.seconds > 0
    found = fixlip.explain(scene.picture, scene.captions[0].text, model="demo-clip", estimator="itsm", progress=False)
    assert row.similarity == pytest.approx(found.full_value, abs=1e-4)
    assert [o["name"] for o in row.metrics["grounding"]["objects"]] == [o.name for o in scene.captions[0].objects]


def test_nothing_is_computed_twice_for_an_item(tmp_path, monkeypatch):
    """Two items of one size, two estimators that ask for the empty and the full mask, and the facts of the picture."""
    calls = Counter()
    for name in ("image_input", "text_input", "own_image", "own_text", "embed_image", "embed_text"):
        method = getattr(TowerEncoder, name)

        def counted(self, x, *masks, name=name, method=method):
            calls[name] += len(masks[0]) if masks else 1
            return method(self, x, *masks)

        monkeypatch.setattr(TowerEncoder, name, counted)
    monkeypatch.setattr("fixlip.encoders.encoder.hash_of", lambda model: calls.update(["weights"]) or "0")
    monkeypatch.setattr("fixlip.games.similarity.check_shown", lambda *of: None)
    model = fixlip.load_model("demo-clip")
    calls.clear()
    run(tmp_path, models=(model,), limit=2)
    assert calls.pop("weights") == 1
    assert calls == {name: 4 if name.startswith("embed") else 2 for name in calls}
    assert len(calls) == 6


def test_facts_of_the_picture_are_its_embedding(tmp_path):
    run(tmp_path, limit=1)
    (facts,) = (row for row in read(tmp_path) if row.model and not row.estimator)
    model, scene = fixlip.load_model("demo-clip"), Scenes(1)[0]
    own = model.own_image(model.image_input(scene.picture))
    assert facts.metrics["picture"]["embedding"] == pytest.approx(own.tolist(), abs=1e-4)
    with pytest.raises(InputError, match="Only a row of an estimator"):
        explain_item(tmp_path, facts)


def test_options_in_names_reach_the_estimator_and_the_call(tmp_path):
    label = "banzhaf p=0.7 interactions=cross image_masks=64"
    run(tmp_path, limit=1, estimators=(label,), budget=999_999)
    row = read(tmp_path)[-1]
    assert row.estimator == label
    assert row.provenance["options"]["p"] == 0.7
    assert row.provenance["image_passes"] == 66
    assert row.provenance["budget"] is None


@pytest.mark.slow
def test_a_row_can_be_explained_again(tmp_path):
    run(tmp_path, limit=2, estimators=("interaction-lime image_masks=64",))
    row = read(tmp_path)[-1]
    found = explain_item(tmp_path, row)
    assert found.players.caption == row.caption
    assert found.full_value == row.similarity
    assert found.provenance.seed == row.provenance["seed"]
    grounding = fixlip.metrics.grounding(
        found,
        [o.span for o in Scenes(2)[1].captions[0].objects],
        [[(0, 0, 1, 1)] for _ in Scenes(2)[1].captions[0].objects],
    )
    assert len(grounding) == len(row.metrics["grounding"]["objects"])


# What is not computed again


def test_a_finished_run_has_nothing_to_do(tmp_path, monkeypatch):
    run(tmp_path)
    before, opened = (tmp_path / "rows-1-of-1.jsonl").read_bytes(), []
    monkeypatch.setattr("fixlip.evaluation.rows.lines", lambda path, *more: opened.append(path) or lines(path, *more))
    assert run(tmp_path).done == 0
    assert len(opened) == 1, "rows are read once"
    assert (tmp_path / "rows-1-of-1.jsonl").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("keep", [0, 1, 150, 5000, -1])
def test_what_was_cut_off_is_done_again_and_nothing_twice(tmp_path, keep):
    run(tmp_path / "whole")
    run(tmp_path / "cut")
    path = tmp_path / "cut" / "rows-1-of-1.jsonl"
    path.write_bytes(path.read_bytes()[:keep])
    run(tmp_path / "cut")
    assert timeless(tmp_path / "cut") == timeless(tmp_path / "whole")
    rows = written(tmp_path / "cut")
    assert len(rows) == len({(r.model, r.estimator, r.item) for r in rows}) == 15


@pytest.mark.slow
def test_estimators_models_and_metrics_may_be_added(tmp_path):
    run(tmp_path, limit=2, estimators=("itsm",))
    assert run(tmp_path, limit=2).done == 2
    assert run(tmp_path, limit=2, metrics=("grounding", "faithfulness masks=20")).done == 4
    assert run(tmp_path, limit=3, metrics=("grounding", "faithfulness masks=20")).done == 2
    rows = [row for row in read(tmp_path) if row.estimator]
    assert len(rows) == 6
    assert all(set(row.metrics) == {"grounding", "faithfulness masks=20"} for row in rows)
    settings = json.loads((tmp_path / "run.json").read_text())
    assert settings["estimators"] == [*CHEAP]
    assert settings["metrics"] == ["grounding", "faithfulness masks=20"]


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"data": "scenes:6"}, {"removal": {"image": "blur"}}, {"text_players": "tokens"}]
)
def test_other_settings_need_another_folder(tmp_path, change):
    run(tmp_path, limit=1)
    before = (tmp_path / "rows-1-of-1.jsonl").read_bytes()
    with pytest.raises(OptionError, match=f"with {next(iter(change))} = .*another folder"):
        run(tmp_path, limit=1, **change)
    assert (tmp_path / "rows-1-of-1.jsonl").read_bytes() == before


@pytest.mark.slow
def test_shards_make_the_whole(tmp_path):
    run(tmp_path / "whole")
    counts = [run(tmp_path / "shards", shard=(i, 3)).items for i in (1, 2, 3)]
    assert counts == [2, 2, 1]
    assert timeless(tmp_path / "shards") == timeless(tmp_path / "whole")


def test_a_shard_that_is_being_written_is_left_alone(tmp_path):
    from filelock import FileLock

    tmp_path.mkdir(exist_ok=True)
    with FileLock(tmp_path / ".shard-1-of-1.lock"), pytest.raises(OptionError, match="another process"):
        run(tmp_path)


# Names and options


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metrics": ("groundign",)}, "Did you mean 'grounding'"),
        ({"metrics": ("faithfulness q=1",)}, "option of faithfulness"),
        ({"metrics": ()}, "at least one of metrics"),
        ({"estimators": ("banzaf",)}, "Did you mean 'banzhaf'"),
        ({"estimators": ("banzhaf pp=1",)}, "Did you mean 'p'"),
        ({"data": "scene:5"}, "Did you mean 'scenes'"),
        ({"data": "coco:/nowhere"}, "/nowhere"),
        ({"models": ("demo-clop",)}, "demo-clip"),
        ({"models": ("demo-clip pretraned=x",)}, "Did you mean 'pretrained'"),
        ({"captions": "worst"}, "captions"),
        ({"top": 0}, "top"),
    ],
)
def test_wrong_names_are_one_line_and_nothing_is_written(tmp_path, change, words):
    with pytest.raises(FixlipError, match=words) as caught:
        run(tmp_path / "new", **change)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("new/rows*.jsonl")) or not written(tmp_path / "new")


@pytest.mark.parametrize("call", [{"shard": (0, 2)}, {"shard": (3, 2)}, {"limit": 0}])
def test_shards_and_limits_have_a_range(tmp_path, call):
    with pytest.raises(OptionError):
        run(tmp_path, **call)


def test_specs_go_both_ways():
    assert specs.parse("a p=0.5 q=mean 'r=x y'") == ("a", {"p": 0.5, "q": "mean", "r": "x y"})
    for name, options in (("a", {}), ("b:/x y", {"p": 0.5, "q": "x y", "r": None, "s": True})):
        assert specs.parse(specs.written(name, options)) == (name, options)
    for bad in ("", "a b", "a 'b", "a =1"):
        with pytest.raises(OptionError):
            specs.parse(bad)


# Rows on disk


def test_numbers_that_json_has_not_are_null(tmp_path):
    path = tmp_path / "rows-1-of-1.jsonl"
    numbers = {"areas": np.array([1, np.nan]), "y": float("inf"), "z": np.float32(0.5)}
    with Journal(path) as journal:
        journal.append(ExplainedRow(item="\udcff", index=0, model="m", estimator="e", metrics={"x": numbers}))
    (row,) = lines(path)
    assert (row.item, row.metrics) == ("\udcff", {"x": {"areas": [1.0, None], "y": None, "z": 0.5}})


def test_what_is_damaged_is_done_again(tmp_path):
    assert run(tmp_path, limit=2).damaged == {}
    path, before = tmp_path / "rows-1-of-1.jsonl", timeless(tmp_path)
    content = path.read_bytes()
    digit = content.index(b"1", content.index(b'"similarity"'))
    path.write_bytes(content[:digit] + b"9" + content[digit + 1 :])
    assert report(tmp_path, examples=0).summary.counts["damaged"] == {path.name: 1}
    outcome = run(tmp_path, limit=2)
    assert (outcome.evaluated, outcome.done, outcome.damaged) == (2, 1, {path.name: 1})
    with pytest.warns(UserWarning, match="1 damaged line left out"):
        assert timeless(tmp_path) == before
    assert "1 damaged line left out of rows" in report(tmp_path, examples=0).to_markdown()
    with pytest.raises(InputError, match="No folder"):
        read(tmp_path / "nowhere")


# The model with random weights


def test_weights_are_shuffled_and_put_back():
    model = fixlip.load_model("demo-siglip")
    x = model.image_input(Image.new("RGB", (64, 64), "red"))
    ones = torch.ones(1, x.n_patches, dtype=torch.bool)
    before, weights = model.embed_image(x, ones), model.weights
    with pytest.raises(KeyError), randomised(model) as other:
        assert not torch.allclose(other.embed_image(x, ones), before, atol=1e-2)
        raise KeyError
    assert torch.equal(model.embed_image(x, ones), before)
    assert model.weights == weights


def test_every_metric_has_a_line():
    for name in list_metrics():
        assert len(get_metric(name).summary) > 20, name


def test_a_random_model_still_tells_words_apart():
    model = fixlip.load_model("demo-clip")
    text = model.text_input("a dog and a car")
    masks = torch.tensor([[1, 1, 1, 1, 1], [1, 0, 1, 1, 1]], dtype=torch.bool)
    with randomised(model) as other:
        whole, without = other.embed_text(text, masks)
    assert not torch.allclose(whole, without, atol=1e-2)


def test_a_metric_that_fails_leaves_the_others(tmp_path, monkeypatch):
    def refuses(case):
        raise InputError("not this one")

    monkeypatch.setitem(_registered, "foils", replace(get_metric("foils"), function=refuses))
    outcome = run(tmp_path, limit=1, metrics=("foils", "grounding"), estimators=("itsm",))
    assert outcome.refused == {"foils: not this one": 1}
    row = read(tmp_path)[-1]
    assert (row.status, row.failed) == ("ok", {"foils": "not this one"})
    assert row.metrics["foils"] is None
    assert row.metrics["grounding"]["objects"]
    works = replace(get_metric("foils"), function=lambda case: {"found": True})
    monkeypatch.setitem(_registered, "foils", works)
    again = {"limit": 1, "metrics": ("foils", "grounding"), "estimators": ("itsm",)}
    assert run(tmp_path, **again).done == 0
    outcome = run(tmp_path, retry=True, **again)
    assert (outcome.done, outcome.refused) == (1, {})
    assert read(tmp_path)[-1].metrics == {"foils": {"found": True}, "grounding": row.metrics["grounding"]}
