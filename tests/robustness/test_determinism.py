"""The same seed gives the same bits; where it cannot, docs/determinism.md says how near they are."""

import random
import re
from collections import Counter

import numpy as np
import pytest
import torch

import fixlip
from fixlip.datasets import load_dataset
from fixlip.datasets.scenes import make_scene
from fixlip.encoders.layers import ROWS
from fixlip.evaluation import Plan, evaluate, read
from fixlip.games.closed_form import random_towers
from fixlip.players.regions import make_regions
from fixlip.plots.overview import overview
from fixlip.plots.style import to_png
from fixlip.viewer import to_html
from tests.conformance.test_conformance import ALL, SAMPLED, ask, counted
from tests.helpers.bits import BUNDLED, MODELS, OF_TOKENS, TOLERANCE, apart, bits, game_of, model_of, run, threads
from tests.helpers.paths import ROOT
from tests.helpers.state import random_states

SECTION, SAME = "Determinism and threads", "the same bits"


@pytest.fixture(autouse=True)
def one_thread():
    with threads(1):
        yield


@pytest.fixture(scope="session")
def row_by_row():
    """Whether this machine's BLAS gives a row the same bits whatever the number of rows, from 16 on."""
    generator = torch.Generator().manual_seed(0)
    with threads(1):
        for inside, outside in ((32, 24), (192, 576), (256, 256)):
            rows, weights = (torch.randn(*shape, generator=generator) for shape in ((64, inside), (inside, outside)))
            if not all(torch.equal((rows @ weights)[:n], rows[:n] @ weights) for n in (16, 17, 30, 33)):
                return False
    return True


def some(model):
    """Some of the estimators for each model, others for the next."""
    return list(ALL)[list(MODELS).index(model) :: len(MODELS)]


@pytest.mark.parametrize("model", MODELS)
def test_same_seed_same_bits(model):
    names = list(ALL) if model == BUNDLED[0] else some(model)
    first = {name: run(name, game_of(model), seed=1) for name in names}
    for name in reversed(names):
        if first[name] is None:
            continue
        ticks = []
        again = run(name, game_of(model), seed=1, progress=lambda *ticked: ticks.append(ticked))  # noqa: B023
        assert bits(again) == bits(first[name]), name
        assert ticks


@pytest.mark.parametrize("model", MODELS[::2])
def test_batches_do_not_matter(model, row_by_row):
    checked = 0
    for name in some(model):
        game = game_of(model)
        at_once = passes_at_once(game)
        expected = run(name, game)
        if expected is None:
            continue
        for size in ("auto", 1, 5):
            game = game_of(model, batch_size=size)
            if size == "auto":
                game.sides["image"].tower.sizes = {"batch": 3}  # as after memory has run out
            seen = passes_at_once(game)
            found = run(name, game)
            assert apart(expected, found) < TOLERANCE, (name, size)
            if row_by_row and model in OF_TOKENS and name != "integrated-gradients" and 1 not in seen | at_once:
                assert bits(found) == bits(expected), (name, size)
                checked += 1
    assert checked or not row_by_row or model not in OF_TOKENS


def passes_at_once(game):
    """How many masks each forward pass gets, from now on."""
    seen = set()
    for side in game.sides.values():

        def noting(masks, embed=side.tower.embed):
            seen.add(len(masks))
            return embed(masks)

        side.tower.embed = noting
    return seen


@pytest.mark.parametrize("model", MODELS[1::2])
def test_batches_do_not_matter_to_removal_operators(model, row_by_row):
    encoder = model_of(model)
    towers = {"image": encoder.image_tower, "text": encoder.text_tower}
    for side, removal in ((side, removal) for side, tower in towers.items() for removal in tower.removals):
        expected, *found = (run("banzhaf", game_of(model, {side: removal}, batch_size=b)) for b in (64, 1, 5))
        assert max(apart(expected, f) for f in found) < TOLERANCE, (side, removal)
        if row_by_row and model in OF_TOKENS and removal != "drop":
            assert bits(found[-1]) == bits(expected), (side, removal)


@pytest.mark.parametrize("model", ["demo-clip", "OpenAI clip"])
def test_threads_of_torch(model):
    for name in ["banzhaf", "integrated-gradients", *some(model)[:1]]:
        one = run(name, game_of(model))
        with threads(2):
            two = run(name, game_of(model))
        assert (one is None) == (two is None)
        if one is not None:
            assert apart(one, two) < TOLERANCE, name


def test_the_tolerance_is_small_against_another_seed():
    runs = [run(name, game_of("transformers CLIPModel"), seed=s) for s in (0, 1) for name in ("banzhaf", "lime")]
    assert apart(runs[0], runs[2]) > 10 * TOLERANCE
    assert apart(runs[1], runs[3]) > 10 * TOLERANCE


@pytest.mark.parametrize("model", BUNDLED)
def test_a_model_loaded_anew(model):
    for seed, name in enumerate(("banzhaf", "chefer", "shapiq:KernelSHAP")):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        anew = fixlip.load_model(model, device="cpu")
        assert bits(run(name, game_of(anew))) == bits(run(name, game_of(model)))


def stopped(at):
    """A progress bar that interrupts there."""

    def tick(done, total):
        if done > at * total:
            raise KeyboardInterrupt

    return tick


@pytest.mark.parametrize("name", ALL)
def test_after_an_interruption(name):
    expected, game = run(name, game_of("demo-clip")), game_of("demo-clip")
    try:
        status = run(name, game, progress=stopped(0.5)).provenance.status
        assert "interrupted" in status
    except KeyboardInterrupt:
        pass
    assert bits(run(name, game)) == bits(expected)


CALL = {"image_masks": 128, "options": {"interactions": "cross"}, "progress": False, "seed": 3}


def test_ways_to_ask(row_by_row):
    encoder, scenes = model_of("demo-siglip"), [make_scene(s) for s in (3, 4)]
    images, texts = [s.image for s in scenes], [s.caption for s in scenes]
    alone = {(i, j): fixlip.explain(images[i], texts[j], model=encoder, **CALL) for i in (0, 1) for j in (0, 1)}
    ways = {
        "many": fixlip.explain_many(images, texts, pairs="all", model=encoder, **CALL),
        "one by one": (fixlip.explain(images[i], texts[j], model=encoder, **CALL) for i in (0, 1) for j in (0, 1)),
    }
    for found in ways.values():
        for one, expected in zip(found, alone.values(), strict=True):
            assert apart(one, expected) < TOLERANCE
            assert not row_by_row or numbers(one) == numbers(expected)
    compared = fixlip.compare(images[0], texts[0], models=[encoder], **CALL).explanations[0]
    curved = fixlip.explain(images[0], texts[0], model=encoder, curves=True, **CALL)
    assert numbers(compared) == numbers(curved) == numbers(alone[0, 0])


def numbers(found):
    return [a.tobytes() for a in (found.first_order, found.second_order, found.stderr.second_order)]


@pytest.mark.parametrize("name", SAMPLED)
def test_masks_are_those_of_the_seed(name):
    def masks(seed):
        game, seen = counted(random_towers(10, 4))
        fixlip.get_estimator(name).explain(game, seed=seed, progress=False, **ask(name, 300, 10, 4))
        return Counter(seen["image"])

    assert masks(1) == masks(1) != masks(2)


def everything(folder):
    """The results of everything that could draw."""
    scene, model = make_scene(5), fixlip.load_model("demo-clip", device="cpu")
    found = fixlip.explain(scene.image, scene.caption, model=model, curves=True, **CALL)
    plan = {"data": "scenes:1", "models": ("demo-clip",), "estimators": ("rise image_masks=32",)}
    evaluate(Plan(metrics=("faithfulness", "stability", "randomization"), **plan), folder, progress=False)
    return {
        "explanation": bits(found),
        "page": re.sub(r'"seconds","[^"]*"', "", to_html(found)),
        "figure": to_png(overview(found)),
        "superpixels": make_regions("slic:9", scene.image).labels.tobytes(),
        "data": [load_dataset(spec)[0].captions[0].text for spec in ("scenes:1", "scene-mosaics:1", "scene-foils:1")],
        "rows": [row.as_json() | {"seconds": 0} for row in read(folder)],
    }


def test_the_callers_generators(tmp_path):
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        before = random_states()
        found.append(everything(tmp_path / str(seed)))
        assert random_states() == before
    for part, one in found[0].items():
        assert one == found[1][part], part


@pytest.mark.parametrize("name", ALL)
def test_estimators_leave_the_callers_generators(name):
    game = game_of("transformers SiglipModel")
    before = random_states()
    run(name, game, seed=7)
    assert random_states() == before


def test_the_page_says_the_tolerance():
    page = (ROOT / "docs" / "determinism.md").read_text()
    mantissa, exponent = f"{TOLERANCE:e}".split("e")
    assert f"the same to a relative {float(mantissa):g}e{int(exponent)}**" in page
    assert f"for {ROWS} inputs or more" in page
