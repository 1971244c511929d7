"""The gradient and attention baselines on whole models: wired to the right layers, and nothing of the model changed."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

import fixlip
from fixlip.datasets.scenes import make_scene
from fixlip.encoders.bundled import bundled_models
from fixlip.errors import UnsupportedModelError
from fixlip.games.similarity import games
from fixlip.metrics.grounding import coverage, pointing_hit, positive_share
from tests.helpers.models import encoder_of, picture, transformers_clip
from tests.helpers.oracles import assert_close

FIRST = ["grad-eclip", "chefer", "grad-cam", "rollout", "mask-clip"]
NAMES = [*FIRST, "interaction-cam", "itsm"]
ATTENTION = ["grad-eclip", "chefer", "rollout", "mask-clip"]
CAPTION = "a photo of a dog and a bus"
OPEN = [
    "open_clip CLIP, ViT",
    "open_clip SigLIP",
    "open_clip SigLIP-2",
    "open_clip, Hugging Face text tower",
    "OpenAI clip",
    "transformers CLIPModel",
    "transformers SiglipModel",
    "transformers Siglip2Model (NaFlex)",
]


def game_of(encoder, **options):
    return next(games(encoder, [picture()], [CAPTION], [(0, 0)], **options))


def explain(name, game, **options):
    return fixlip.get_estimator(name, **options).explain(game, progress=False)


def scores(found):
    return found.first_order if np.isnan(found.cross).all() else found.cross


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("family", OPEN)
def test_every_family_is_explained(name, family):
    found = explain(name, game_of(encoder_of(family)))
    assert np.isfinite(scores(found)).all()
    assert np.ptp(scores(found)) > 0
    wanted = fixlip.get_estimator(name).passes(found.players.n_image, found.players.n_text, None)
    assert (found.provenance.image_passes, found.provenance.text_passes) == wanted


@pytest.mark.parametrize("name", NAMES)
def test_resnet_has_no_attention_to_show(name):
    game = game_of(encoder_of("open_clip CLIP, ResNet"))
    if name in ATTENTION:
        with pytest.raises(UnsupportedModelError, match=f"^{name} needs the attention .* image tower of tiny resnet.*"):
            explain(name, game)
    else:
        assert np.ptp(scores(explain(name, game))) > 0


@pytest.mark.parametrize("name", ATTENTION)
def test_eager_attention_is_named(name):
    encoder = transformers_clip(attn_implementation="eager")
    with pytest.raises(UnsupportedModelError, match="attn_implementation='sdpa'"):
        explain(name, game_of(encoder))


def by_hand(encoder, game):
    """The blocks of open_clip's ViT by its own modules: weights of each [heads, L, L], and the values of the last."""
    visual, tokens = encoder.model.visual, game.layers("image").state(0)[None]
    every = []
    for block in visual.transformer.resblocks:
        x, attention, before = block.ln_1(tokens), block.attn, tokens
        mixed, weights = attention(x, x, x, need_weights=True, average_attn_weights=False)
        every.append(weights[0].double().numpy())
        tokens = before + mixed
        tokens = tokens + block.mlp(block.ln_2(tokens))
    width = x.shape[-1]
    values = x @ attention.in_proj_weight[2 * width :].T + attention.in_proj_bias[2 * width :]
    tokens = before + attention.out_proj(values)
    tokens = tokens + block.mlp(block.ln_2(tokens))
    return every, visual.ln_post(tokens[0, 1:]) @ visual.proj


@torch.no_grad()
def test_rollout_and_mask_clip_see_the_right_blocks():
    encoder = encoder_of("open_clip CLIP, ViT")
    game = game_of(encoder)
    weights, values = by_hand(encoder, game)
    joint = np.eye(10)
    for attention in weights:
        joint = (attention.mean(0) + np.eye(10)) / 2 @ joint
    assert_close(explain("rollout", game).first_order[:9], joint[0, 1:], 1e-6)
    text = game.text_embeddings(np.ones((1, game.n_text), dtype=bool))[0]
    expected = normalize(values, dim=1).double().numpy() @ text
    assert_close(explain("mask-clip", game).first_order[:9], expected, 1e-6)


@pytest.mark.parametrize("name", ["grad-eclip", "chefer", "grad-cam"])
def test_regions_sum_what_their_patches_have(name):
    encoder = encoder_of("open_clip CLIP, ViT")
    halves = np.zeros((60, 80), dtype=int)
    halves[:, 40:] = 1
    patches, regions = explain(name, game_of(encoder)), explain(name, game_of(encoder, image_players=halves))
    assert regions.players.n_image == 2
    assert_close(regions.first_order[:2].sum(), patches.first_order[:9].sum(), 1e-5)
    assert_close(regions.first_order[2:], patches.first_order[9:], 1e-5)


def whole_state(model):
    """State of a model and of torch that an estimator might change."""
    hooks = [
        (name, len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks), m.training)
        for name, m in model.named_modules()
    ]
    parameters = [(name, p.requires_grad, p.grad is None) for name, p in model.named_parameters()]
    own = torch.nn.functional.scaled_dot_product_attention
    return hooks, parameters, own, torch.backends.mha.get_fastpath_enabled(), torch.is_grad_enabled()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("falls", [False, True])
def test_the_model_is_left_as_it_was(name, falls, monkeypatch):
    encoder = encoder_of("open_clip CLIP, ViT")
    game, model = game_of(encoder), encoder.model
    first = next(model.parameters())
    first.requires_grad_(False)
    try:
        before, weights = whole_state(model), {k: v.clone() for k, v in model.state_dict().items()}
        if falls:

            def fall(*_, **__):
                raise ZeroDivisionError("a layer fell")

            with monkeypatch.context() as patch:
                patch.setattr(model.transformer.resblocks[1].mlp, "forward", fall)
                with pytest.raises(ZeroDivisionError, match="a layer fell"):
                    explain(name, game)
        else:
            explain(name, game)
        assert whole_state(model) == before
        assert all(torch.equal(v, weights[k]) for k, v in model.state_dict().items())
    finally:
        first.requires_grad_(True)


@pytest.fixture(scope="module", params=bundled_models())
def five_scenes(request):
    """The games of five pictures of one object each, with the part of each patch that the object covers."""
    encoder, found = fixlip.load_model(request.param, device="cpu"), []
    for seed in range(5):
        scene = make_scene(seed, n_objects=1, attributes=request.param in ("demo-bag", "demo-bound"))
        game = next(games(encoder, [scene.image], [scene.caption], [(0, 0)]))
        found.append((game, coverage(scene.objects[0].box, scene.image.size, game.players.grid)))
    return found


@pytest.mark.parametrize(
    ("name", "options"),
    [("grad-eclip", {}), ("chefer", {"blocks": "all"}), ("rollout", {}), ("grad-cam", {"weights": "own"})],
)
def test_the_map_finds_the_object(name, options, five_scenes):
    inside, area, hits = [], [], []
    for game, cover in five_scenes:
        heatmap = explain(name, game, **options).heatmap(order=1)
        inside.append(positive_share(heatmap, cover))
        area.append(cover.mean())
        hits.append(pointing_hit(heatmap, cover))
    assert np.mean(inside) > 1.4 * np.mean(area)
    assert sum(hits) >= 4


def test_one_head_finds_the_object_better(demo_clip):
    shares = {"one": [], "own": []}
    for seed in range(5):
        scene = make_scene(seed, n_objects=1)
        game = next(games(demo_clip, [scene.image], [scene.caption], [(0, 0)]))
        cover = coverage(scene.objects[0].box, scene.image.size, game.players.grid)
        for heads, found in shares.items():
            found.append(positive_share(explain("grad-eclip", game, heads=heads).heatmap(order=1), cover))
    assert np.mean(shares["one"]) > np.nanmean(shares["own"]) + 0.2
