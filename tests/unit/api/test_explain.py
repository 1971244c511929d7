import numpy as np
import pytest
import torch

import fixlip
from fixlip.errors import BudgetError, FixlipError, InputError, OptionError
from fixlip.estimators.banzhaf import Banzhaf
from fixlip.fitting import tower_fits
from tests.helpers.oracles import assert_close

CROSS = {"interactions": "cross"}


def run(image, text, model, **more):
    return fixlip.explain(image, text, model=model, image_masks=128, progress=False, **{"options": CROSS, **more})


def test_explanation_of_a_scene(demo_clip, scene, explanation):
    players = explanation.players
    assert (players.grid, players.n_image, players.caption) == ((7, 7), 49, scene.caption)
    assert players.picture.shape == (448, 448, 3)
    assert [players.caption[slice(*p.span)].strip(",") for p in players.text] == [p.label for p in players.text]
    x, t = demo_clip.image_input(scene.image), demo_clip.text_input(scene.caption)
    u, w = demo_clip.own_image(x), demo_clip.own_text(t)
    assert_close(explanation.full_value, demo_clip.logit_scale * float(u @ w) + demo_clip.logit_bias, 1e-4)
    provenance = explanation.provenance
    assert (provenance.model, provenance.weights) == ("demo-clip", demo_clip.weights)
    assert provenance.removal == "image mean, text attention"
    assert (provenance.image_passes, provenance.text_passes) == (258, 2**players.n_text + 2)
    assert provenance.r2 > 0.5


@pytest.mark.slow
def test_same_settings_same_bits(demo_clip, scene):
    one, two = (run(scene.image, scene.caption, demo_clip, seed=4) for _ in range(2))
    assert np.array_equal(one.second_order, two.second_order, equal_nan=True)
    other = run(scene.image, scene.caption, demo_clip, seed=4, batch_size=13)
    assert_close(other.second_order, one.second_order, 1e-3)


def test_the_callers_random_state_is_untouched(demo_clip, scene):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    run(scene.image, scene.caption, demo_clip)
    assert torch.equal(before, torch.get_rng_state())


def test_the_model_is_left_as_it_was(demo_clip, scene):
    weights = {k: v.clone() for k, v in demo_clip.model.state_dict().items()}
    run(scene.image, scene.caption, demo_clip)
    assert all(torch.equal(v, weights[k]) for k, v in demo_clip.model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in demo_clip.model.modules())


@pytest.mark.slow
@pytest.mark.parametrize(("times", "pairs"), [(1, "all"), (3, None)])  # a table names a picture in each of its rows
def test_explain_many_encodes_shared_inputs_once(own_clip, scene, monkeypatch, times, pairs):
    counts = {"image": 0, "text": 0}
    for side in counts:
        inner = getattr(own_clip, f"embed_{side}")

        def counting(x, masks, inner=inner, side=side):
            counts[side] += len(masks)
            return inner(x, masks)

        monkeypatch.setattr(own_clip, f"embed_{side}", counting)
    checked, own = [], own_clip.own_image
    monkeypatch.setattr(own_clip, "own_image", lambda x: checked.append(x) or own(x))
    fits, fit = [], tower_fits.tower_process
    monkeypatch.setattr(tower_fits, "tower_process", lambda *a, **k: fits.append(a) or fit(*a, **k))
    texts = ["a dog and a bus", "a dog", "a photo of a cat"]
    call = {"model": own_clip, "image_masks": 128, "progress": False, "options": CROSS}
    many = list(fixlip.explain_many([scene.image] * times, texts, pairs=pairs, **call))
    assert counts["image"] == 128 + 2  # and the empty and the full one, which checks the model too
    assert len(checked) == 1
    assert len(fits) == 1  # the picture; the captions are enumerated
    assert {e.provenance.image_passes for e in many} == {128 + 2}  # what each answer rests on
    assert counts["text"] <= sum(2**e.players.n_text + 3 for e in many)
    for text, found in zip(texts, many, strict=True):
        assert_close(found.cross, fixlip.explain(scene.image, text, **call).cross, 1e-3)


@pytest.mark.slow
def test_explain_many_pairs(demo_clip, scene):
    images, texts = [scene.image, scene.image.rotate(90)], ["a dog", "a bus", "a cat"]
    call = {"model": demo_clip, "image_masks": 128, "progress": False, "options": CROSS}
    found = list(fixlip.explain_many(images, texts, pairs=[(1, 2), (0, 0)], **call))
    assert [e.players.caption for e in found] == ["a cat", "a dog"]
    assert len(list(fixlip.explain_many(images, texts[:2], **call))) == 2
    with pytest.raises(InputError, match="pair up"):
        fixlip.explain_many(images, texts, **call)
    with pytest.raises(InputError, match=r"\(2, 0\)"):
        fixlip.explain_many(images, texts, pairs=[(2, 0)], **call)


def test_an_estimator_object_or_a_name(demo_clip, scene):
    one = run(scene.image, "a dog", demo_clip, estimator=Banzhaf(interactions="cross"), options=None)
    assert one == run(scene.image, "a dog", demo_clip) or np.array_equal(
        one.cross, run(scene.image, "a dog", demo_clip).cross
    )
    with pytest.raises(OptionError, match="the name of an estimator"):
        run(scene.image, "a dog", demo_clip, estimator=Banzhaf(), options={"p": 0.3})


def test_a_budget_that_covers_the_text_is_exact_there(demo_clip, scene):
    found = fixlip.explain(scene.image, "a dog", model=demo_clip, budget=512, progress=False, options=CROSS)
    assert (found.provenance.image_passes, found.provenance.text_passes) == (130, 6)


def test_tokens_as_players(demo_clip, scene):
    found = run(scene.image, "a dog, a bus", demo_clip, text_players="tokens")
    assert [p.label for p in found.players.text] == ["a", "dog", ",", "a", "bus"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"estimator": "banzaf"}, OptionError, "banzhaf"),
        ({"options": {"q": 1}}, OptionError, "option"),
        ({"options": {"p": 2}}, OptionError, "between 0 and 1"),
        ({"image_masks": 4}, BudgetError, "at least"),
        ({"text_players": "letters"}, OptionError, "words"),
        ({"image_players": "pixels"}, OptionError, "grid"),
        ({"phrases": ["a cat"]}, InputError, "a cat"),
        ({"phrases": ["a dog"], "text_players": "tokens"}, OptionError, "words"),
        ({"removal": "blur"}, OptionError, "removal"),
        ({"batch_size": 0}, OptionError, "batch_size"),
        ({"budget": 1000}, OptionError, "either"),
        ({"text": ""}, InputError, "empty"),
        ({"image": "no-such.png"}, InputError, "no-such"),
        ({"image": 3}, InputError, "int"),
        ({"image": np.zeros((4, 4, 7))}, InputError, "shape"),
    ],
)
def test_bad_input_is_one_clear_line(demo_clip, scene, arguments, error, message):
    call = {"image": scene.image, "text": "a dog", "model": demo_clip, "image_masks": 128, "progress": False}
    with pytest.raises(error, match=message) as caught:
        fixlip.explain(**{**call, **arguments})
    assert isinstance(caught.value, FixlipError)
    assert "\n" not in str(caught.value)


def test_compare_labels_what_differs(demo_clip, scene):
    by_p = [Banzhaf(p=p, interactions="cross") for p in (0.3, 0.5)]
    call = {"image_masks": 128, "progress": False}
    both = fixlip.compare(scene.image, "a dog", models=[demo_clip], estimators=by_p, **call)
    assert both.labels == ("banzhaf #1", "banzhaf #2")
    assert [e.index for _, e in both] == ["FWBII(p=0.3)", "FWBII(p=0.5)"]
    assert both["banzhaf #2"] is both[1]
    assert both.limit() == max(np.abs(e.heatmap()).max() for _, e in both)
    assert [row["similarity"] for row in both.table()] == [e.full_value for _, e in both]
    with pytest.raises(InputError, match="one each"):
        fixlip.compare(scene.image, "a dog", models=[], estimators=by_p)


def test_a_comparison_is_drawn_on_one_scale(demo_clip, scene):
    by_p = [Banzhaf(p=p, interactions="cross") for p in (0.3, 0.5)]
    both = fixlip.compare(scene.image, "a dog", models=[demo_clip], estimators=by_p, image_masks=128, progress=False)
    drawn = fixlip.plots.compare(both, "dog")
    assert {ax.images[-1].get_clim() for ax in drawn} == {(-both.limit("dog"), both.limit("dog"))}
    assert [ax.get_title(loc="left") for ax in drawn] == list(both.labels)
