"""The model's score while players are removed: values of the game itself on nested masks."""

from dataclasses import replace

import numpy as np
import pytest

import fixlip
from fixlip.api.curves import removal_curves
from fixlip.datasets.scenes import make_scene
from fixlip.games.base import CallableGame, JointGame
from fixlip.players.base import Players
from tests.helpers.explanations import explained

N_IMAGE, N_TEXT = 9, 4


def drawn(n_image, n_text, seed=1):
    rng = np.random.default_rng(seed)
    players = Players.of(n_image=n_image, words=[f"w{k}" for k in range(n_text)])
    image, text, cross = rng.normal(size=n_image), rng.normal(size=n_text), rng.normal(size=(n_image, n_text))
    return explained(players, image=image, text=text, cross=cross)


@pytest.fixture(scope="module")
def found():
    return drawn(N_IMAGE, N_TEXT)


def towers(seed=0):
    rng = np.random.default_rng(seed)
    image, text = rng.normal(size=(N_IMAGE, 5)), rng.normal(size=(N_TEXT, 5))
    return CallableGame(lambda s: np.tanh(s @ image), lambda t: np.tanh(t @ text), N_IMAGE, N_TEXT, 7.0, -1.0)


def test_players_leave_in_the_order_of_their_effects(found):
    curves = removal_curves(found, towers())
    effects = found.as_first_order()[curves.order]
    assert (np.diff(effects) <= 0).all()
    assert sorted(curves.order) == list(range(N_IMAGE + N_TEXT))
    without, alone = curves.masks()
    assert without[0].all()
    assert not without[-1].any()
    assert (without ^ alone).all()
    assert not without[1, np.argmax(found.as_first_order())]
    assert (without.sum(1) == N_IMAGE + N_TEXT - curves.sizes).all()


@pytest.mark.parametrize("joint", [False, True])
def test_they_are_values_of_the_game(found, joint):
    game = towers()
    curves = removal_curves(found, JointGame(game.values, N_IMAGE, N_TEXT) if joint else game)
    for values, masks in zip((curves.deletion, curves.insertion), curves.masks(), strict=True):
        np.testing.assert_allclose(values, game.values(masks), atol=1e-12)
    assert curves.deletion[0] == pytest.approx(curves.insertion[-1], abs=1e-12)
    assert curves.deletion[-1] == pytest.approx(curves.insertion[0], abs=1e-12)


def test_each_masked_input_is_encoded_once(found):
    game, seen = towers(), []
    image_fn = game.image_fn
    game.image_fn = lambda masks: seen.extend(map(bytes, masks)) or image_fn(masks)
    curves = removal_curves(found, game)
    assert len(seen) == len(set(seen)) == curves.image_passes <= 2 * N_IMAGE
    assert curves.text_passes <= 2 * N_TEXT


def test_many_players_share_points():
    game = CallableGame(lambda s: s[:, :2].astype(float), lambda t: t.astype(float), 300, 2)
    curves = removal_curves(drawn(300, 2), game)
    assert len(curves.sizes) == 65
    assert (curves.sizes[0], curves.sizes[-1]) == (0, 302)


@pytest.mark.slow
def test_explain_makes_them_when_asked_and_files_keep_them(tmp_path):
    scene = make_scene(4, names=("dog", "umbrella"))
    call = {"model": "demo-clip", "image_masks": 128, "progress": False}
    bare = fixlip.explain(scene.image, scene.caption, **call)
    found = fixlip.explain(scene.image, scene.caption, curves=True, **call)
    assert bare.curves is None
    assert found.curves.deletion[0] == pytest.approx(found.full_value, abs=1e-4)
    assert found.curves.deletion[-1] == pytest.approx(found.empty_value, abs=1e-4)
    assert found.curves.deletion[5] < 0.5 * found.full_value  # the strongest players are what the model goes by
    assert found.provenance.image_passes == bare.provenance.image_passes
    found.save(tmp_path / "found.fixlip")
    loaded = fixlip.Explanation.load(tmp_path / "found.fixlip")
    assert loaded == found
    assert (loaded.curves.image_passes, loaded.curves.text_passes) == (
        found.curves.image_passes,
        found.curves.text_passes,
    )
    assert loaded != replace(found, curves=None)
    assert loaded != replace(found, curves=replace(found.curves, deletion=found.curves.deletion + 1))
