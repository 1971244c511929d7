"""Exchanged words: the picture is encoded once, and each difference is that of the similarities."""

import numpy as np
import pytest

import fixlip
from fixlip.datasets.scenes import make_scene
from tests.helpers.oracles import assert_close


@pytest.fixture(scope="module")
def tested():
    scene = make_scene(4, names=("dog", "umbrella"))
    pairs = [("dog", "umbrella"), ("there", "dog")]
    call = {"model": "demo-clip", "image_masks": 128, "progress": False}
    return scene, fixlip.swap_test(scene.image, "there is a dog with an umbrella", pairs=pairs, **call)


def test_differences_are_those_of_the_similarities(tested):
    scene, found = tested
    captions = ["there is a dog with an umbrella", *(swap.caption for swap in found.swaps())]
    assert captions[1:] == [c.captions[1] for c in sorted(found.contrasts, key=lambda c: -c.difference.full_value)]
    ranked = {r.caption: r.similarity for r in fixlip.rank(scene.image, captions, model="demo-clip").captions}
    for swap in found.swaps():
        assert_close(swap.difference, ranked[captions[0]] - ranked[swap.caption], 1e-4)
    for contrast in found.contrasts:
        assert_close(sum(row.difference for row in contrast.rows()), contrast.difference.full_value, 1e-6)
        assert contrast.first is found.contrasts[0].first
        assert contrast.paired is not None


def test_the_answer_counts_what_is_noticed(tested):
    _, found = tested
    noticed = sum(swap.difference > 0 for swap in found.swaps())
    assert f"better than {noticed} of 2 with two words exchanged" in found.summary()
    assert found.to_pandas().shape == (2, 3)


def test_a_contrast_is_what_it_was(tested):
    scene, found = tested
    call = {"model": "demo-clip", "image_masks": 128, "progress": False}
    alone = fixlip.contrast(scene.image, found.contrasts[0].captions, **call)
    assert np.array_equal(alone.aligned.cross, found.contrasts[0].aligned.cross)
