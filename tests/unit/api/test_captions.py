"""Several captions of one picture: ranked, and contrasted from one call."""

import numpy as np
import pytest

import fixlip
from fixlip.api.captions import contrast, rank
from fixlip.datasets.scenes import make_scene
from fixlip.errors import InputError, OptionError
from fixlip.results.contrast import Contrast
from tests.helpers.oracles import assert_close

CROSS = {"options": {"interactions": "cross"}, "image_masks": 128, "progress": False}
PAIR = ("a dog next to a bus", "a black cat next to a bus")


@pytest.fixture
def counts(own_clip, monkeypatch):
    """Masked inputs that really went through each tower."""
    found = {"image": 0, "text": 0}
    for side in found:
        inner = getattr(own_clip, f"embed_{side}")

        def counting(x, masks, inner=inner, side=side):
            found[side] += len(masks)
            return inner(x, masks)

        monkeypatch.setattr(own_clip, f"embed_{side}", counting)
    return found


def test_ranking_is_by_the_models_own_score(own_clip, scene):
    captions = ["a cat", scene.caption, "a dog"]
    found = rank(scene.image, captions, model=own_clip)
    values = {c: fixlip.explain(scene.image, c, model=own_clip, **CROSS).full_value for c in captions}
    assert [one.caption for one in found.captions] == sorted(captions, key=values.get, reverse=True)
    assert_close([one.similarity for one in found.captions], [values[one.caption] for one in found.captions], 1e-4)
    weights = np.exp([one.similarity for one in found.captions])
    assert found.measure == "softmax"
    assert_close([one.probability for one in found.captions], weights / weights.sum(), 1e-9)


def test_siglip_has_a_probability_for_each_by_itself(scene):
    model = fixlip.load_model("demo-siglip", device="cpu")
    found = rank(scene.image, ["a cat", scene.caption], model=model)
    assert found.measure == "sigmoid"
    assert_close(
        [c.probability for c in found.captions], [1 / (1 + np.exp(-c.similarity)) for c in found.captions], 1e-9
    )


def test_ranking_costs_one_pass_for_each_input(own_clip, scene, monkeypatch):
    made = {"image": 0, "text": 0}
    for side in made:
        inner = getattr(own_clip, f"own_{side}")
        monkeypatch.setattr(
            own_clip,
            f"own_{side}",
            lambda x, inner=inner, side=side: (made.update({side: made[side] + 1}), inner(x))[1],
        )
    rank(scene.image, ["a cat", "a dog", "a bus", "an owl"], model=own_clip)
    assert made == {"image": 1, "text": 4}


def test_captions_that_cannot_be_ranked(demo_clip, scene):
    for captions, message in (
        ([], "no caption"),
        (["a dog", "a cat", "a dog"], "'a dog' is given twice"),
        (["a dog", ""], "Caption 2, '': .*empty"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            rank(scene.image, captions, model=demo_clip)
        assert "\n" not in str(caught.value)
    long = rank(scene.image, ["a dog", "dog " * 30 + "bus"], model=demo_clip)
    assert any("does not see 'bus'" in note for one in long.captions for note in one.notes)


def test_a_contrast_is_the_difference_of_the_two(own_clip, scene, counts):
    found = contrast(scene.image, PAIR, model=own_clip, seed=3, **CROSS)
    assert counts["image"] == 128 + 2  # and the empty and the full one, which checks the model too
    assert counts["text"] == 2**6 + 2**7 + 4
    p = found.difference.provenance
    assert (p.image_passes, p.text_passes) == (130, 2**6 + 2**7 + 4)
    for own, text in zip((found.first, found.second), PAIR, strict=True):
        alone = fixlip.explain(scene.image, text, model=own_clip, seed=3, **CROSS)
        assert_close(own.second_order[:49, 49:], alone.cross, 1e-6)
    assert_close(sum(row.difference for row in found.rows()), found.first.full_value - found.second.full_value, 1e-9)


def test_the_paired_run_is_the_same_difference(demo_clip, scene):
    found = contrast(scene.image, PAIR, model=demo_clip, **CROSS)
    assert found.paired is not None
    assert_close(found.paired.cross, found.aligned.cross, 1e-9)
    assert_close(found.paired.first_order, found.aligned.first_order, 1e-9)
    assert_close(found.paired.baseline, found.aligned.baseline, 1e-9)
    assert found.paired.full_value == pytest.approx(found.aligned.full_value, abs=1e-9)
    assert found.difference.provenance.r2 == found.paired.provenance.r2 > 0.5


def test_all_pairs_are_the_same_difference_too(demo_clip, scene):
    found = contrast(
        scene.image, PAIR, model=demo_clip, image_players="grid:3", options={"interactions": "all"}, progress=False
    )
    assert np.isfinite(found.aligned.second_order).all()
    assert_close(found.paired.second_order, found.aligned.second_order, 1e-6)


def test_by_default_both_captions_get_the_masks_and_the_pairs_of_the_first(demo_clip, scene):
    found = contrast(scene.image, PAIR, model=demo_clip, progress=False)
    made = [e.provenance for e in (found.first, found.second, found.paired)]
    assert made[0].image_passes < 2050
    assert {(p.image_passes, p.options["interactions"]) for p in made} == {(made[0].image_passes, "all")}


@pytest.mark.slow
def test_errors_of_the_difference_are_those_of_another_draw(demo_clip, scene):
    """Each seed draws other masks: how far the difference then moves is what the paired errors say, not their sum."""
    many = [contrast(scene.image, PAIR, model=demo_clip, seed=seed, **CROSS) for seed in range(12)]
    spread = np.array([c.aligned.cross for c in many]).std(0, ddof=1)
    told = np.sqrt(np.mean([c.aligned.cross_stderr**2 for c in many], axis=0))
    apart = np.sqrt(np.mean([Contrast(c.first, c.second).aligned.cross_stderr ** 2 for c in many], axis=0))
    size = [float(np.sqrt((values**2).mean())) for values in (spread, told, apart)]
    assert 0.7 < size[1] / size[0] < 1.5
    bus = [row.part for row in many[0].rows()].index("bus")
    assert np.sqrt((apart[:, bus] ** 2).mean()) > 3 * np.sqrt((told[:, bus] ** 2).mean())


@pytest.mark.parametrize(
    "options",
    [
        {"estimator": "kernel-shap", "image_players": "grid:2"},
        {"estimator": "shapley", "image_players": "grid:2"},
        {"estimator": "lime", "image_masks": 128},
        {"estimator": "exact", "image_players": "grid:2"},
        {"estimator": "integrated-gradients"},
        {"budget": 2000, "options": {"interactions": "cross"}},
        {"image_players": "grid:2", "text_players": "tokens", "curves": True},
    ],
)
def test_every_kind_of_estimator_adds_up(demo_clip, scene, options):
    found = contrast(scene.image, PAIR, model=demo_clip, progress=False, **options)
    assert_close(sum(row.difference for row in found.rows()), found.first.full_value - found.second.full_value, 1e-9)
    masks = np.random.default_rng(0).random((50, len(found.difference.players))) < 0.5
    assert (found.first.curves is not None, found.second.curves is not None) == 2 * ("curves" in options,)
    n, a = found.first.players.n_image, len(found.first.players)
    both = found.first.predict(masks[:, :a]), found.second.predict(np.c_[masks[:, :n], masks[:, a:]])
    assert_close(found.difference.predict(masks), both[0] - both[1], 1e-9)


@pytest.mark.slow
def test_other_masks_for_each_caption_have_errors_of_their_own(demo_clip, scene):
    """A budget gives the longer caption fewer image masks: the paired run is of other masks, and is not taken."""
    long = "a black cat"
    found = contrast(
        scene.image, ("a dog", long), model=demo_clip, budget=2**10, options={"interactions": "cross"}, progress=False
    )
    one, other = found.first.provenance.image_passes, found.second.provenance.image_passes
    assert one != other
    assert found.difference.provenance.image_passes == one + other
    assert found.paired is None


def test_a_word_is_named_by_what_it_adds_not_by_its_interactions_alone():
    scene = make_scene(7, n_objects=2)
    other = scene.caption.replace("frog", "cat")
    why = contrast(scene.image, (scene.caption, other), model="demo-clip", image_masks=128, progress=False)
    frog = next(row for row in why.rows() if row.part == "frog vs cat")
    assert abs(frog.cross) < 2 * frog.stderr  # it interacts with the picture as much as "cat" does
    assert frog.difference > 10 * frog.error
    assert "“frog” rather than “cat” adds 8" in why.summary()


def test_what_cannot_be_contrasted(demo_clip, scene):
    for texts in (("a dog", "a dog"), ("a dog",), "ab", ("a dog", "a cat", "a bus")):
        with pytest.raises(InputError, match="two different captions"):
            contrast(scene.image, texts, model=demo_clip)
    with pytest.raises(InputError, match="scale of its own"):
        contrast(scene.image, PAIR, model=demo_clip, estimator="grad-eclip", progress=False)
    with pytest.raises(OptionError, match="the name of an estimator"):
        contrast(scene.image, PAIR, model=demo_clip, estimator=fixlip.get_estimator("banzhaf"), options={"p": 0.3})
    with pytest.raises(InputError, match="black"):
        contrast(scene.image, PAIR, model=demo_clip, phrases=["a black cat"], **CROSS)
