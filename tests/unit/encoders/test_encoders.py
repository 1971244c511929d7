"""What every family keeps: its own score, and that what is removed is removed, whichever way."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize
from torchvision.transforms.functional import gaussian_blur

import fixlip
from fixlip.encoders.base import DualEncoder
from fixlip.encoders.towers import TextTower, TokenTower
from fixlip.errors import InputError, OptionError
from fixlip.games.inputs import caption_input, picture_input
from fixlip.games.similarity import SimilarityGame, games
from tests.helpers.models import FAMILIES, encoder_of, folder, picture
from tests.helpers.oracles import assert_close

CAPTION = "a dog and a bus"
BUNDLED = fixlip.list_models()["bundled"]
TOKENS = [f for f in FAMILIES if f not in ("open_clip CLIP, ResNet", "open_clip CoCa", "callables")]
WORDS = [f for f in FAMILIES if f != "callables"]


@pytest.fixture(scope="module", params=[*FAMILIES, *BUNDLED])
def encoder(request):
    return load(request.param)


def load(family):
    return fixlip.load_model(family, device="cpu") if family in BUNDLED else encoder_of(family)


def random_masks(rows, n, seed=0):
    return torch.rand(rows, n, generator=torch.Generator().manual_seed(seed)) < 0.5


def ones(n, rows=1):
    return torch.ones(rows, n, dtype=torch.bool)


def game_of(encoder, image=None, text=CAPTION, **options):
    return next(games(encoder, [picture() if image is None else image], [text], [(0, 0)], **options))


def image_features(encoder, x, pixels):
    """By the model's own forward pass, one picture after the other."""
    model = encoder.model
    if encoder.family == "callables":
        return model(pixels)
    if not encoder.family.startswith("transformers"):
        return model.encode_image(pixels)
    rows, columns = x.grid
    if "Siglip2" not in encoder.family:
        features = model.get_image_features(pixel_values=pixels)
    else:
        side = pixels.shape[-1] // columns
        patches = pixels.unfold(2, side, side).unfold(3, side, side).permute(0, 2, 3, 4, 5, 1)
        features = model.get_image_features(
            pixel_values=patches.reshape(len(pixels), rows * columns, -1),
            pixel_attention_mask=torch.ones(len(pixels), rows * columns),
            spatial_shapes=torch.tensor([x.grid] * len(pixels)),
        )
    return getattr(features, "pooler_output", features)


def text_features(encoder, ids, mask=None):
    """By the model's own forward pass."""
    if encoder.family.startswith("transformers"):
        features = encoder.model.get_text_features(input_ids=ids, attention_mask=mask)
        return getattr(features, "pooler_output", features)
    return encoder.model.encode_text(ids)


def test_it_is_a_dual_encoder(encoder):
    assert isinstance(encoder, DualEncoder)
    assert (len(encoder.weights), encoder.dtype, encoder.device.type) == (16, torch.float32, "cpu")


def test_full_mask_is_the_models_own_score(encoder):
    """The game itself refuses a gate error above 1e-4."""
    game = game_of(encoder)
    x, t = encoder.image_input(picture()), encoder.text_input(CAPTION)
    u, w = encoder.own_image(x), encoder.own_text(t)
    own = encoder.logit_scale * float(u @ w) + encoder.logit_bias
    assert_close(game.values(np.ones((1, len(game.players)), dtype=bool))[0], own, 1e-4)


@pytest.mark.parametrize("removal", ["mean", "blur", "blur:3"])
def test_removed_pixels(encoder, removal):
    """The model's own features of pictures whose removed patches are painted over."""
    x = encoder.image_input(picture())
    masks = random_masks(5, x.n_patches)
    (rows, columns), (height, width) = x.grid, x.pixels.shape[-2:]
    keep = masks.view(5, 1, rows, columns)
    keep = keep.repeat_interleave(height // rows, 2).repeat_interleave(width // columns, 3)
    if removal == "mean":
        other = torch.zeros_like(x.pixels)
    else:
        sigma = 3.0 if ":" in removal else min(height, width) / 16
        other = gaussian_blur(x.pixels, [2 * max(1, round(3 * sigma)) + 1] * 2, [sigma] * 2)
    with torch.no_grad():
        expected = normalize(image_features(encoder, x, torch.where(keep, x.pixels, other)), dim=-1)
    assert_close(encoder.with_removal(image=removal).embed_image(x, masks), expected, 1e-5)


@pytest.mark.parametrize("family", TOKENS)
def test_hidden_and_dropped_tokens(family):
    """The model's own blocks and pooling on the tokens that are left, one mask after the other."""
    encoder = encoder_of(family)
    x, model = encoder.image_input(picture()), encoder.model
    masks = random_masks(6, x.n_patches, seed=1)
    masks[0] = True
    expected = []
    for mask in masks:
        with torch.no_grad():
            if "Siglip2" in family:  # its own mask of padded patches does it
                rows, columns = x.grid
                inputs = dict(x.model_inputs)
                hidden = torch.zeros_like(inputs["pixel_attention_mask"])
                hidden[0, : rows * columns] = mask
                features = model.get_image_features(**{**inputs, "pixel_attention_mask": hidden})
                features = getattr(features, "pooler_output", features)
            elif family.startswith("transformers"):
                tower = model.vision_model
                tokens = tower.embeddings(x.pixels[None])
                tokens = tower.pre_layrnorm(tokens) if "CLIP" in family else tokens
                prefix = tokens.shape[1] - x.n_patches
                left = torch.cat([ones(prefix)[0], mask])
                tokens = tower.encoder(inputs_embeds=tokens[:, left]).last_hidden_state
                tokens = tower.post_layernorm(tokens)
                features = model.visual_projection(tokens[:, 0]) if prefix else tower.head(tokens)
            elif hasattr(encoder.model.visual, "trunk"):
                trunk = model.visual.trunk
                left = torch.cat([ones(trunk.num_prefix_tokens)[0], mask])
                tokens = trunk._pos_embed(trunk.patch_embed(x.pixels[None]))[:, left]
                features = model.visual.head(trunk.forward_head(trunk.norm(trunk.blocks(tokens))))
            elif family == "OpenAI clip":
                visual = model.visual
                patches = visual.conv1(x.pixels[None]).flatten(2).transpose(1, 2)
                tokens = torch.cat([visual.class_embedding[None, None], patches], 1) + visual.positional_embedding
                tokens = visual.ln_pre(tokens)[:, torch.cat([ones(1)[0], mask])]
                tokens = visual.transformer(tokens.transpose(0, 1))
                features = visual.ln_post(tokens[0]) @ visual.proj
            else:
                visual = model.visual
                tokens = visual._embeds(x.pixels[None])[:, torch.cat([ones(1)[0], mask])]
                features = visual.ln_post(visual.transformer(tokens))[:, 0] @ visual.proj
        expected.append(normalize(features[0], dim=-1))
    for removal in ("attention", "drop"):
        assert_close(encoder.with_removal(image=removal).embed_image(x, masks), torch.stack(expected), 1e-5)


@pytest.mark.parametrize("family", [f for f in TOKENS if "SigLIP" in f or "Siglip" in f])
def test_without_a_class_token_nothing_left_is_the_mean_colour(family):
    encoder = encoder_of(family)
    x = encoder.image_input(picture())
    nothing = ~ones(x.n_patches)
    mean = encoder.embed_image(x, nothing)
    for removal in ("attention", "drop"):
        assert_close(encoder.with_removal(image=removal).embed_image(x, nothing), mean, 1e-6)


@pytest.mark.parametrize("family", WORDS)
def test_hidden_words_have_no_influence(family):
    """Another word in a hidden place changes nothing; in a present place it does."""
    encoder = encoder_of(family)
    one, two = (caption_input(encoder, encoder.text_input(c)) for c in ("a dog and a bus", "a bus and a bus"))
    masks = np.ones((2, 5), dtype=bool)
    masks[0, 1] = False
    assert one.tower.owner.tolist() == two.tower.owner.tolist() or "bert" not in family
    first, second = one.tower(masks), two.tower(masks)
    if one.tower.owner.tolist() == two.tower.owner.tolist():
        assert_close(first[0], second[0], 1e-5)
    assert np.abs(first[1] - second[1]).max() > 1e-4


@pytest.mark.parametrize("family", [f for f in WORDS if f.startswith("transformers")])
def test_hidden_tokens_are_those_of_the_models_own_attention_mask(family):
    encoder = encoder_of(family)
    t = encoder.text_input(CAPTION)
    masks = random_masks(6, t.n_tokens)
    attended = torch.ones(6, len(t.ids), dtype=torch.long)
    attended[:, list(t.positions)] = masks.long()
    with torch.no_grad():
        expected = normalize(text_features(encoder, t.ids.expand(6, -1), attended), dim=-1)
    assert_close(encoder.embed_text(t, masks), expected, 1e-5)


def test_hidden_tokens_of_a_bert_tower():
    encoder = encoder_of("open_clip, Hugging Face text tower")
    t, text = encoder.text_input(CAPTION), encoder.model.text
    masks = random_masks(6, t.n_tokens)
    attended = (t.ids != 0).long().repeat(6, 1)
    attended[:, list(t.positions)] = masks.long()
    with torch.no_grad():
        hidden = text.transformer(input_ids=t.ids.expand(6, -1), attention_mask=attended)
        expected = normalize(text.proj(hidden.last_hidden_state[:, 0]), dim=-1)
    assert_close(encoder.embed_text(t, masks), expected, 1e-5)


@pytest.mark.parametrize("family", ["open_clip CLIP, ViT", "open_clip SigLIP", "open_clip SigLIP-2", "open_clip CoCa"])
def test_hidden_tokens_of_open_clips_text_transformer(family):
    """The whole sequence, with the hidden keys masked in every block and head on top of the model's own mask."""
    encoder = encoder_of(family)
    text = getattr(encoder.model, "text", encoder.model)
    t = encoder.text_input(CAPTION)
    keys = ones(len(t.ids))
    keys[0, list(t.positions)] = random_masks(1, t.n_tokens, seed=3)[0]
    heads = text.transformer.resblocks[0].attn.num_heads
    with torch.no_grad():
        x = text.token_embedding(t.ids[None])
        if "CoCa" in family:
            x = torch.cat([x, text.cls_emb[None, None]], dim=1)
            keys = torch.cat([keys, ones(1)], dim=1)
        bias = torch.zeros(heads, x.shape[1], x.shape[1]).masked_fill(~keys[:, None], float("-inf"))
        if text.attn_mask is not None:
            bias = bias + text.attn_mask
        if "CoCa" in family:  # the padding mask of published weights is one place off; so is it here
            bias = bias.masked_fill(~torch.cat([ones(1), (t.ids != 0)[None]], 1)[:, None], float("-inf"))
        x = text.transformer(x + text.positional_embedding, attn_mask=bias)
        place = int(t.ids.argmax()) if family == "open_clip CLIP, ViT" else -1
        x = text.ln_final(x)[:, place]
        projection = text.text_projection
        x = projection(x) if isinstance(projection, torch.nn.Linear) else x @ projection
    mask = torch.cat([keys[:, list(t.positions)]])
    assert_close(encoder.embed_text(t, mask), normalize(x, dim=-1), 1e-5)


@pytest.mark.parametrize("family", WORDS)
def test_deleted_words_are_as_if_never_written(family):
    encoder = encoder_of(family).with_removal(text="delete")
    side = caption_input(encoder, encoder.text_input(CAPTION))
    masks = np.array([[True, False, True, True, True], [False, False, True, True, True], [True] * 5])
    written = ["a and a bus", "and a bus", CAPTION]
    with torch.no_grad():
        ids = torch.stack([encoder.text_input(c).ids for c in written])
        expected = normalize(text_features(encoder, ids), dim=-1)
    assert_close(side.tower(masks), expected, 1e-5)


@pytest.mark.parametrize("family", WORDS)
@pytest.mark.parametrize("token", [None, 7])
def test_replaced_tokens(family, token):
    encoder = encoder_of(family).with_removal(text="replace" if token is None else f"replace:{token}")
    t = encoder.text_input(CAPTION)
    masks = random_masks(4, t.n_tokens)
    ids = t.ids.repeat(4, 1)
    ids[:, list(t.positions)] = torch.where(
        masks, ids[:, list(t.positions)], encoder.text_tower.replacement if token is None else token
    )
    with torch.no_grad():
        expected = normalize(text_features(encoder, ids), dim=-1)
    assert_close(encoder.embed_text(t, masks), expected, 1e-5)


def test_all_removed_is_finite(encoder):
    x, t = encoder.image_input(picture()), encoder.text_input("dog")
    for image in encoder.removals["image"]:
        assert torch.isfinite(encoder.with_removal(image=image).embed_image(x, ~ones(x.n_patches))).all()
    for text in encoder.removals["text"]:
        assert torch.isfinite(encoder.with_removal(text=text).embed_text(t, ~ones(t.n_tokens))).all()


@pytest.mark.slow
def test_explained_with_every_removal(encoder):
    """The whole way, on few masks: finite, the removal recorded."""
    options = {"image_players": "grid:2", "options": {"interactions": "cross"}, "progress": False}
    for image in encoder.removals["image"]:
        for text in encoder.removals["text"]:
            found = fixlip.explain(
                picture(), "dog bus", model=encoder, removal={"image": image, "text": text}, **options
            )
            assert found.provenance.removal == f"image {image}, text {text}"
            assert np.isfinite(found.cross).all()
            assert found.cross.shape == (4, 2)


def test_naflex_follows_the_pictures_proportions():
    encoder = encoder_of("transformers Siglip2Model (NaFlex)")
    wide, tall = (encoder.image_input(picture(*size)) for size in ((40, 120), (120, 40)))
    assert wide.grid[0] < wide.grid[1]
    assert tall.grid == wide.grid[::-1]
    assert wide.n_patches <= 16 == wide.model_inputs["pixel_attention_mask"].shape[1]
    assert wide.n_patches == int(wide.model_inputs["pixel_attention_mask"].sum())
    assert_close(wide.picture.shape[1] / wide.picture.shape[0], 3.0, 0.05)


def test_pairs_of_pictures_and_of_captions():
    from fixlip.encoders import Pixels, Strings, from_callables

    colour, other = Pixels(lambda x: x.mean((2, 3)) + 2, size=32, grid=(2, 2)), picture()[::-1].copy()
    both = fixlip.explain(picture(), other, model=from_callables(colour, colour), progress=False)
    assert [p.modality for p in both.players.text] == ["image"] * 4
    assert both.players.text[1].box == (0.5, 0.0, 1.0, 0.5)
    letters = Strings(lambda captions: np.array([[len(c), c.count("a"), 1] for c in captions], dtype=float))
    texts = fixlip.explain("a cat", "a bat sat", model=from_callables(letters, letters), progress=False)
    assert texts.players.labels == ("a", "cat", "a", "bat", "sat")
    assert texts.players.picture is None
    assert texts.to_html().startswith("<!doctype html>")
    with pytest.raises(InputError, match="caption"):
        fixlip.explain(picture(), "a cat", model=from_callables(letters, letters), progress=False)


def test_batches_do_not_matter(demo_clip):
    masks = np.random.default_rng(0).random((50, 49)) < 0.5
    for removal in ("mean", "drop"):
        encoder = demo_clip.with_removal(image=removal)
        one, other = (game_of(encoder, batch_size=b).image_embeddings(masks) for b in (50, 7))
        assert_close(one, other, 1e-5)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("no room"), RuntimeError("MPS backend out of memory (5 GB)")], ids=str
)
def test_out_of_memory_halves_the_batch_and_is_remembered(demo_clip, error):
    encoder = demo_clip.with_removal()
    game, sizes = game_of(encoder), []
    masks = np.random.default_rng(0).random((200, 49)) < 0.5
    expected, inner = game.image_embeddings(masks), game.sides["image"].tower.embed

    def small_machine(batch):
        sizes.append(len(batch))
        if len(batch) > 10:
            raise error
        return inner(batch)

    game.sides["image"].tower.embed = small_machine
    assert_close(game.image_embeddings(masks), expected, 1e-5)
    assert sizes[:3] == [32, 16, 8]
    assert max(sizes[3:]) == 8
    assert game_of(encoder).sides["image"].tower.batch_size == 8
    game.sides["image"].tower.embed = lambda batch: (_ for _ in ()).throw(RuntimeError("another kind"))
    with pytest.raises(RuntimeError, match="another kind"):
        game.image_embeddings(masks)


def test_a_wrong_adapter_is_refused_and_the_tower_named(demo_clip):
    inner = demo_clip.image_tower.embed
    wrong = demo_clip.with_removal()
    wrong.image_tower = type(
        "Shifted", (), {"embed": lambda self, x, m, r: inner(x, m, r) + 1, "prepare": demo_clip.image_tower.prepare}
    )()
    with pytest.raises(fixlip.FixlipError, match=r"nothing removed.*image tower"):
        game_of(wrong)


def test_an_input_on_another_device_is_refused(demo_clip):
    x, t = demo_clip.image_input(picture()), demo_clip.text_input("dog")
    with pytest.raises(InputError, match="on meta, the model on cpu"):
        demo_clip.embed_image(replace(x, pixels=x.pixels.to("meta")), ones(49))
    with pytest.raises(InputError, match="on meta, the model on cpu"):
        demo_clip.embed_text(replace(t, ids=t.ids.to("meta")), ones(1))


def test_removals_are_checked(demo_clip):
    with pytest.raises(OptionError, match=r"image removal.*'blurr'.*Did you mean 'blur'"):
        demo_clip.with_removal(image="blurr")
    with pytest.raises(OptionError, match="takes no value"):
        demo_clip.with_removal(image="mean:3")
    for wrong in ("blur:", "blur:-1", "blur:x", "blur:nan", "blur:0"):
        with pytest.raises(OptionError, match="positive number"):
            demo_clip.with_removal(image=wrong)
    x, t = demo_clip.image_input(picture()), demo_clip.text_input("dog")
    with pytest.raises(OptionError, match="at most"):
        demo_clip.with_removal(image="blur:50").embed_image(x, ones(49))
    with pytest.raises(OptionError, match="0 to 49407"):
        demo_clip.with_removal(text="replace:49408").embed_text(t, ones(1))
    resnet = encoder_of("open_clip CLIP, ResNet")
    with pytest.raises(OptionError, match=r"'drop'.*blur, mean"):
        resnet.with_removal(image="drop")
    with pytest.raises(OptionError, match="removal is like"):
        fixlip.explain(picture(), "dog", model=demo_clip, removal="drop")
    with pytest.raises(OptionError, match="removal is like"):
        fixlip.explain(picture(), "dog", model=demo_clip, removal={"picture": "drop"})


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    """The solve is in float64; the towers' own rounding is what is left."""
    full = fixlip.load_model("demo-clip", device="cpu")
    half = fixlip.load_model("demo-clip", device="cpu", dtype=dtype)
    options = {"image_masks": 128, "options": {"interactions": "cross"}, "progress": False}
    for removal in ("mean", "drop"):
        one, two = (
            fixlip.explain(picture(), CAPTION, model=m, removal={"image": removal}, **options) for m in (full, half)
        )
        assert half.dtype == dtype
        assert two.cross.dtype == np.float64
        assert np.corrcoef(one.cross.ravel(), two.cross.ravel())[0, 1] > 0.9


def test_not_a_number_is_named():
    broken = fixlip.load_model("demo-clip", device="cpu", dtype=torch.float16)
    with torch.no_grad():
        broken.model.visual.ln_post.weight.fill_(60000.0)
    with pytest.raises(InputError, match=r"image embeddings hold NaN.*float32 or bfloat16"):
        game_of(broken)


def test_sides_are_made_of_prepared_inputs(demo_clip):
    image = picture_input(demo_clip, demo_clip.image_input(picture()))
    text = caption_input(demo_clip, demo_clip.text_input(CAPTION), players="tokens")
    assert SimilarityGame(demo_clip, image, text).players.labels[-1] == "bus"


def test_towers_know_their_kind():
    kinds = {f: type(encoder_of(f).image_tower) for f in FAMILIES}
    assert all(kinds[f] is TokenTower for f in TOKENS)
    assert all(isinstance(encoder_of(f).text_tower, TextTower) for f in WORDS)
    assert folder("siglip2").is_dir()
