"""Towers opened at their blocks: every layer leads to the game's own embedding, and the model stays as it was."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

import fixlip
from fixlip.encoders.layers import Blocks
from fixlip.errors import InputError, OptionError, UnsupportedModelError
from fixlip.games.base import DifferentiableGame
from tests.helpers.games import CAPTION, game_of
from tests.helpers.models import FAMILIES, encoder_of, open_clip_bert, open_clip_vit, picture
from tests.helpers.oracles import assert_close

BUNDLED = fixlip.list_models()["bundled"]
OPENED = [f for f in FAMILIES if f not in ("open_clip CoCa", "callables")] + BUNDLED
CLIPS = ("open_clip CLIP, ViT", "OpenAI clip", "transformers CLIPModel", "demo-clip", "demo-bag", "demo-bound")


def load(family):
    return fixlip.load_model(family, device="cpu") if family in BUNDLED else encoder_of(family)


def embeddings(game, side):
    """With nothing removed."""
    if side == "image":
        return game.image_embeddings(np.ones((1, game.n_image), dtype=bool))[0]
    return game.text_embeddings(np.ones((1, game.n_text), dtype=bool))[0]


@pytest.fixture(scope="module", params=OPENED)
def game(request):
    return game_of(load(request.param))


@pytest.mark.parametrize("side", ["image", "text"])
def test_every_layer_leads_to_the_embedding(game, side):
    tower = game.layers(side)
    assert tower.depth >= 2
    for layer in range(tower.depth + 1):
        state = tower.state(layer)
        twice = tower.features(torch.stack([state, 0 * state, state]), layer)
        assert_close(normalize(twice[[0, 2]].double(), dim=-1), [embeddings(game, side)] * 2, 1e-5)
        assert np.abs(normalize(twice[1].double(), dim=-1).numpy() - embeddings(game, side)).max() > 1e-3


@pytest.mark.parametrize("side", ["image", "text"])
def test_every_player_owns_tokens(game, side):
    tower, n = game.layers(side), getattr(game, f"n_{side}")
    for layer in range(tower.depth + 1):
        owners = tower.owners(layer)
        assert owners.shape == tower.state(layer).shape[:1]
        assert set(owners.tolist()) - {-1} == set(range(n))
    if side == "image":
        assert np.bincount(owners[owners >= 0]).tolist() == [1] * n  # a token for a patch where the head gets it


def test_gradients_stop_at_the_states():
    encoder = open_clip_vit()
    asked = [i % 2 == 0 for i, _ in enumerate(encoder.model.parameters())]
    for parameter, ask in zip(encoder.model.parameters(), asked, strict=True):
        parameter.requires_grad_(ask)
    game = game_of(encoder)
    for side in ("image", "text"):
        tower = game.layers(side)
        states = tower.state(1)[None].requires_grad_()
        assert not tower.features(tower.state(1)[None], 1).requires_grad
        tower.features(states, 1).square().sum().backward()
        tower.project(tower.state(2)[None])
        assert states.grad.abs().sum() > 0
    assert [p.requires_grad for p in encoder.model.parameters()] == asked
    assert all(p.grad is None for p in encoder.model.parameters())


def test_flags_come_back_after_an_exception():
    encoder = open_clip_vit()
    game = game_of(encoder)
    tower = game.layers("image")
    with pytest.raises(RuntimeError):
        tower.features(torch.zeros(1, 10, 7), 0)
    assert all(p.requires_grad for p in encoder.model.parameters())


@pytest.mark.parametrize("family", OPENED)
def test_the_head_reads_what_it_reads(family):
    """Only the token that is read has a gradient before the head, or all have."""
    game = game_of(load(family))
    for side in ("image", "text"):
        tower = game.layers(side)
        states = tower.state(tower.depth)[None].requires_grad_()
        weights = torch.randn(embeddings(game, side).shape, generator=torch.Generator().manual_seed(0))
        (gradient,) = torch.autograd.grad((tower.features(states, tower.depth) * weights).sum(), states)
        touched = (gradient[0].abs().sum(1) > 0).nonzero().ravel().tolist()
        assert touched == ([*range(len(states[0]))] if tower.reads is None else [tower.reads])
    assert (game.layers("image").reads == 0) == (family in CLIPS or "Hugging Face text" in family)


def test_tokens_are_projected_by_themselves(game):
    """The token that the head reads gives the features; of a pooling head, a sequence of one token does."""
    for side in ("image", "text"):
        tower = game.layers(side)
        state = tower.state(tower.depth)
        alone = tower.project(torch.stack([state, state]))
        features = tower.features(state[None], tower.depth)
        assert alone.shape == (2, len(state), features.shape[1])
        assert_close(alone[0], alone[1], 1e-6)
        if tower.reads is not None:
            assert_close(alone[0, tower.reads], features[0], 1e-5)
        elif "resnet" not in game.source.model:
            copies = state[3].expand(1, len(state), -1)  # attention to equal tokens is attention to one
            assert_close(alone[0, 3], tower.features(copies, tower.depth)[0], 1e-4)


def test_a_resnets_cells_are_projected_as_values():
    encoder = encoder_of("open_clip CLIP, ResNet")
    tower, visual = game_of(encoder).layers("image"), encoder.model.visual
    pool, cells = visual.attnpool, tower.state(4)
    with torch.no_grad():
        maps = visual.layer4(visual.layer3(visual.layer2(visual.layer1(visual.stem(tower.given)))))
        assert_close(cells, maps[0].flatten(1).T, 1e-5)
        value = pool.v_proj.weight.double() @ cells[2].double() + pool.v_proj.bias.double()
        expected = pool.c_proj.weight.double() @ value + pool.c_proj.bias.double()
        assert_close(tower.project(cells[None])[0, 2], expected, 1e-5)


def test_cells_of_a_resnet_lie_in_their_patches():
    tower = game_of(encoder_of("open_clip CLIP, ResNet")).layers("image")
    assert tower.owners(4).tolist() == [0, 1, 2, 3]
    fine = tower.owners(0).reshape(16, 16)
    assert (fine[:8, :8] == 0).all()
    assert (fine[:8, 8:] == 1).all()
    assert (fine[8:, 8:] == 3).all()


@pytest.mark.parametrize("family", ["open_clip CLIP, ViT", "open_clip CLIP, ResNet", "transformers SiglipModel"])
def test_regions_and_words_own_their_tokens(family):
    encoder = encoder_of(family)
    labels = np.zeros((60, 80), dtype=int)
    labels[:, 40:] = 1
    game = game_of(encoder, image_players=labels, text_players="content")
    for layer in (0, 2):
        owners = game.layers("image").owners(layer)
        grid = owners[1 if "ViT" in family else 0 :]
        grid = grid.reshape(int(len(grid) ** 0.5), -1)
        assert (grid[:, 0] == 0).all()
        assert (grid[:, -1] == 1).all()
    text = game.layers("text")
    words = text.owners(1)
    assert [words[p] for p in encoder.text_input(CAPTION).positions] == sorted(words[words >= 0])
    assert set(words[words >= 0]) == {0, 1}


def test_regions_without_a_patch_are_refused():
    labels = np.zeros((60, 80), dtype=int)
    labels[30:33, 40:43] = 1
    game = game_of(encoder_of("open_clip CLIP, ViT"), image_players=labels)
    with pytest.raises(InputError, match="No patch lies mostly in image player 1"):
        game.layers("image").owners(0)


@pytest.mark.parametrize("family", ["open_clip CLIP, ViT", "open_clip SigLIP", "transformers SiglipModel"])
def test_references_of_a_picture(family):
    encoder = encoder_of(family)
    game, other = game_of(encoder), 255 - picture()
    tower = game.layers("image")
    masks = torch.zeros(1, encoder.image_input(picture()).n_patches, dtype=torch.bool)
    x = encoder.image_input(picture())
    expected = {
        "zeros": encoder.embed_image(x, masks),
        "blur": encoder.with_removal(image="blur").embed_image(x, masks),
    }
    for name, embedding in expected.items():
        for layer in (0, 1, tower.depth):
            features = tower.features(tower.state(layer, name)[None], layer)
            assert_close(normalize(features, dim=-1), embedding, 1e-5)
    features = tower.features(tower.state(1, other)[None], 1)
    assert_close(normalize(features, dim=-1)[0].double(), embeddings(game_of(encoder, other), "image"), 1e-5)


@pytest.mark.parametrize("family", [f for f in OPENED if f not in BUNDLED])
def test_references_of_a_caption(family):
    encoder = encoder_of(family)
    tower = game_of(encoder).layers("text")
    x, padding = encoder.text_input(CAPTION), encoder.text_tower.padding
    filled = x.ids.clone()
    filled[list(x.positions)] = 0 if family == "transformers CLIPModel" else padding  # its padding is an end
    with torch.no_grad():
        expected = encoder.text_tower.encode(filled[None, : tower.given.shape[1]], tower.keys)
    for layer in (0, 2):
        assert_close(tower.features(tower.state(layer, "pad")[None], layer), expected, 1e-5)
    caption = CAPTION.replace("bus", "dog")  # as many tokens
    features = normalize(tower.features(tower.state(1, caption)[None], 1).double(), dim=-1)[0]
    assert_close(features, embeddings(game_of(encoder, text=caption), "text"), 1e-5)


@pytest.mark.parametrize("family", ["open_clip SigLIP", "transformers SiglipModel", "open_clip CLIP, ViT"])
def test_a_shorter_caption_as_reference(family):
    encoder = encoder_of(family)
    tower, x = game_of(encoder).layers("text"), encoder.text_input(CAPTION)
    features = normalize(tower.features(tower.state(1, "a bus")[None], 1).double(), dim=-1)[0]
    if family == "open_clip CLIP, ViT":
        ids, short = x.ids.clone(), encoder.text_input("a bus")
        ids[list(x.positions)] = 0
        ids[1:3] = short.ids[1:3]
        with torch.no_grad():
            assert_close(features, normalize(encoder.model.encode_text(ids[None]).double(), dim=-1)[0], 1e-5)
        with pytest.raises(InputError, match="The reference has 9 tokens, the caption 5; give a shorter"):
            tower.state(0, "a bus and a bus and a bus and")
    else:
        assert_close(features, embeddings(game_of(encoder, text="a bus"), "text"), 1e-5)


def test_wrong_references_and_layers_are_refused():
    game = game_of(encoder_of("transformers Siglip2Model (NaFlex)"))
    with pytest.raises(InputError, match=r"The reference has .* patches, the picture"):
        game.layers("image").state(0, picture(40, 120))
    with pytest.raises(InputError, match="'pad' or a caption, got 3"):
        game.layers("text").state(0, 3)
    for layer in (-1, 3):
        with pytest.raises(OptionError, match=rf"layers 0 to 2, got {layer}\."):
            game.layers("text").state(layer)
    with pytest.raises(OptionError, match=r"layers 0 to 2, got 3\."):
        game.layers("text").features(torch.zeros(1, 2, 3), 3)


def test_states_are_copies():
    tower = game_of(encoder_of("open_clip CLIP, ViT")).layers("image")
    tower.state(1).zero_()
    assert tower.state(1).abs().sum() > 0


@pytest.mark.parametrize(
    ("family", "side"), [("callables", "image"), ("callables", "text"), ("open_clip CoCa", "image")]
)
def test_towers_that_are_not_known_say_so(family, side):
    encoder = encoder_of(family)
    with pytest.raises(UnsupportedModelError, match=f"{encoder.name}: the blocks of the {side} tower .* not known"):
        game_of(encoder).layers(side)


def test_an_encoder_of_another_kind_says_so():
    class Foreign:
        def __init__(self, encoder):
            self.inner = encoder

        def __getattr__(self, name):
            if name == "layers":
                raise AttributeError(name)
            return getattr(self.inner, name)

    with pytest.raises(UnsupportedModelError, match="tiny gives no gradients"):
        game_of(Foreign(encoder_of("open_clip CLIP, ViT"))).layers("image")


def test_mean_pooled_text_towers():
    game = game_of(open_clip_bert("mean_pooler"))
    tower = game.layers("text")
    assert tower.reads is None
    assert_close(normalize(tower.features(tower.state(1)[None], 1).double(), dim=-1)[0], embeddings(game, "text"), 1e-5)


def test_the_game_obeys_its_protocol():
    game: DifferentiableGame = game_of(encoder_of("open_clip CLIP, ViT"))
    assert isinstance(game.layers("image").blocks, Blocks)
