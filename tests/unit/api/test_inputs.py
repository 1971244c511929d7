"""The verbs take what people bring: columns, arrays, generators, one thing where several belong, and any numbers."""

import numpy as np
import pandas as pd
import pytest
import torch

import fixlip
from fixlip.api.cost import estimate_cost
from fixlip.datasets import load_dataset
from fixlip.errors import BudgetError, InputError, OptionError
from fixlip.estimators.banzhaf import Banzhaf
from fixlip.evaluation import Plan

CAPTIONS = ["a dog", "a cat by a bus", "a red owl"]
KINDS = {
    "shuffled column": lambda values: pd.Series(values, index=[2, 0, 1]),
    "filtered column": lambda values: pd.Series([values[0], *values], index=[5, 7, 9, 11])[1:],
    "generator": iter,
    "array": lambda values: np.array([*values, None], dtype=object)[:-1],
}


@pytest.fixture
def quick(demo_clip):
    return {"model": demo_clip, "estimator": "itsm", "progress": False}


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_go_by_position(kind, scene, quick):
    pictures = [scene.image.rotate(90 * k) for k in range(3)]
    found = list(fixlip.explain_many(KINDS[kind](pictures), KINDS[kind](CAPTIONS), **quick))
    for picture, caption, one in zip(pictures, CAPTIONS, found, strict=True):
        alone = fixlip.explain(picture, caption, **quick)
        assert one.players == alone.players
        assert one.full_value == pytest.approx(alone.full_value, abs=1e-4)


@pytest.mark.parametrize(
    "pairs",
    [[(1, 2), (0, 0)], np.array([[1, 2], [0, 0]]), torch.tensor([[1, 2], [0, 0]]), zip([1, 0], pd.Series([2, 0]))],  # noqa: B905
)
def test_indices_of_pairs_of_any_kind(pairs, scene, quick):
    images = [scene.image, scene.image.rotate(90)]
    found = list(fixlip.explain_many(images, pd.Series(CAPTIONS, index=[2, 0, 1]), pairs=pairs, **quick))
    assert [one.players.caption for one in found] == [CAPTIONS[2], CAPTIONS[0]]


@pytest.mark.parametrize("pairs", ["every", [(0.0, 1.0)], [0, 1], [(0, 0, 0)], [(True, 0)], ["01"], 7])
def test_what_is_no_pair(pairs, scene, quick):
    with pytest.raises(InputError, match=r'pairs is "all" or a list of \(image index, text index\)'):
        fixlip.explain_many([scene.image], CAPTIONS, pairs=pairs, **quick)


def test_a_single_thing_is_one_element(scene, quick, photo):
    model = quick["model"]
    assert [one.caption for one in fixlip.rank(photo, "a dog", model=model).captions] == ["a dog"]
    for picture in (scene.image, photo, str(photo), np.asarray(scene.image)):
        (found,) = fixlip.explain_many(picture, "a dog", **quick)
        assert found.players.caption == "a dog"
    assert fixlip.compare(photo, "a dog", models="demo-clip", estimators="itsm", progress=False).labels == ("itsm",)
    both = fixlip.compare(photo, "a dog", models=iter([model]), estimators=pd.Series(["itsm", "rollout"], index=[1, 0]))
    assert both.labels == ("itsm", "rollout")
    assert len(fixlip.sensitivity(photo, "a dog", removals={"image": "drop"}, **quick)) == 1
    with pytest.raises(InputError, match="two different captions"):
        fixlip.contrast(photo, "ab", model=model)
    with pytest.raises(OptionError, match="at least two values"):
        fixlip.sweep(photo, "a dog", option="p", values="ab", model=model)
    assert Plan("grounding", "scenes:1", quick["model"], Banzhaf()).models == (model,)


def test_what_is_read_once_serves_all(scene, quick):
    texts = ["a dog by a bus", "a dog and a cat"]
    phrases, boxes = ["a dog"], [(0, 0, 112, 224), (112, 0, 224, 224)]
    call = {"phrases": iter(phrases), "image_players": iter(boxes)}
    found = list(fixlip.explain_many([scene.image, scene.image.rotate(180)], iter(texts), **call, **quick))
    assert [(e.players.text[0].label, e.players.n_image) for e in found] == [("a dog", 2)] * 2
    both = fixlip.compare(
        scene.image, texts[0], models=quick["model"], estimators=["itsm", "rollout"], phrases=iter(phrases)
    )
    assert [e.players.text[0].label for e in both.explanations] == ["a dog"] * 2
    cost = estimate_cost(scene.image, iter(texts), model=quick["model"], estimator="itsm", phrases=iter(phrases))
    assert cost.n_text == (4, 4)


@pytest.mark.parametrize("number", [np.float32, np.float64, np.array, torch.tensor])
def test_numbers_of_any_library(number, scene, demo_clip):
    def explain(make, whole):
        masks = {"image_masks": whole(64), "text_masks": whole(4), "seed": whole(1), "batch_size": whole(8)}
        options = {"p": make(0.5), "ridge": make(0.0), "order": whole(2), "interactions": "cross"}
        return fixlip.explain(scene.image, "a dog", model=demo_clip, progress=False, options=options, **masks)

    def whole(value):
        return number(value) if number in (np.array, torch.tensor) else np.int64(value)

    one, other = explain(float, int), explain(number, whole)
    assert np.array_equal(one.second_order, other.second_order, equal_nan=True)
    assert {type(value) for value in other.provenance.options.values()} <= {float, int, str}
    assert one.provenance.options == other.provenance.options


def test_numbers_in_other_places(scene, demo_clip):
    swept = fixlip.sweep(
        scene.image, "a dog", option="p", values=np.array([0.5, 0.25], np.float32), reference=np.float32(0.5),
        model=demo_clip, image_masks=np.int64(64), options={"interactions": "cross"}, progress=False,
    )  # fmt: skip
    assert (swept.values, swept.reference is swept.explanations[0]) == ((0.5, 0.25), True)
    assert len(load_dataset("scenes", n=np.int64(2))) == 2
    plan = Plan(("grounding",), "scenes:1", ("demo-clip",), budget=np.int64(8), seed=torch.tensor(1))
    assert (plan.settings()["budget"], type(plan.settings()["seed"])) == (8, int)
    with pytest.raises(OptionError, match="target_error must be a number, got True"):
        fixlip.explain(scene.image, "a dog", model=demo_clip, target_error=True)
    for layer in (np.int64(0), torch.tensor(0)):
        assert fixlip.get_estimator("grad-cam", layer=layer).options()["layer"] == 0


def test_several_inputs_are_pointed_to_the_verb_for_them(scene, quick):
    for several in (["a dog", "a cat"], ("a dog",), np.array(["a dog"]), pd.Series(["a dog"])):
        with pytest.raises(InputError, match=r"A caption is a string, got \w+; fixlip\.rank .* fixlip\.explain_many"):
            fixlip.explain(scene.image, several, **quick)
    with pytest.raises(InputError, match=r"got list; fixlip.explain_many takes several pictures"):
        fixlip.explain([scene.image], "a dog", **quick)
    with pytest.raises(InputError, match=r"A caption is a string, got int.$"):
        fixlip.explain(scene.image, 3, **quick)


def test_what_fails_in_a_comparison_is_named(scene, demo_clip):
    few = {"image_masks": 4, "progress": False}
    with pytest.raises(BudgetError, match=r"^demo-clip, banzhaf: 4 image masks cannot"):
        fixlip.compare(scene.image, "a dog", models=demo_clip, estimators=["itsm", "banzhaf"], **few)
    with pytest.raises(BudgetError, match=r"^removal = image drop: 4 image masks cannot"):
        fixlip.sensitivity(scene.image, "a dog", removals=[{"image": "drop"}], model=demo_clip, **few)
    with pytest.raises(InputError, match=r"^The caption is empty"):  # which they share
        fixlip.compare(scene.image, " ", models=demo_clip, estimators=["itsm", "banzhaf"], **few)
