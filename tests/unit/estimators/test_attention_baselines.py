"""The gradient and attention baselines against slow copies of their definitions, and what they leave behind."""

import numpy as np
import pytest
import torch

import fixlip
from fixlip.errors import OptionError, UnsupportedModelError
from fixlip.games.base import CallableGame
from tests.helpers.little_towers import (
    CHANNELS,
    HEADS,
    IMAGE,
    MAP_IMAGE,
    MEAN_IMAGE,
    TEXT,
    little_game,
    numpy_block,
    numpy_forward,
    numpy_project,
    slope,
    unit,
)
from tests.helpers.oracles import assert_close

FIRST = ["grad-eclip", "chefer", "grad-cam", "rollout", "mask-clip"]
SECOND = ["interaction-cam", "itsm"]
ATTENTION = ["grad-eclip", "chefer", "rollout", "mask-clip"]
GRADIENT = ["grad-eclip", "chefer", "grad-cam", "interaction-cam"]
LAYOUTS = {"class token": IMAGE, "pooling head": MAP_IMAGE, "mean of tokens": MEAN_IMAGE}


@pytest.fixture(params=LAYOUTS)
def game(request):
    return little_game(LAYOUTS[request.param])


def explain(name, game, **options):
    return fixlip.get_estimator(name, **options).explain(game, progress=False)


def sides(game):
    """Each tower with the other's embedding."""
    image, text = game.towers["image"], game.towers["text"]
    return (image, numpy_forward(text)[0]), (text, numpy_forward(image)[0])


def players(tower, scores, mean=False):
    found = []
    for player in range(tower.owner.max() + 1):
        own = [scores[i] for i in range(len(scores)) if tower.owner[i] == player]
        found.append(sum(own) / (len(own) if mean else 1))
    return np.array(found)


def of_both(game, function, **options):
    return np.concatenate([players(tower, function(tower, other), **options) for tower, other in sides(game)])


def read(tower, seen, tokens, head):
    if tower.probe:
        return head(seen["weights", "head"])[0] @ tokens
    return tokens.mean(0) if tower.reads is None else tokens[tower.reads]


def eclip(tower, other, blocks, heads):
    last = ["head"] if tower.probe else list(range(tower.depth))[-blocks:]
    merged = last if heads == "one" else []
    _, seen = numpy_forward(tower, merged=merged)
    total = np.zeros(len(tower.owner))
    for b in last:
        g, q, k, v = slope(tower, other, ("output", b), merged), seen["q", b], seen["k", b], seen["v", b]
        for r in range(len(q)) if tower.reads is None else [tower.reads]:
            near = np.array([unit(q[r]) @ unit(k[i]) for i in range(len(k))])
            among = [i for i in range(len(k)) if (i <= r if tower.causal else tower.owner[i] >= 0)]
            low, high = min(near[among]), max(near[among])
            for i in range(len(k)):
                total[i] += sum(g[r, c] * v[i, c] for c in range(HEADS * CHANNELS)) * (near[i] - low) / (high - low)
    return np.maximum(total, 0)


@pytest.mark.parametrize("heads", ["one", "own"])
def test_grad_eclip_is_its_definition(game, heads):
    for blocks, used in ((8, 3), (1, 1)):
        found = explain("grad-eclip", game, text_blocks=blocks, heads=heads)
        expected = of_both(game, lambda tower, other, n=used: eclip(tower, other, n if tower.causal else 1, heads))
        assert_close(found.first_order, expected, 1e-6)
        assert expected.max() > 0.001


def cam(tower, other, seen, b, scale):
    product = np.maximum(scale * slope(tower, other, ("weights", b)) * seen["weights", b], 0)
    return sum(product) / HEADS


def generic(tower, other, first, scale):
    _, seen = numpy_forward(tower)
    R = np.eye(len(tower.owner))
    for b in range(first, tower.depth):
        R = R + cam(tower, other, seen, b, scale) @ R
    return read(tower, seen, R, lambda _: cam(tower, other, seen, "head", scale))


@pytest.mark.slow
@pytest.mark.parametrize(("blocks", "first"), [("last", 2), ("all", 0)])
def test_chefer_is_its_definition(game, blocks, first):
    found = explain("chefer", game, blocks=blocks)
    assert_close(found.first_order, of_both(game, lambda *at: generic(*at, first, game.scale)), 1e-6)


def test_chefer_of_one_block_is_gradient_times_attention():
    game = little_game(depth=1)
    image, text = game.towers["image"], game.towers["text"]
    gradient = game.scale * slope(image, numpy_forward(text)[0], ("weights", 0))
    product = np.maximum(gradient * numpy_forward(image)[1]["weights", 0], 0).mean(0)[image.reads]
    assert_close(explain("chefer", game).first_order[:5], players(image, product), 1e-6)


def flow(tower, _):
    _, seen = numpy_forward(tower)
    joint = np.eye(len(tower.owner))
    for b in range(tower.depth):
        mixed = sum(seen["weights", b]) / HEADS + np.eye(len(joint))
        joint = np.array([row / row.sum() for row in mixed]) @ joint
    return read(tower, seen, joint, lambda weights: sum(weights) / HEADS)


def test_rollout_is_its_definition(game):
    found = explain("rollout", game)
    assert_close(found.first_order, of_both(game, flow), 1e-12)
    for side, part in (("image", found.first_order[:5]), ("text", found.first_order[5:])):
        assert_close(part.sum() + found.provenance.details[f"{side} share of tokens without a player"], 1.0, 1e-12)


def grad_cam(tower, other, from_end, weights):
    place = ("state", tower.depth - from_end)
    gradient, states = slope(tower, other, place), numpy_forward(tower)[1][place]
    mean = sum(gradient[i] for i in range(len(states)) if tower.owner[i] >= 0) / (tower.owner >= 0).sum()
    return np.array([max(0.0, (mean if weights == "mean" else g) @ x) for x, g in zip(states, gradient, strict=True)])


@pytest.mark.parametrize("layer", [None, 0, 2])
@pytest.mark.parametrize("weights", ["mean", "own"])
def test_grad_cam_is_its_definition(game, layer, weights):
    def of(tower, other):
        return grad_cam(tower, other, (0 if tower.reads is None else 1) if layer is None else layer, weights)

    assert_close(explain("grad-cam", game, layer=layer, weights=weights).first_order, of_both(game, of), 1e-6)


def by_itself(tower, states):
    """Each token through the head alone."""
    found = []
    for x in states:
        if tower.probe:
            x = numpy_block(tower, tower.p.head, x[None], tower.p.probe, "head", {}, {}, False, False)[0]
        found.append(numpy_project(tower, x))
    return np.array(found)


def test_mask_clip_is_its_definition(game):
    def cosines(tower, other):
        _, seen = numpy_forward(tower, alone=None if tower.probe else tower.depth - 1)
        return [unit(x) @ unit(other) for x in by_itself(tower, seen["state", tower.depth])]

    assert_close(explain("mask-clip", game).first_order, of_both(game, cosines, mean=True), 1e-12)


def test_itsm_is_its_definition(game):
    image, text = ([unit(x) for x in last_tokens(game.towers[s])] for s in ("image", "text"))
    found = explain("itsm", game)
    for i in range(game.n_image):
        for k in range(game.n_text):
            pairs = [image[a] @ text[b] for a, b in tokens_of(game, i, k)]
            assert_close(found.cross[i, k], sum(pairs) / len(pairs), 1e-12)


def last_tokens(tower):
    return by_itself(tower, numpy_forward(tower)[1]["state", tower.depth])


def tokens_of(game, i, k):
    owners = [game.towers[s].owner for s in ("image", "text")]
    return [(a, b) for a in np.flatnonzero(owners[0] == i) for b in np.flatnonzero(owners[1] == k)]


def test_interaction_cam_is_its_definition(game):
    u, w = (numpy_forward(game.towers[s])[0] for s in ("image", "text"))
    cosine = unit(u) @ unit(w)
    a = np.maximum(unit(w) - cosine * unit(u), 0) / np.linalg.norm(u)
    b = np.maximum(unit(u) - cosine * unit(w), 0) / np.linalg.norm(w)
    image, text = (last_tokens(game.towers[s]) for s in ("image", "text"))
    found = explain("interaction-cam", game)
    for i in range(game.n_image):
        for k in range(game.n_text):
            total = sum(
                sum(a[c] * image[s][c] * b[c] * text[t][c] for c in range(len(a))) for s, t in tokens_of(game, i, k)
            )
            assert_close(found.cross[i, k], total, 1e-12)


@pytest.mark.parametrize("name", FIRST + SECOND)
def test_what_a_result_holds(name, game):
    seen = []
    found = fixlip.get_estimator(name).explain(game, progress=lambda done, total: seen.append((done, total)))
    counted = found.provenance.image_passes, found.provenance.text_passes
    assert counted == fixlip.get_estimator(name).passes(5, 3, None)
    assert seen[-1] == (sum(counted), sum(counted))
    assert (found.unit, found.baseline) == ("relevance", 0.0)
    assert found.index in found_class(name).index
    off = ~np.eye(8, dtype=bool)
    if name in SECOND:
        assert not found.first_order.any()
        assert np.isfinite(found.cross).all()
        assert np.isnan(found.second_order[:5, :5][off[:5, :5]]).all()
        assert np.isnan(found.second_order[5:, 5:][off[5:, 5:]]).all()
    else:
        assert np.isnan(found.second_order[off]).all()
    if name in FIRST and name != "mask-clip":
        assert found.first_order.min() >= 0
    assert found.full_value == pytest.approx(game.values(np.ones((1, 8), dtype=bool))[0])


def found_class(name):
    return fixlip.estimator_class(name).capabilities


@pytest.mark.parametrize("name", ATTENTION)
@pytest.mark.parametrize("attention", ["none", "eager"])
def test_attention_that_cannot_be_seen_is_named(name, attention):
    with pytest.raises(UnsupportedModelError, match=f"^{name} needs the attention .* 0 of .*'sdpa'.*ResNet.*") as error:
        explain(name, little_game(attention=attention))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["grad-cam", "interaction-cam", "itsm"])
def test_what_needs_no_attention_does_without(name):
    found = explain(name, little_game(MEAN_IMAGE, TEXT, attention="none"))
    assert np.nanmax(np.abs(found.second_order if name in SECOND else found.first_order)) > 0


@pytest.mark.parametrize("name", GRADIENT)
def test_float16_is_refused(name):
    game = little_game()
    for tower in game.towers.values():
        tower.dtype = torch.float16
    with pytest.raises(UnsupportedModelError, match=r"float16.*bfloat16"):
        explain(name, game)
    for tower in game.towers.values():
        tower.dtype = torch.bfloat16
    assert np.isfinite(explain(name, game).first_order).all()


@pytest.mark.parametrize("name", FIRST + SECOND)
def test_gradients_do_not_depend_on_the_callers_mode(name, game):
    expected = explain(name, game)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            found = explain(name, game)
        assert_close(found.first_order, expected.first_order, 0)
        assert_close(found.second_order, expected.second_order, 0)


@pytest.mark.parametrize("name", FIRST + SECOND)
def test_a_game_without_layers_is_refused(name):
    game = CallableGame(lambda s: s @ np.eye(3), lambda t: t @ np.ones((2, 3)), 3, 2)
    with pytest.raises(fixlip.FixlipError, match=f"{name} needs gradients"):
        explain(name, game)


@pytest.mark.parametrize("name", FIRST + SECOND)
@pytest.mark.parametrize("enabled", [True, False])
def test_an_exception_in_a_layer_leaves_nothing_behind(name, enabled):
    before = torch.nn.functional.scaled_dot_product_attention
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(enabled)
    try:
        with pytest.raises(ZeroDivisionError, match="a layer fell"):
            explain(name, little_game(breaks=2))
        assert torch.nn.functional.scaled_dot_product_attention is before
        assert torch.backends.mha.get_fastpath_enabled() is enabled
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def test_options_out_of_range_are_refused():
    for layer, reason in ((-1, "counted from the end"), (1.5, "whole number"), ("last", "whole number")):
        with pytest.raises(OptionError, match=reason):
            fixlip.get_estimator("grad-cam", layer=layer)
    with pytest.raises(OptionError, match=r"layer=9: the image tower has layers 0 .* to 3"):
        explain("grad-cam", little_game(), layer=9)
    with pytest.raises(OptionError, match="text_blocks must be at least 1"):
        fixlip.get_estimator("grad-eclip", text_blocks=0)
    with pytest.raises(OptionError, match="blocks"):
        fixlip.get_estimator("chefer", blocks="first")
