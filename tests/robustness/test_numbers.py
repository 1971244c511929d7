"""Numbers that are none, too large, too small or all the same, through every estimator on masks."""

import numpy as np
import pytest
import torch

import fixlip
from fixlip.errors import BudgetError, InputError
from fixlip.fitting.numerics import CONSTANT, NO_SCORE, directions, finite
from fixlip.games.base import CallableGame, JointGame
from fixlip.games.closed_form import random_towers
from tests.helpers.numbers import ON_MASKS, run
from tests.helpers.oracles import assert_close

GAME = random_towers(6, 3)


def changed(image=None, text=None, game=GAME, scale=None, bias=None):
    """The game with other embeddings: functions of masks and embeddings."""

    def function(own, change):
        return own if change is None else lambda masks: change(masks, own(masks))

    scale, bias = game.scale if scale is None else scale, game.bias if bias is None else bias
    return CallableGame(
        function(game.image_fn, image), function(game.text_fn, text), game.n_image, game.n_text, scale, bias
    )


def only(which, value):
    """Embeddings of some masks replaced."""
    places = {
        "all": lambda masks: np.ones(len(masks), dtype=bool),
        "empty": lambda masks: ~masks.any(1),
        "full": lambda masks: masks.all(1),
        "some": lambda masks: masks[:, 0] & (masks.sum(1) == len(masks[0]) - 1),
    }[which]
    return lambda masks, embeddings: np.where(places(masks)[:, None], value, embeddings)


WHERE = [(side, which, np.nan) for side in ("image", "text") for which in ("all", "empty", "full", "some")]
WHERE += [("image", "empty", np.inf), ("text", "full", -np.inf)]


def drawn(name, side):
    """Whether an estimator asks for one of the masks that are called "some"."""
    seen = []

    def note(masks, embeddings):
        seen.extend(masks[:, 0] & (masks.sum(1) == len(masks[0]) - 1))
        return embeddings

    run(name, changed(**{side: note}))
    return any(seen)


@pytest.mark.parametrize("name", ON_MASKS)
def test_no_number_is_refused_wherever_it_is(name):
    for side, which, value in WHERE:
        game = changed(**{side: only(which, value)})
        if which == "some" and not drawn(name, side):
            continue
        with pytest.raises(InputError, match=f"^The {side} embeddings hold NaN or infinity; .*$"):
            run(name, game)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1j, None, "a"])
def test_a_joint_value_that_is_no_number(value):
    game = JointGame(lambda masks: np.array([value] * len(masks)), 3, 2)
    with pytest.raises(InputError, match="joint values"):
        run("exact", game)


FLAT = {
    "an image of zeros": changed(image=only("all", 0.0)),
    "a text of zeros": changed(text=only("all", 0.0)),
    "zeros, no bias": changed(only("all", 0.0), only("all", 0.0), bias=0.0),
    "constant towers": changed(only("all", 1.0), only("all", 0.1)),
    "constant towers, no bias": changed(only("all", 1 / 3), only("all", 0.1), bias=0.0),
    "scale 0": changed(scale=0.0),
}


@pytest.mark.parametrize("kind", FLAT)
@pytest.mark.parametrize("name", ON_MASKS)
def test_a_constant_game(name, kind):
    game = FLAT[kind]
    found = run(name, game)
    size = max(abs(found.full_value), 1e-300)
    assert np.abs(found.first_order).max() <= 1e-10 * size
    assert np.abs(np.nan_to_num(found.second_order)).max() <= 1e-10 * size
    assert np.isnan(found.provenance.r2)
    assert (NO_SCORE if found.unit == "relevance" else CONSTANT) in found.provenance.status
    assert found.full_value == pytest.approx(found.empty_value, abs=1e-12)
    assert len(found.top_pairs(3)) == 3
    assert sum(found.share().values()) in (0, pytest.approx(1))


@pytest.mark.parametrize("name", ["banzhaf", "shapley", "shapley-owen"])
def test_a_target_stops_on_a_constant_game(name):
    found = run(name, FLAT["constant towers"], budget=None, target_error=0.1)
    assert CONSTANT in found.provenance.status
    assert found.provenance.image_passes <= 2**6 + 2


@pytest.mark.parametrize("name", ON_MASKS)
def test_a_game_that_changes_is_not_called_constant(name):
    assert CONSTANT not in run(name, GAME).provenance.status
    assert NO_SCORE not in run(name, GAME).provenance.status


@pytest.mark.parametrize("side", ["image", "text"])
@pytest.mark.parametrize("which", ["empty", "some"])
def test_zero_embeddings_are_cosines_of_zero(which, side):
    game = changed(**{side: only(which, 0.0)})
    values = game.values(np.eye(9, dtype=bool) & False)
    assert which == "some" or (values == game.bias).all()
    same = JointGame(game.values, 6, 3)
    for name in ("banzhaf", "shapley", "shapley-owen"):
        found = run(name, game)
        index = {"banzhaf": "FWBII", "shapley": "FSII", "shapley-owen": "k-SII"}[name]
        truth = fixlip.get_estimator("exact", index=index).explain(same, progress=False)
        assert_close(found.cross, truth.cross, 1e-8)


LARGE = {"image": (1e30, 1.0), "both": (1e30, 1e30), "limit": (1e49, 1e49)}
SMALL = {"image": (1e-30, 1.0), "both": (1e-30, 1e-30), "one of each": (1e-40, 1e40)}


@pytest.mark.parametrize("kind", [*LARGE, *SMALL])
@pytest.mark.parametrize("name", ON_MASKS)
def test_units_do_not_matter(name, kind):
    image, text = (LARGE | SMALL)[kind]
    plain = run(name, changed(bias=0.0))
    other = run(name, changed(lambda s, e: e * image, lambda t, e: e * text, bias=0.0))
    unit = image * text
    size = np.abs(plain.as_first_order()).max()
    tolerance = 1e-4 if name == "lime" else 1e-6  # in units of the penalty
    assert_close(other.first_order / unit, plain.first_order, tolerance * size)
    assert_close(other.second_order / unit, plain.second_order, tolerance * size)
    assert other.provenance.r2 == pytest.approx(plain.provenance.r2, abs=1e-5, nan_ok=True)
    assert other.provenance.status == plain.provenance.status


@pytest.mark.parametrize("scale", [1e-12, 1e12, 1e49])
@pytest.mark.parametrize("name", ON_MASKS)
def test_the_scale_does_not_matter(name, scale):
    plain, other = run(name, changed(bias=0.0)), run(name, changed(scale=scale, bias=0.0))
    size = np.abs(plain.as_first_order()).max()
    assert_close(other.first_order / (scale / GAME.scale), plain.first_order, 1e-6 * size)
    assert other.provenance.status == plain.provenance.status


@pytest.mark.parametrize("name", ON_MASKS)
def test_too_large_is_refused(name):
    for factor in (1e60, 1e160, 1e300):
        with pytest.raises(InputError, match="image embeddings exceed"):
            run(name, changed(lambda s, e, f=factor: e * f))


@pytest.mark.parametrize(("scale", "bias"), [(np.nan, 0.0), (1.0, np.nan), (np.inf, 0.0), (1.0, -np.inf), (1e60, 0.0)])
def test_a_scale_that_is_no_number(scale, bias):
    with pytest.raises(InputError, match="finite"):
        changed(scale=scale, bias=bias)


DRAW_MORE = {  # game values of which an approximator of shapiq makes nothing
    "shapiq:OwenSamplingSV": 8,
    "shapiq:PermutationSamplingSII": 8,
    "shapiq:PermutationSamplingSTII": 64,
    "shapiq:PermutationSamplingSV": 4,
}


@pytest.mark.parametrize("players", [(1, 1), (1, 2), (2, 1), (1, 5), (5, 1), (9, 1), (1, 9)])
@pytest.mark.parametrize("name", ON_MASKS)
def test_a_single_player(name, players):
    game = random_towers(*players)
    budget = 2 ** sum(players)
    if name in DRAW_MORE and budget <= DRAW_MORE[name]:
        with pytest.raises(BudgetError, match=r"give budget=\d"):
            run(name, game, budget)
        return
    found = run(name, game, budget)
    assert found.second_order.shape == (sum(players),) * 2
    if name == "exact" or not fixlip.estimator_class(name).capabilities.exact:
        return
    index = found.index.partition("(")[0]
    if index not in ("FWBII", "FSII", "SV", "k-SII", "SII", "STII"):
        return
    tolerance = 1e-5 if name.startswith("shapiq") else 1e-8  # shapiq gives the ends a large weight
    truth = fixlip.get_estimator("exact", index=index).explain(game, progress=False)
    what = (lambda e: e.cross) if index == "SII" else (lambda e: e.as_first_order())
    assert_close(what(found), what(truth), tolerance)


WRONG = {
    "one row too few": lambda e: e[1:],
    "one row too many": lambda e: np.concatenate([e, e[:1]]),
    "a vector": lambda e: e[:, 0],
    "three axes": lambda e: e[None],
    "no numbers": lambda e: e[:, :0],
    "complex": lambda e: e + 1j,
    "complex tensor": lambda e: torch.as_tensor(e + 1j),
    "objects": lambda e: e.astype(object),
    "words": lambda e: e.astype(str),
    "dates": lambda e: np.zeros(e.shape, dtype="datetime64[s]"),
    "rows of different lengths": lambda e: [[0.0] * (1 + k % 2) for k in range(len(e))],
    "nothing": lambda e: None,
    "another dimension": lambda e: e[:, :1],
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("side", ["image", "text"])
def test_a_tower_that_returns_something_else(side, kind):
    game = changed(**{side: lambda masks, embeddings: WRONG[kind](embeddings)})
    with pytest.raises(InputError, match=side) as caught:
        run("banzhaf", game)
    assert "\n" not in str(caught.value)


def test_a_tower_that_changes_its_dimension():
    game = changed(lambda masks, e: e[:, : 5 + masks.any()], lambda masks, e: e[:, :6])
    with pytest.raises(InputError, match="one dimension"):
        run("banzhaf", CallableGame(game.image_fn, game.text_fn, 6, 3, batch_size=1))


FINE = {
    "whole numbers": lambda e: np.rint(8 * e).astype(int),
    "float16": lambda e: e.astype(np.float16),
    "booleans": lambda e: e > 0,
    "bfloat16 tensor": lambda e: torch.as_tensor(e).bfloat16(),
    "a tensor with a gradient": lambda e: torch.as_tensor(e).requires_grad_(),
    "lists": lambda e: e.tolist(),
    "negative zeros": lambda e: np.where(e > 0, e, -0.0),
}


@pytest.mark.parametrize("kind", FINE)
def test_other_types_of_numbers(kind):
    def as_doubles(masks, embeddings):
        found = FINE[kind](embeddings)
        return found.detach().double().numpy() if isinstance(found, torch.Tensor) else np.asarray(found, dtype=float)

    one = run("banzhaf", changed(image=lambda masks, e: FINE[kind](e)))
    other = run("banzhaf", changed(image=as_doubles))
    assert_close(one.cross, other.cross, 1e-12)
    assert one.provenance.status == other.provenance.status == "ok"


@pytest.mark.parametrize("kind", ["the same array each time", "read-only", "changes the masks"])
@pytest.mark.parametrize("name", ["banzhaf", "shapley", "kernel-shap"])
def test_arrays_of_the_towers_are_copied(name, kind):
    kept = np.zeros((1, 6))

    def image(masks, embeddings):
        if kind == "changes the masks":
            masks[:] = True
        elif kind == "read-only":
            embeddings.setflags(write=False)
        else:
            kept[:] = embeddings
            return kept
        return embeddings

    game = changed(image)
    game.batch_size = 1
    found = run(name, game)
    assert_close(found.first_order, run(name, GAME).first_order, 1e-9)


@pytest.mark.parametrize("side", ["image", "text"])
@pytest.mark.parametrize("name", ["banzhaf", "shapley", "exact", "shapley-owen", "interaction-lime"])
def test_a_tower_with_noise(name, side):
    rng = np.random.default_rng(0)
    game = changed(**{side: lambda masks, e: e + rng.normal(size=e.shape)})
    with pytest.raises(InputError, match="another value for a mask"):
        run(name, game)


def test_rounding_is_no_noise():
    rng = np.random.default_rng(0)
    assert run("exact", changed(lambda masks, e: e * (1 + 4e-3 * rng.normal(size=e.shape)))).provenance.status == "ok"


def test_directions_of_any_size():
    vectors = np.array([[3.0, -4.0], [0.0, 0.0]])
    for size in (1e-300, 1e-160, 1.0, 1e160, 1e300):
        assert_close(directions(vectors * size, "these"), [[0.6, -0.8], [0.0, 0.0]], 1e-15)
    with pytest.raises(InputError, match="These hold NaN"):
        finite(np.array([1.0, np.nan]), "these")
