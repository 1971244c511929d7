"""The answer in words: it says what the numbers hold, and no more; and the numbers behind it add up."""

import re
from dataclasses import replace

import numpy as np
import pytest

import fixlip
from fixlip.datasets.scenes import make_scene
from fixlip.errors import InputError
from fixlip.games.closed_form import random_towers
from fixlip.players.base import Player, Players
from fixlip.results.provenance import Provenance, StandardErrors
from fixlip.results.summary import COLUMNS, ROWS, place_of

PLACES = {
    f"{row} {column}".replace("middle centre", "centre"): (x / 3, y / 3, (x + 1) / 3, (y + 1) / 3)
    for y, row in enumerate(ROWS)
    for x, column in enumerate(COLUMNS)
}


def found(words, at, error=0.1, status="ok", r2=0.9):
    """An explanation of 4 x 4 patches: each word has a value, and all of it with one patch."""
    players = Players.of(grid=(4, 4), words=[*words])
    n, size = 16, 16 + len(words)
    first, pairs = np.zeros(size), np.zeros((size, size))
    for k, (value, patch) in enumerate(zip(words.values(), at, strict=True)):
        first[n + k] = value / 2
        pairs[patch, n + k] = pairs[n + k, patch] = value
    errors = StandardErrors(error, np.full(size, error), np.full((size, size), 0.01))
    total = first.sum() + pairs[:n, n:].sum()
    return fixlip.Explanation(
        2.0,
        first,
        pairs,
        2.0,
        2.0 + total,
        "FWBII(p=0.5)",
        players,
        errors,
        provenance=Provenance(r2=r2, status=status),
    )


def test_what_carries_it_and_what_speaks_against_it():
    words = {"a": 0.0, "dog": 4.0, "no": -2.0}
    assert found(words, (0, 3, 5)).summary() == (
        "Similarity 5.0 (logit), +3.0 against nothing shown: “dog” (upper right) carries it, “no” speaks against it."
    )


def test_doubt_is_said():
    words = {"a": 0.0, "dog": 4.0, "no": -2.0}
    said = found(words, (0, 3, 5), error=5.0).summary()
    assert "no word carries it" in said
    assert "speaks against" not in said
    assert re.search(r"Not settled: whether “.*“dog”.* adds anything", said)
    assert "take this as a hint" in found(words, (0, 3, 5), r2=0.2).summary()
    assert "Read the note" in found(words, (0, 3, 5), status="give more masks").summary()


def test_what_is_nowhere_has_no_place():
    players = Players.of(grid=(4, 4), words=["dog"])
    assert place_of(players, np.ones(16)) == ""
    assert place_of(players, -np.ones(16)) == ""
    assert place_of(players, np.full(16, np.nan)) == ""
    assert place_of(players, np.eye(16)[12]) == "lower left"
    assert place_of(players, np.eye(16)[[5, 6, 9, 10]].sum(0)) == "centre"
    named = tuple(Player("image", name, (0.1, 0.1, 0.2, 0.2)) for name in ("sky", "sea"))
    assert place_of(replace(players, image=named, grid=None), np.array([0.0, 1.0])) == "sea"


@pytest.mark.parametrize("name", ["banzhaf", "shapley", "exact", "lime"])
def test_shares_add_up(name):
    game = random_towers(5, 3)
    answer = fixlip.get_estimator(name).explain(game, progress=False)
    additive = answer.additive()
    assert additive.values.sum() + additive.rest == pytest.approx(answer.full_value - answer.empty_value)
    assert [share.value for share in additive.shares()] == [*additive.values, additive.rest]
    assert additive.to_pandas()["value"].sum() == pytest.approx(additive.total)
    # the surrogate has pairs at most, so a Shapley value is the mean of what a player adds first and last
    without = [answer.value_of([k for k in range(8) if k != i]) for i in range(8)]
    alone = [answer.value_of([i]) - answer.value_of([]) for i in range(8)]
    last = answer.value_of(range(8)) - np.array(without)
    assert additive.values == pytest.approx((np.array(alone) + last) / 2)


def test_a_ranking_adds_nothing_up(demo_clip, scene):
    answer = fixlip.explain(scene.image, scene.caption, model=demo_clip, estimator="rollout", progress=False)
    with pytest.raises(InputError, match="nothing adds up"):
        answer.additive()
    assert "The numbers have no unit" in answer.summary()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["demo-clip", "demo-siglip"])
def test_on_scenes_it_names_an_object_and_its_place(model):
    right = []
    for seed in range(700, 708):
        scene = make_scene(seed, n_objects=2)
        call = {"image_masks": 128, "options": {"interactions": "cross"}, "progress": False}
        said = fixlip.explain(scene.image, scene.caption, model=model, **call).summary()
        objects = {thing.name: [edge / scene.image.width for edge in thing.box] for thing in scene.objects}
        named = re.findall(r"“([^”]+)” \(([a-z ]+)\)", said.split("carr")[0])
        right.append(bool(named) and all(w in objects and lies(objects[w], PLACES[place]) for w, place in named))
    assert np.mean(right) >= 0.95, right


def lies(box, place):
    """Whether the middle of a box is in a place, or a fifth of the box."""
    across, down = (min(box[k + 2], place[k + 2]) - max(box[k], place[k]) for k in (0, 1))
    part = max(across, 0) * max(down, 0) / ((box[2] - box[0]) * (box[3] - box[1]))
    return part >= 0.2
