"""Integrated gradients on whole models: completeness, references, paths, options, and the model left as it was."""

import itertools
import random

import numpy as np
import pytest
import torch

import fixlip
from fixlip.datasets.scenes import make_scene
from fixlip.errors import InputError, OptionError
from fixlip.estimators.integrated_gradients import IntegratedGradients, assign
from fixlip.games.similarity import games
from fixlip.gradients.integration_paths import discretised_path, straight_path
from tests.helpers.games import game_of
from tests.helpers.models import open_clip_bert, open_clip_vit
from tests.helpers.oracles import assert_close


@pytest.fixture(scope="module", params=["demo-clip", "demo-siglip"])
def demo_games(request):
    encoder = fixlip.load_model(request.param, device="cpu")
    scenes = [make_scene(seed) for seed in range(2)]
    images, texts = [s.image for s in scenes], [s.caption for s in scenes]
    return list(games(encoder, images, texts, [(i, i) for i in range(2)]))


@pytest.mark.slow
def test_completeness(demo_games):
    def gaps(quadrature, steps):
        estimator = IntegratedGradients(steps=steps, quadrature=quadrature)
        runs = [estimator.explain(game, progress=False) for game in demo_games]
        for run in runs:
            off = abs(run.predict(np.ones((1, len(run.players)), dtype=bool))[0] - run.full_value)
            assert off < 0.01 or steps < 32 or quadrature == "right"
        return np.array([run.provenance.details["completeness_gap"] for run in runs])

    *fewer, most = (gaps("gauss-legendre", n) for n in (4, 12, 32))
    mean = [each.mean() for each in (*fewer, most)]
    assert all(later < earlier for earlier, later in itertools.pairwise(mean))
    assert (most < 0.01).all()
    assert (gaps("right", 32) > most).all()


def test_a_wide_gap_is_named(demo_games):
    found = IntegratedGradients(steps=1).explain(demo_games[0], progress=False)
    assert found.provenance.details["completeness_gap"] > 0.05
    assert "take more steps" in found.provenance.status


@pytest.mark.slow
def test_words_that_were_gathered_before_are_named(demo_games):
    runs = [
        IntegratedGradients(text_layer=d, steps=8).explain(game, progress=False) for game in demo_games for d in (-1, 0)
    ]
    held = [abs(run.provenance.details["players_share"]) for run in runs]
    assert min(held) < 0.1 < max(held)
    assert ["take earlier ones" in run.provenance.status for run in runs] == [share < 0.1 for share in held]


@pytest.mark.slow
@pytest.mark.parametrize("class_token", ["main", "distribute"])
def test_each_part_of_the_decomposition_closes(demo_games, class_token):
    """Baseline, baseline + one modality, and all, are the similarities of references and inputs."""
    game = demo_games[1]
    estimator = IntegratedGradients(image_layer=-1, text_layer=0.5, steps=64, class_token=class_token)
    found = estimator.explain(game, progress=False)
    towers = [game.layers("image"), game.layers("text")]
    layers = [towers[0].depth - 1, round(0.5 * towers[1].depth)]
    with torch.no_grad():
        (f0, f1), (g0, g1) = (
            t.features(torch.stack([t.state(d, r), t.state(d)]), d).double().numpy()
            for t, d, r in zip(towers, layers, ("zeros", "pad"), strict=True)
        )
    norm = np.linalg.norm(f1) * np.linalg.norm(g1) / game.scale
    n, masks = game.n_image, np.zeros((4, len(game.players)), dtype=bool)
    masks[1:3, :n], masks[2:, n:] = True, True
    predicted = found.predict(masks) - game.bias
    if class_token == "distribute":
        assert_close(predicted, [f0 @ g0 / norm, f1 @ g0 / norm, f1 @ g1 / norm, f0 @ g1 / norm], 0.02)
    assert_close(predicted[2], f1 @ g1 / norm, 0.02)
    shares = [v for k, v in found.provenance.details.items() if k.endswith("share")]
    assert_close(sum(shares), 1.0, 1e-9)


def test_fold():
    table = np.array([[1.0, 0.0], [-3.0, 0.0], [8.0, 4.0], [5.0, 5.0]])
    assert assign(table, "main").tolist() == [[1.0, 0.0], [-3.0, 0.0], [13.0, 9.0]]
    assert assign(table, "distribute").tolist() == [[3.0, 2.0], [3.0, 2.0], [5.0, 5.0]]


@pytest.mark.parametrize("options", [{}, {"normalisation": "shifted"}, {"path": "discretised", "text_layer": 0}])
def test_passes_are_those_made(demo_games, options):
    game, estimator = demo_games[0], IntegratedGradients(steps=5, **options)
    seen = []
    found = estimator.explain(game, progress=lambda done, total: seen.append((done, total)))
    made = (found.provenance.image_passes, found.provenance.text_passes)
    assert made == estimator.passes(game.n_image, game.n_text, None)
    assert seen[-1] == (sum(made), sum(made))


@pytest.mark.slow
def test_references(demo_games):
    game = demo_games[0]
    runs = [
        IntegratedGradients(steps=8, **options).explain(game, progress=False)
        for options in ({}, {"image_reference": "blur"}, {"text_reference": "a"}, {"image_layer": 0})
    ]
    for one, two in itertools.combinations(runs, 2):
        assert np.abs(one.cross - two.cross).max() > 1e-3
    with pytest.raises(InputError, match="The text reference is the input itself"):
        IntegratedGradients(text_reference=game.players.caption).explain(game, progress=False)


@pytest.mark.slow
def test_it_grounds_words_on_a_model_that_learned_them():
    """Own box against the rest of the picture, at the first text layer, where tokens are still words."""
    encoder = fixlip.load_model("demo-clip", device="cpu")
    scenes = [make_scene(seed) for seed in range(6)]
    inside, chance = [], []
    for game, scene in zip(
        games(encoder, [s.image for s in scenes], [s.caption for s in scenes], [(i, i) for i in range(6)]),
        scenes,
        strict=True,
    ):
        found = IntegratedGradients(text_layer=0, steps=16).explain(game, progress=False)
        for thing in scene.objects:
            words = [
                k for k, p in enumerate(found.players.text) if p.span[0] < thing.span[1] and thing.span[0] < p.span[1]
            ]
            heat = found.cross[:, words].sum(1).clip(0)
            left, top, right, bottom = (x / scene.image.width for x in thing.box)
            centres = [((p.box[0] + p.box[2]) / 2, (p.box[1] + p.box[3]) / 2) for p in found.players.image]
            own = np.array([left <= x <= right and top <= y <= bottom for x, y in centres])
            inside.append(heat[own].sum() / heat.sum())
            chance.append(own.mean())
    assert np.mean(inside) > 2 * np.mean(chance)


def snapshot(model):
    return (
        [(p.requires_grad, p.grad is None, float(p.detach().double().sum())) for p in model.parameters()],
        [
            (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks), m.training)
            for m in model.modules()
        ],
        torch.backends.mha.get_fastpath_enabled(),
        torch.nn.functional.scaled_dot_product_attention,
        torch.is_grad_enabled(),
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),
        random.getstate(),
    )


@pytest.mark.parametrize("side", ["nowhere", "image", "text"])
def test_the_model_is_left_as_it_was(side, monkeypatch):
    encoder = open_clip_vit()
    model = encoder.model
    model.visual.proj.requires_grad_(False)
    game = game_of(encoder)
    before = snapshot(model)

    def broken(*_):
        raise ZeroDivisionError("the block fell")

    blocks = {"image": model.visual.transformer.resblocks, "text": model.transformer.resblocks}
    with monkeypatch.context() as patch:
        if side == "nowhere":
            IntegratedGradients(steps=2).explain(game, progress=False)
        else:
            game.layers(side)  # opened before it breaks
            patch.setattr(blocks[side][1].mlp[1], "forward", broken)
            with pytest.raises(ZeroDivisionError, match="the block fell"):
                IntegratedGradients(steps=2).explain(game, progress=False)
    assert snapshot(model) == before


@pytest.mark.parametrize("part", ["directional_derivatives", "contributions"])
def test_an_exception_in_the_midst_of_it(part, monkeypatch):
    encoder = open_clip_vit()
    game, calls = game_of(encoder), []
    before = snapshot(encoder.model)
    block = {"directional_derivatives": encoder.model.transformer, "contributions": encoder.model.visual.transformer}[
        part
    ]
    gelu = block.resblocks[1].mlp[1]
    forward = gelu.forward

    def breaks_later(x):
        calls.append(1)
        if len(calls) == 2:  # the ends went through, the path does not
            raise ZeroDivisionError("the block fell")
        return forward(x)

    with monkeypatch.context() as patch:
        patch.setattr(gelu, "forward", breaks_later)
        with pytest.raises(ZeroDivisionError) as caught:
            IntegratedGradients(steps=2).explain(game, progress=False)
    assert part in [entry.name for entry in caught.traceback]
    assert snapshot(encoder.model) == before


@pytest.mark.slow
def test_half_precision():
    full, half = (fixlip.load_model("demo-clip", device="cpu", dtype=d) for d in (torch.float32, torch.bfloat16))
    scene = make_scene(1)
    one, two = (
        fixlip.explain(scene.image, scene.caption, model=m, estimator="integrated-gradients", progress=False)
        for m in (full, half)
    )
    assert np.corrcoef(one.cross.ravel(), two.cross.ravel())[0, 1] > 0.98
    assert_close(two.baseline, one.baseline, 0.3)
    with pytest.raises(InputError, match="overflow in float16; load the model in float32 or bfloat16"):
        IntegratedGradients().explain(game_of(fixlip.load_model("demo-clip", device="cpu", dtype=torch.float16)))


def test_both_names_are_one(demo_games):
    one, two = (
        fixlip.get_estimator(n, steps=2).explain(demo_games[0], progress=False)
        for n in ("exclip", "integrated-gradients")
    )
    assert_close(one.cross, two.cross, 0.0)
    assert two.provenance.estimator == one.provenance.estimator == "integrated-gradients"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"image_layer": 1.5}, "fraction of 0.0 to 1.0, got 1.5"),
        ({"text_layer": "last"}, "got 'last'"),
        ({"path": "discretised"}, "needs text_layer=0, got -1"),
        ({"quadrature": "left"}, "Unknown value of quadrature 'left'"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(OptionError, match=message):
        IntegratedGradients(**options)


def test_a_layer_that_is_not_there(demo_games):
    with pytest.raises(OptionError, match="A layer is an index of -5 to 5 or a fraction"):
        IntegratedGradients(image_layer=9).explain(demo_games[0], progress=False)


def test_callables_have_no_gradients():
    from fixlip.games.closed_form import random_towers

    with pytest.raises(InputError, match="integrated-gradients needs gradients"):
        IntegratedGradients().explain(random_towers(3, 2), progress=False)


@pytest.mark.parametrize("quadrature", ["gauss-legendre", "right"])
def test_straight_paths_integrate(quadrature):
    start, end = torch.zeros(2, 3, dtype=torch.float64), torch.ones(2, 3, dtype=torch.float64)
    path = straight_path(start, end, 200, quadrature)
    states, velocities, weights = path.at(torch.arange(200))
    exact = 1e-12 if quadrature == "gauss-legendre" else 0.02
    assert_close(((states**3 * velocities).mean((1, 2)) * weights).sum(), 0.25, exact)


def test_discretised_paths_never_turn_back():
    generator = torch.Generator().manual_seed(0)
    words = torch.randn(300, 8, generator=generator, dtype=torch.float64)
    start, end = words[[0, 1, 2]], words[[0, 8, 9]]
    path = discretised_path(start, end, words, 12, "right")
    assert path.knots.shape == (13, 3, 8)
    assert_close(path.knots[0], start, 0)
    assert_close(path.knots[-1], end, 0)
    assert_close(path.knots[:, 0], start[0].expand(13, -1), 0)
    steps = path.knots.diff(dim=0) * (end - start).sign()
    assert steps.min() >= -1e-12


def test_discretised_paths_lead_from_word_to_word():
    """Words on a quarter of a circle: the path goes around, the straight line would cut across."""
    angle = torch.linspace(0, np.pi / 2, 13, dtype=torch.float64)
    words = torch.stack([angle.sin(), angle.cos()], dim=1)
    path = discretised_path(words[:1], words[-1:], words, 12, "right")
    assert_close(path.knots[:, 0], words, 1e-9)
    assert_close(path.at(torch.arange(12))[0][:, 0], words[1:], 1e-9)
    middle = discretised_path(words[:1], words[-1:], words, 12, "gauss-legendre").at(torch.arange(12))[0]
    assert_close(middle[:, 0], (words[1:] + words[:-1]) / 2, 1e-9)


@pytest.mark.slow
def test_the_discretised_path_closes(demo_games):
    for game in demo_games[:1]:
        found = IntegratedGradients(path="discretised", text_layer=0, steps=64).explain(game, progress=False)
        assert found.provenance.details["completeness_gap"] < 0.01
        straight = IntegratedGradients(text_layer=0, steps=64).explain(game, progress=False)
        assert np.corrcoef(found.cross.ravel(), straight.cross.ravel())[0, 1] > 0.5
        assert not np.allclose(found.cross, straight.cross)


def test_no_discretised_path_where_words_and_places_do_not_add_up():
    with pytest.raises(OptionError, match="not the sum of a word and a place"):
        IntegratedGradients(path="discretised", text_layer=0).explain(game_of(open_clip_bert()), progress=False)
