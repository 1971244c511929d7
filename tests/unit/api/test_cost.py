"""The cost before the run: passes are those that are made, seconds are of their size."""

import numpy as np
import pytest

import fixlip
from fixlip.api.captions import contrast
from fixlip.api.cost import _seconds, estimate_cost
from fixlip.errors import BudgetError, OptionError


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"image_masks": 128, "options": {"interactions": "cross"}},
        {"budget": 2048, "options": {"interactions": "cross"}},
        {"image_players": "grid:3"},
        {"image_players": "grid:3", "text_players": "tokens", "phrases": ()},
        {"estimator": "shapley", "image_players": "grid:2"},
        {"estimator": "kernel-shap", "image_players": "grid:2"},
        {"estimator": "exact", "image_players": "grid:2"},
        {"estimator": "lime", "image_masks": 64},
        {"estimator": "grad-eclip"},
        {"estimator": "integrated-gradients"},
    ],
)
def test_passes_are_those_that_are_made(own_clip, scene, options):
    cost = estimate_cost(scene.image, "a dog, a bus", model=own_clip, **options)
    found = fixlip.explain(scene.image, "a dog, a bus", model=own_clip, progress=False, **options)
    assert (cost.image_passes, cost.text_passes) == (found.provenance.image_passes, found.provenance.text_passes)
    assert (cost.n_image, cost.n_text) == (found.players.n_image, (found.players.n_text,))


@pytest.mark.slow
def test_captions_share_the_passes_of_the_picture(own_clip, scene, monkeypatch):
    made = {"image": 0, "text": 0}
    options = {"image_masks": 128, "options": {"interactions": "cross"}}
    texts = ["a dog", "a cat and a bus", "an owl"]
    cost = estimate_cost(scene.image, texts, model=own_clip, **options)
    for side in made:
        inner = getattr(own_clip, f"embed_{side}")
        monkeypatch.setattr(
            own_clip,
            f"embed_{side}",
            lambda x, masks, inner=inner, side=side: (made.update({side: made[side] + len(masks)}), inner(x, masks))[1],
        )
    list(fixlip.explain_many([scene.image], texts, pairs="all", model=own_clip, progress=False, **options))
    assert cost.image_passes == 128 + 2
    assert cost.text_passes == sum(2**n + 2 for n in cost.n_text)
    assert made == {"image": cost.image_passes, "text": cost.text_passes}  # the gate asks for no other masks


@pytest.mark.slow
@pytest.mark.parametrize("words", [2, 11])
def test_a_contrast_of_long_captions_costs_more_text(own_clip, scene, monkeypatch, words):
    made, inner = [], own_clip.embed_text
    options = {"image_masks": 128, "options": {"interactions": "cross"}}
    pair = tuple(
        " ".join([first, *["dog and bus next to a cat by an owl there"][0].split()[: words - 1]]) for first in "ab"
    )
    cost = estimate_cost(scene.image, pair, model=own_clip, contrast=True, **options)
    monkeypatch.setattr(own_clip, "embed_text", lambda x, masks: (made.append(len(masks)), inner(x, masks))[1])
    found = contrast(scene.image, pair, model=own_clip, progress=False, **options)
    assert found.paired is not None
    assert sum(made) <= cost.text_passes + 4
    assert (cost.text_passes > found.difference.provenance.text_passes) == (words > 10)


def test_bad_input_is_named_before_the_run(demo_clip, scene):
    with pytest.raises(BudgetError, match="at least"):
        estimate_cost(scene.image, "a dog", model=demo_clip, image_masks=4)
    with pytest.raises(OptionError, match="the name of an estimator"):
        estimate_cost(
            scene.image, "a dog", model=demo_clip, estimator=fixlip.get_estimator("exact"), options={"p": 0.3}
        )


@pytest.mark.parametrize("each", [0.0004, 0.4])
def test_a_tower_is_timed_in_batches_that_fit_into_the_trial(each, monkeypatch):
    """A tower that takes this long for every pass: the estimate is that, and soon there."""
    asked = []

    def embed(masks):
        asked.append(len(masks))
        return np.zeros((len(masks), 2))

    monkeypatch.setattr("fixlip.api.cost.perf_counter", lambda: each * sum(asked))
    assert _seconds(embed, 5, 0.5, 256) == pytest.approx(each)
    assert each * sum(asked) < 4
    assert max(asked) == (256 if each < 0.01 else 2)


@pytest.mark.slow
def test_seconds_are_those_that_it_takes(demo_clip, scene):
    cost = estimate_cost(scene.image, scene.caption, model=demo_clip, image_masks=1024)
    found = fixlip.explain(scene.image, scene.caption, model=demo_clip, image_masks=1024, progress=False)
    assert 0.3 < cost.seconds / found.provenance.seconds < 3
