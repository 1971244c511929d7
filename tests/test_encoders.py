import logging

import numpy as np
import open_clip
import pytest
import torch

import fixlip
from fixlip.encoders.base import DualEncoder
from fixlip.encoders.open_clip import OpenClipEncoder
from fixlip.encoders.preprocessing import Preprocessor, visible_box
from fixlip.errors import InputError, OptionError, UnsupportedModelError
from fixlip.games.similarity import SimilarityGame, image_side, text_side
from tests.oracles import assert_close

TINY = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 48, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2},
}
PREPROCESS = {"size": 48, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4)}


def tiny(seed=0, **changes):
    torch.manual_seed(seed)
    model = open_clip.CLIP(**{**TINY, **changes})
    return OpenClipEncoder(model, PREPROCESS, open_clip.SimpleTokenizer(context_length=20), name="tiny")


def game_of(encoder, x, t, *, players="words", **options):
    return SimilarityGame(encoder, image_side(encoder, x, **options), text_side(encoder, t, players=players))


def ones(n, rows=1):
    return torch.ones(rows, n, dtype=torch.bool)


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=["tiny", "demo-clip", "bias", "quick_gelu"])
def encoder(request):
    if request.param == "demo-clip":
        return fixlip.load_model("demo-clip", device="cpu")
    changes = {"tiny": {}, "bias": {"init_logit_bias": -10.0}, "quick_gelu": {"quick_gelu": True}}
    return tiny(**changes[request.param])


def test_it_is_a_dual_encoder(encoder):
    assert isinstance(encoder, DualEncoder)
    assert (len(encoder.weights), encoder.dtype, encoder.device.type) == (16, torch.float32, "cpu")


def test_full_mask_is_the_models_own_score(encoder, picture):
    x, t = encoder.image_input(picture), encoder.text_input("a dog and a bus")
    u, w = encoder.embed_image(x, ones(x.n_patches)), encoder.embed_text(t, ones(t.n_tokens))
    assert_close(encoder.logit_scale * float((u * w).sum()) + encoder.logit_bias, encoder.own_score(x, t), 1e-4)
    assert u.shape == w.shape == (1, encoder.embed_dim)


def test_removed_patches_are_the_mean_colour(encoder, picture):
    """The recombined tokens equal a forward pass over pixels of which the removed patches are 0."""
    x = encoder.image_input(picture)
    rows, columns = x.grid
    masks = torch.rand(5, x.n_patches, generator=torch.Generator().manual_seed(0)) < 0.5
    side = x.pixels.shape[-1] // columns
    pixels = x.pixels * masks.view(5, 1, rows, columns).repeat_interleave(side, 2).repeat_interleave(side, 3)
    with torch.no_grad():
        expected = encoder.model.encode_image(pixels, normalize=True)
    assert_close(encoder.embed_image(x, masks), expected, 1e-5)


def test_removed_tokens_have_no_influence(encoder):
    """Another word in a removed place changes nothing; in a present place it does."""
    one, two = encoder.text_input("a dog and a bus"), encoder.text_input("a cat and a bus")
    masks = ones(5, 2)
    masks[0, 1] = False
    first, second = encoder.embed_text(one, masks), encoder.embed_text(two, masks)
    assert_close(first[0], second[0], 1e-5)
    assert float((first[1] - second[1]).abs().max()) > 1e-3


def test_what_follows_the_end_of_text_does_not_matter(encoder):
    """The cut sequence gives what the whole one gives, with tokens masked as keys throughout."""
    t, model = encoder.text_input("a dog and a bus"), encoder.model
    mask = torch.tensor([[True, False, True, True, False]])
    length = len(t.ids)
    keys = torch.ones(1, length, dtype=torch.bool)
    keys[0, 1:6] = mask[0]
    bias = model.attn_mask + torch.zeros(1, 1, length).masked_fill(~keys[:, None], float("-inf"))
    with torch.no_grad():
        x = model.token_embedding(t.ids[None]) + model.positional_embedding
        x = model.ln_final(model.transformer(x, attn_mask=bias.repeat_interleave(encoder.text_tower.heads, 0)))
        expected = torch.nn.functional.normalize(x[:, int(t.ids.argmax())] @ model.text_projection, dim=-1)
    assert_close(encoder.embed_text(t, mask), expected, 1e-5)


def test_all_removed_is_finite(encoder, picture):
    x, t = encoder.image_input(picture), encoder.text_input("dog")
    assert torch.isfinite(encoder.embed_image(x, ~ones(x.n_patches))).all()
    assert torch.isfinite(encoder.embed_text(t, ~ones(1))).all()


def test_batches_do_not_matter(demo_clip, picture):
    x, t = demo_clip.image_input(picture), demo_clip.text_input("a dog and a bus")
    masks = np.random.default_rng(0).random((50, 49)) < 0.5
    one, other = (game_of(demo_clip, x, t, batch_size=b).image_embeddings(masks) for b in (50, 7))
    assert_close(one, other, 1e-5)


def test_out_of_memory_halves_the_batch(demo_clip, picture):
    x, t = demo_clip.image_input(picture), demo_clip.text_input("dog")
    game, sizes = game_of(demo_clip, x, t, batch_size=16), []
    masks = np.random.default_rng(0).random((40, 49)) < 0.5
    expected, inner = game.image_embeddings(masks), game.image_fn.embed

    def small_machine(batch):
        sizes.append(len(batch))
        if len(batch) > 5:
            raise torch.OutOfMemoryError("no room")
        return inner(batch)

    game.image_fn.embed = small_machine
    assert_close(game.image_embeddings(masks), expected, 1e-5)
    assert sizes[:3] == [16, 8, 4]
    assert max(sizes[3:]) == 4


def test_a_wrong_adapter_is_refused(demo_clip, picture, monkeypatch):
    inner = demo_clip.image_tower.embed
    monkeypatch.setattr(demo_clip.image_tower, "embed", lambda x, masks: inner(x, masks.roll(1, 1)) + 0.1)
    with pytest.raises(fixlip.FixlipError, match="nothing removed"):
        game_of(demo_clip, demo_clip.image_input(picture), demo_clip.text_input("dog"))


@pytest.mark.parametrize("caption", ["", "   ", "\n"])
def test_empty_captions(demo_clip, caption):
    with pytest.raises(InputError, match="caption"):
        demo_clip.text_input(caption)


def test_long_captions_name_what_is_lost(demo_clip):
    with pytest.raises(InputError, match=r"31 tokens, the model reads 30.*'zebra'"):
        demo_clip.text_input("dog " * 30 + "zebra")
    assert demo_clip.text_input("dog " * 30).n_tokens == 30


def test_special_marks_are_refused(demo_clip):
    with pytest.raises(InputError, match="mark"):
        demo_clip.text_input("a <end_of_text> dog")


def test_unknown_words_are_named(demo_clip):
    assert demo_clip.text_input("a dog and a bus").notes == ()
    assert "'zebra'" in demo_clip.text_input("a Zebra and a dog").notes[0].lower()


def test_real_architectures_with_random_weights(picture):
    encoder = fixlip.load_model("ViT-B-32", pretrained=None, allow_random=True, device="cpu")
    x, t = encoder.image_input(picture), encoder.text_input("a black dog next to a yellow hydrant")
    assert x.grid == (7, 7)
    game = game_of(encoder, x, t)
    assert [p.label for p in game.players.text] == ["a", "black", "dog", "next", "to", "a", "yellow", "hydrant"]
    assert game_of(encoder, x, t, players="tokens").n_text == 9


def test_the_openai_tag_gets_quick_gelu(monkeypatch):
    asked = {}
    monkeypatch.setattr(open_clip, "create_model", lambda name, **kwargs: asked.update(kwargs) or tiny().model)
    monkeypatch.setattr("fixlip.encoders.loading.get_model_preprocess_cfg", lambda model: PREPROCESS)
    fixlip.load_model("ViT-B-32", pretrained="openai", device="cpu")
    assert asked["force_quick_gelu"]
    fixlip.load_model("ViT-B-32", pretrained="laion2b_s34b_b79k", device="cpu")
    assert not asked["force_quick_gelu"]


def test_weights_from_a_file(tmp_path):
    model = open_clip.create_model("ViT-S-32-alt", load_weights=False)
    torch.save(model.state_dict(), tmp_path / "w.pt")
    encoder = fixlip.load_model("ViT-S-32-alt", pretrained=str(tmp_path / "w.pt"), device="cpu")
    assert torch.equal(encoder.model.visual.proj, model.visual.proj)


def test_models_that_cannot_be_had(monkeypatch):
    with pytest.raises(UnsupportedModelError, match="Did you mean 'ViT-B-32'"):
        fixlip.load_model("ViT-B-33")
    with pytest.raises(UnsupportedModelError, match="Did you mean 'openai'"):
        fixlip.load_model("ViT-B-32", pretrained="opnai")
    with pytest.raises(OptionError, match="allow_random"):
        fixlip.load_model("ViT-B-32", pretrained=None)
    with pytest.raises(UnsupportedModelError, match="RN50"):
        fixlip.load_model("RN50", pretrained=None, allow_random=True)
    with pytest.raises(UnsupportedModelError, match="ViT-B-16-SigLIP"):
        fixlip.load_model("ViT-B-16-SigLIP", pretrained=None, allow_random=True)

    def unreachable(*args, **kwargs):
        raise RuntimeError("no network\nand more lines")

    monkeypatch.setattr(open_clip, "create_model", unreachable)
    with pytest.raises(UnsupportedModelError, match=r"neither cached nor reachable.*demo-clip") as caught:
        fixlip.load_model("ViT-B-32")
    assert "\n" not in str(caught.value)
    assert logging.root.manager.disable == logging.NOTSET


def test_the_visible_part():
    assert visible_box((200, 100), (50, 50), "shortest") == (50, 0, 150, 100)
    assert visible_box((200, 100), (50, 50), "squash") == (0, 0, 200, 100)


@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
@pytest.mark.parametrize("shape", [(1, 1), (100, 160), (4, 4000), (4000, 4), (30, 4000)])
def test_preprocessing_is_open_clips_and_shows_what_is_seen(mode, shape):
    from PIL import Image

    array = np.zeros((*shape, 3), dtype=np.uint8)
    array[:, shape[1] // 2 :] = 255
    image = Image.fromarray(array)
    preprocess = Preprocessor({"size": 48, "resize_mode": mode})
    if mode == "longest" and 4000 in shape:
        with pytest.raises(InputError, match="too narrow"):
            preprocess(image)
        return
    pixels, shown, notes = preprocess(image)
    assert pixels.shape == (3, 48, 48)
    assert shown.shape == (448, 448, 3)
    assert torch.allclose(pixels, preprocess.transform(image), atol=1e-5)
    assert bool(notes) == (mode == "shortest" and shape != (1, 1))
    halves = [half.mean() for half in np.split(shown.astype(float), 2, axis=1)]
    if mode != "longest" and shape[1] > 1:
        assert halves[1] - halves[0] > 200
