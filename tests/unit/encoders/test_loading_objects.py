"""Encoders from models that are built already, and errors where a part does not fit the model."""

import open_clip
import pytest
import torch

import fixlip
from fixlip.errors import FixlipError, InputError, MissingExtraError, OptionError, UnsupportedModelError
from fixlip.games.similarity import games
from tests.helpers.models import (
    PREPROCESS,
    Processor,
    encoder_of,
    folder,
    picture,
    pieces_tokenizer,
    transformers_siglip2,
)

BUILT = {
    "open_clip CLIP, ViT": "open_clip CLIP",
    "open_clip SigLIP": "open_clip CustomTextCLIP",
    "open_clip CoCa": "open_clip CoCa",
    "OpenAI clip": "OpenAI clip",
    "transformers CLIPModel": "transformers CLIPModel",
    "transformers SiglipModel": "transformers SiglipModel",
    "transformers Siglip2Model (NaFlex)": "transformers Siglip2Model",
}


@pytest.mark.parametrize(("family", "kind"), BUILT.items())
def test_the_family_is_read_from_the_object(family, kind):
    assert encoder_of(family).family == kind


def test_a_live_model_of_open_clip_and_its_transform():
    model, _, preprocess = open_clip.create_model_and_transforms("ViT-S-32-alt", load_weights=False)
    tokenizer = open_clip.get_tokenizer("ViT-S-32-alt")
    with_transform = fixlip.load_model(model, preprocess=preprocess, tokenizer=tokenizer)
    alone = fixlip.load_model(model, tokenizer=tokenizer)
    assert with_transform.model is model
    for encoder in (with_transform, alone):
        assert torch.equal(encoder.image_input(picture()).pixels, preprocess(_image())[None][0])
        next(games(encoder, [picture()], ["a dog"], [(0, 0)]))
    assert fixlip.load_model(alone) is alone
    with pytest.raises(UnsupportedModelError, match="tokenizer="):
        fixlip.load_model(model)


def _image():
    from PIL import Image

    return Image.fromarray(picture())


def test_objects_of_other_kinds():
    with pytest.raises(UnsupportedModelError, match=r"torch\.nn.*Linear.*from_callables"):
        fixlip.load_model(torch.nn.Linear(2, 2))
    with pytest.raises(UnsupportedModelError, match="load_model"):
        fixlip.explain(picture(), "dog", model=encoder_of("open_clip CLIP, ViT").model)
    from transformers import BertConfig, BertModel

    bert = BertModel(BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8))
    with pytest.raises(UnsupportedModelError, match="BertModel is not a dual encoder"):
        fixlip.load_model(bert, preprocess=Processor(None, None))
    naflex = encoder_of("transformers Siglip2Model (NaFlex)").model
    with pytest.raises(UnsupportedModelError, match="AutoProcessor"):
        fixlip.load_model(naflex)
    with pytest.raises(UnsupportedModelError, match="processor"):
        fixlip.load_model(naflex, preprocess=object())


def test_a_tokenizer_of_another_model():
    clip, siglip = (encoder_of(f) for f in ("open_clip CLIP, ViT", "open_clip SigLIP-2"))
    byte_pairs = open_clip.SimpleTokenizer(context_length=20)
    pieces = open_clip.tokenizer.HFTokenizer(str(folder("siglip2")), context_length=20)
    wrong = {
        "the model knows 500 tokens": (siglip.model, byte_pairs),
        "the model takes 20": (clip.model, open_clip.SimpleTokenizer(context_length=77)),
        "does not find the end": (clip.model, pieces),
    }
    for message, (model, tokenizer) in wrong.items():
        encoder = fixlip.load_model(model, preprocess=PREPROCESS, tokenizer=tokenizer)
        with pytest.raises(InputError, match=f"tokenizer is not that of.*{message}"):
            encoder.text_input("a dog")
    from transformers import CLIPTokenizerFast

    other = CLIPTokenizerFast.from_pretrained(folder("clip"))
    naflex = encoder_of("transformers Siglip2Model (NaFlex)")
    with pytest.raises(UnsupportedModelError, match="49408 tokens, the model 500"):
        fixlip.load_model(naflex.model, preprocess=Processor(naflex.image_tower.prepare.args[1], other))


def test_a_processor_of_another_size():
    from transformers import SiglipImageProcessor

    built = encoder_of("transformers SiglipModel")
    small = Processor(SiglipImageProcessor(size={"height": 32, "width": 32}), built.text_tower.prepare)
    small.tokenizer = pieces_tokenizer()
    with pytest.raises(InputError, match="32 x 32 pixels, the model takes 48 x 48"):
        fixlip.load_model(built.model, preprocess=small).image_input(picture())


@pytest.mark.slow
def test_a_full_size_naflex_model():
    from transformers import Siglip2Config, Siglip2ImageProcessor, Siglip2Model

    config = Siglip2Config(text_config={"vocab_size": 500}, vision_config={})
    assert (config.vision_config.hidden_size, config.vision_config.num_hidden_layers) == (768, 12)
    encoder = fixlip.load_model(Siglip2Model(config), preprocess=Processor(Siglip2ImageProcessor(), pieces_tokenizer()))
    game = next(games(encoder, [picture(300, 700)], ["a black dog"], [(0, 0)]))
    rows, columns = game.players.grid
    assert rows < columns
    assert 200 < rows * columns <= 256


def test_errors_are_of_one_family():
    assert issubclass(MissingExtraError, FixlipError)
    assert transformers_siglip2(max_num_patches=9).image_input(picture()).n_patches <= 9


TOWERS = {
    "ViT-L-14-336": ("TokenTower", (24, 24)),
    "ViT-L-14-CLIPA": ("PixelTower", (16, 16)),
    "RN50": ("PixelTower", (7, 7)),
    "EVA02-B-16": ("PixelTower", (14, 14)),
    "convnext_tiny": ("PixelTower", (7, 7)),
    "coca_ViT-B-32": ("PixelTower", (7, 7)),
    "MobileCLIP-S1": ("PixelTower", (8, 8)),
    "vit_medium_patch16_gap_256": ("PixelTower", (16, 16)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TOWERS)
def test_towers_of_open_clips_configurations(name):
    """Built on torch's device without memory: what is read is the layout."""
    from fixlip.encoders import open_clip as adapter

    model = open_clip.create_model(name, load_weights=False, pretrained_text=False, device="meta")
    text = model if isinstance(model, open_clip.CLIP) else model.text
    tower = adapter._image_tower(model.visual, open_clip.model.get_model_preprocess_cfg(model))
    assert (type(tower).__name__, tower.prepare.grid) == TOWERS[name]
    removals = adapter.text_tower(text, open_clip.SimpleTokenizer(), name).removals
    assert tuple(removals) == (
        "attention",
        "replace",
        "delete",
    )


def test_what_is_not_used_is_refused_beside_objects_and_encoders(demo_clip):
    model = encoder_of("open_clip CLIP, ViT").model
    with pytest.raises(OptionError, match="already built does not take pretrained"):
        fixlip.load_model(model, tokenizer=open_clip.SimpleTokenizer(context_length=20), pretrained="webli")
    with pytest.raises(OptionError, match="An encoder does not take preprocess, tokenizer"):
        fixlip.load_model(demo_clip, preprocess=PREPROCESS, tokenizer=object())
    with pytest.raises(UnsupportedModelError, match=r"open_clip\.get_tokenizer gives, got function"):
        fixlip.load_model(model, preprocess=PREPROCESS, tokenizer=lambda texts: texts)


def test_preprocessing_and_tokenizer_are_used_beside_any_model():
    wide = {"size": 112, "mean": (0.1, 0.1, 0.1), "std": (1.0, 1.0, 1.0), "resize_mode": "squash"}
    x = fixlip.load_model("demo-clip", preprocess=wide, device="cpu").image_input(picture())
    assert x.visible == (0.0, 0.0, 80.0, 60.0)
    openai = encoder_of("OpenAI clip").model
    cfg = {**PREPROCESS, "resize_mode": "squash"}
    assert fixlip.load_model(openai, preprocess=cfg).image_input(picture()).visible == (0.0, 0.0, 80.0, 60.0)
    with pytest.raises(UnsupportedModelError, match="Unknown entry of open_clip's preprocess_cfg 'meen'"):
        fixlip.load_model(openai, preprocess={"meen": 0})


def test_the_tuple_of_a_model_and_its_transforms():
    made = open_clip.create_model_and_transforms("ViT-S-32-alt", load_weights=False)
    encoder = fixlip.load_model(made, tokenizer=open_clip.get_tokenizer("ViT-S-32-alt"))
    assert encoder.model is made[0]
    assert torch.equal(encoder.image_input(picture()).pixels, made[2](_image()))
    with pytest.raises(OptionError, match="leave preprocess= out"):
        fixlip.load_model(made, preprocess=PREPROCESS)
