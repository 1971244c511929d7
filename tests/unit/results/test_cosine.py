"""Explanations in cosines: the model's own cosine, and the same picture of it."""

from dataclasses import replace

import numpy as np
import pytest

import fixlip
from fixlip.api.captions import contrast
from fixlip.datasets.scenes import make_scene
from fixlip.errors import InputError

CALL = {"image_masks": 128, "progress": False, "options": {"interactions": "cross"}}


@pytest.fixture(scope="module")
def both():
    scene = make_scene(20, n_objects=2)
    return fixlip.compare(scene.image, scene.caption, models=["demo-clip", "demo-siglip"], curves=True, **CALL), scene


def test_the_value_is_the_models_own_cosine(both):
    for (name, found), logits in zip(both[0].in_cosine(), both[0].explanations, strict=True):
        model = fixlip.load_model(name)
        image, text = model.image_input(both[1].image), model.text_input(both[1].caption)
        cosine = float(model.own_image(image).double() @ model.own_text(text).double())
        assert found.full_value == pytest.approx(cosine, abs=1e-5)
        assert (found.unit, found.value_unit) == ("cosine", "cosine")
        assert found.in_cosine() is found
        masks = np.random.default_rng(0).random((20, len(found.players))) < 0.5
        back = model.logit_scale * found.predict(masks) + model.logit_bias
        np.testing.assert_allclose(back, logits.predict(masks), atol=1e-9)
        np.testing.assert_allclose(found.cross / found.cross_stderr, logits.cross / logits.cross_stderr)
        np.testing.assert_allclose(found.curves.insertion[-1], found.full_value, atol=1e-6)
        assert found.share() == pytest.approx(logits.share())


def test_models_share_a_unit(both):
    rows = both[0].in_cosine().differences()
    assert {row["unit"] for row in rows} == {"cosine"}
    assert all(abs(row["first_value"]) < 2 for row in rows)


@pytest.mark.slow
def test_a_difference_has_no_bias(both):
    why = contrast(both[1].image, [both[1].caption, "a cat"], model="demo-siglip", **CALL)
    whole = why.difference.in_cosine().full_value
    assert whole == pytest.approx(why.first.in_cosine().full_value - why.second.in_cosine().full_value, abs=1e-9)


def test_what_has_no_cosine_says_so(both, tmp_path):
    found = both[0][0]
    for other in (
        replace(found, unit="relevance"),
        replace(found, provenance=replace(found.provenance, logit_scale=float("nan"))),
        replace(found, provenance=replace(found.provenance, logit_bias=float("nan"))),
    ):
        with pytest.raises(InputError, match="it has no cosine"):
            other.in_cosine()
        assert (
            "nan"
            not in other.to_html(tmp_path / "page.html").read_text("utf-8").split("provenance")[1][:2000].casefold()
        )


def test_files_keep_the_scale(both, tmp_path):
    both[0][1].save(tmp_path / "found.fixlip")
    loaded = fixlip.Explanation.load(tmp_path / "found.fixlip")
    assert loaded.in_cosine() == both[0][1].in_cosine()
