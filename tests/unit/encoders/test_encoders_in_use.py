"""One encoder in use: batches, memory, types, and the inputs and options that are refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import fixlip
from fixlip.errors import InputError, OptionError
from fixlip.games.inputs import caption_input, picture_input
from fixlip.games.similarity import SimilarityGame
from tests.helpers.games import game_of
from tests.helpers.models import encoder_of, picture
from tests.helpers.oracles import assert_close

CAPTION = "a dog and a bus"
PATCHES, WORD = (torch.ones(1, n, dtype=torch.bool) for n in (49, 1))  # masks that remove nothing


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
        one, other = (game_of(encoder, text=CAPTION, batch_size=b).image_embeddings(masks) for b in (50, 7))
        assert_close(one, other, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("no room"), RuntimeError("MPS backend out of memory (5 GB)")], ids=str
)
def test_out_of_memory_halves_the_batch_and_is_remembered(demo_clip, error):
    encoder = demo_clip.with_removal()
    game, sizes = game_of(encoder, text=CAPTION), []
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
    assert game_of(encoder, text=CAPTION).sides["image"].tower.batch_size == 8
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
        game_of(wrong, text=CAPTION)


def test_an_input_on_another_device_is_refused(demo_clip):
    x, t = demo_clip.image_input(picture()), demo_clip.text_input("dog")
    with pytest.raises(InputError, match="on meta, the model on cpu"):
        demo_clip.embed_image(replace(x, pixels=x.pixels.to("meta")), PATCHES)
    with pytest.raises(InputError, match="on meta, the model on cpu"):
        demo_clip.embed_text(replace(t, ids=t.ids.to("meta")), WORD)


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
        demo_clip.with_removal(image="blur:50").embed_image(x, PATCHES)
    with pytest.raises(OptionError, match="0 to 49407"):
        demo_clip.with_removal(text="replace:49408").embed_text(t, WORD)
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
    options = {"image_masks": 64, "image_players": "grid:4", "options": {"interactions": "cross"}, "progress": False}
    for removal in ("mean", "drop"):
        one, two = (
            fixlip.explain(picture(), CAPTION, model=m, removal={"image": removal}, **options) for m in (full, half)
        )
        assert half.dtype == dtype
        assert (one.provenance.dtype, f"torch.{two.provenance.dtype}") == ("float32", str(dtype))
        assert two.cross.dtype == np.float64
        assert np.corrcoef(one.cross.ravel(), two.cross.ravel())[0, 1] > 0.9


def test_not_a_number_is_named():
    broken = fixlip.load_model("demo-clip", device="cpu", dtype=torch.float16)
    with torch.no_grad():
        broken.model.visual.ln_post.weight.fill_(60000.0)
    with pytest.raises(InputError, match=r"image embeddings hold NaN.*float32 or bfloat16"):
        game_of(broken, text=CAPTION)


def test_sides_are_made_of_prepared_inputs(demo_clip):
    image = picture_input(demo_clip, demo_clip.image_input(picture()))
    text = caption_input(demo_clip, demo_clip.text_input(CAPTION), players="tokens")
    assert SimilarityGame(demo_clip, image, text).players.labels[-1] == "bus"
