"""A random-weight model of every family, built offline from configurations; tokenizers made on the spot."""

import tempfile
from functools import lru_cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import open_clip
import torch

import fixlip
from fixlip.encoders import Pixels, Strings, from_callables
from fixlip.encoders import bundled as _  # noqa: F401, registers the small SigLIP tower
from fixlip.encoders.open_clip import from_open_clip

CORPUS = [
    "a photo of a dog and a bus next to a tree.",
    "a black dog, a yellow hydrant; the skateboarder's cat",
    "an e-mail from a café: 猫 and 狗 and a unicorn!",
] * 20
PREPROCESS = {"size": 48, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4)}
VIT = {"image_size": 48, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16}
TEXT = {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2}
SIGLIP_VIT = {
    "image_size": 112,
    "timm_model_name": "vit_scenes_patch14_siglip_112",
    "timm_model_pretrained": False,
    "timm_pool": "map",
    "timm_proj": "none",
}
SIGLIP_TEXT = {
    "no_causal_mask": True,
    "proj_bias": True,
    "pool_type": "last",
    "norm_kwargs": {"eps": 1e-6},
}
SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


@lru_cache
def folder(kind):
    """A folder with a tokenizer of transformers: "siglip2" (pieces, padding on the right), "bert", or "clip"."""
    path = Path(tempfile.mkdtemp(prefix=f"fixlip-{kind}-"))
    {"siglip2": _pieces, "bert": _word_pieces, "clip": _byte_pairs}[kind]().save_pretrained(path)
    return path


def _pieces():
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace()
    special = ["<pad>", "<eos>", "<bos>", "<unk>"] + [f"<0x{b:02X}>" for b in range(256)]
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=420, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", tokenizer.token_to_id("<eos>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>"
    )


def _word_pieces():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=120, special_tokens=special))
    ends = [(t, tokenizer.token_to_id(t)) for t in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    names = {"unk": "[UNK]", "pad": "[PAD]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **{f"{k}_token": v for k, v in names.items()})


def _byte_pairs():
    """OpenAI's byte pairs, as transformers has them."""
    import json

    from transformers import CLIPTokenizerFast

    bpe = open_clip.tokenizer._tokenizer
    path = Path(tempfile.mkdtemp())
    vocabulary = {
        {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}.get(k, k): v
        for k, v in bpe.encoder.items()
    }
    (path / "vocab.json").write_text(json.dumps(vocabulary))
    (path / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(m) for m in bpe.bpe_ranks))
    return CLIPTokenizerFast(str(path / "vocab.json"), str(path / "merges.txt"))


def slow_siglip_tokenizer():
    """SiglipTokenizer of transformers, which takes punctuation out and knows no offsets."""
    import sentencepiece
    from transformers import SiglipTokenizer

    path = Path(tempfile.mkdtemp())
    (path / "corpus.txt").write_text("\n".join(CORPUS))
    sentencepiece.SentencePieceTrainer.train(
        input=str(path / "corpus.txt"),
        model_prefix=str(path / "spiece"),
        vocab_size=90,
        hard_vocab_limit=False,
        unk_id=2,
        eos_id=1,
        pad_id=0,
        bos_id=-1,
        minloglevel=2,
    )
    return SiglipTokenizer(str(path / "spiece.model"), model_max_length=16)


def _bpe(clean="lower"):
    return open_clip.SimpleTokenizer(context_length=20, clean=clean)


def open_clip_vit(**changes):
    model = open_clip.CLIP(**{"embed_dim": 24, "vision_cfg": VIT, "text_cfg": TEXT, **changes})
    return from_open_clip(model, PREPROCESS, _bpe(), name="tiny")


def open_clip_resnet():
    vision = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16}
    model = open_clip.CLIP(embed_dim=24, vision_cfg=vision, text_cfg=TEXT)
    return from_open_clip(model, {**PREPROCESS, "size": 64}, _bpe(), name="tiny resnet")


def open_clip_siglip():
    model = open_clip.CustomTextCLIP(192, SIGLIP_VIT, {**TEXT, **SIGLIP_TEXT}, init_logit_bias=-10.0)
    _wake(model)
    return from_open_clip(model, {**PREPROCESS, "size": 112}, _bpe("canonicalize"), name="tiny siglip")


def open_clip_siglip2():
    text = {**TEXT, **SIGLIP_TEXT, "vocab_size": 500, "act_kwargs": {"approximate": "tanh"}}
    model = open_clip.CustomTextCLIP(192, SIGLIP_VIT, text, init_logit_bias=-10.0)
    _wake(model)
    tokenizer = open_clip.tokenizer.HFTokenizer(str(folder("siglip2")), context_length=20, clean="canonicalize")
    return from_open_clip(model, {**PREPROCESS, "size": 112}, tokenizer, name="tiny siglip2")


def open_clip_bert(pooler="cls_last_hidden_state_pooler"):
    from open_clip.hf_model import HFTextEncoder
    from transformers import BertConfig

    vision = {k: v for k, v in SIGLIP_VIT.items() if k != "timm_proj"} | {"timm_proj": "linear", "timm_pool": "token"}
    vision |= {"timm_model_name": "test_vit", "image_size": 160}
    model = open_clip.CustomTextCLIP(24, vision, TEXT)
    config = BertConfig(vocab_size=120, max_position_embeddings=32, pad_token_id=0, **SHAPE)
    model.text = HFTextEncoder("", 24, config=config, pooler_type=pooler, proj_type="mlp")
    tokenizer = open_clip.tokenizer.HFTokenizer(str(folder("bert")), context_length=20)
    return from_open_clip(model, {**PREPROCESS, "size": 160}, tokenizer, name="tiny bert")


def open_clip_coca():
    pooled = {"attentional_pool": True, "attn_pooler_heads": 4, "output_tokens": True}
    text = {**TEXT, "embed_cls": True, "output_tokens": True}
    multimodal = {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 1, "latent_dim": 24}
    multimodal = {k: v for k, v in multimodal.items() if k != "latent_dim"} | {"attn_pooler_heads": 4}
    model = open_clip.CoCa(24, multimodal, text, {**VIT, **pooled})
    return from_open_clip(model, PREPROCESS, _bpe(), name="tiny coca")


def openai_model():
    package = find_spec("clip")  # its __init__ wants a setuptools of before 2025; the model alone does not
    spec = spec_from_file_location("clip_model", Path(package.submodule_search_locations[0]) / "model.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CLIP(24, 48, 2, 64, 16, 20, 49408, 64, 1, 2).float()


def openai_clip():
    return fixlip.load_model(openai_model())


class Processor:
    """A processor with no more than fixlip needs."""

    def __init__(self, image_processor, tokenizer):
        self.image_processor, self.tokenizer = image_processor, tokenizer


def transformers_clip(**config):
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizerFast

    tokenizer = CLIPTokenizerFast.from_pretrained(folder("clip"))
    text = {**SHAPE, "max_position_embeddings": 20, "vocab_size": 49408, "eos_token_id": 49407, "bos_token_id": 49406}
    vision = {**SHAPE, "image_size": 48, "patch_size": 16}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24, **config))
    images = CLIPImageProcessor(size={"shortest_edge": 56}, crop_size={"height": 48, "width": 48})
    return fixlip.load_model(model, preprocess=Processor(images, tokenizer))


def pieces_tokenizer():
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(folder("siglip2"))


def transformers_siglip(tokenizer=None):
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    text = {**SHAPE, "max_position_embeddings": 20, "vocab_size": 500, "pad_token_id": 0}
    vision = {**SHAPE, "image_size": 48, "patch_size": 16}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
    images = SiglipImageProcessor(size={"height": 48, "width": 48})
    return fixlip.load_model(model, preprocess=Processor(images, tokenizer or pieces_tokenizer()))


def transformers_siglip2(max_num_patches=16):
    from transformers import Siglip2Config, Siglip2ImageProcessor, Siglip2Model

    text = {**SHAPE, "max_position_embeddings": 20, "vocab_size": 500, "pad_token_id": 0}
    vision = {**SHAPE, "num_patches": 16, "patch_size": 8}
    model = Siglip2Model(Siglip2Config(text_config=text, vision_config=vision))
    images = Siglip2ImageProcessor(patch_size=8, max_num_patches=max_num_patches)
    return fixlip.load_model(model, preprocess=Processor(images, pieces_tokenizer()))


def callables():
    image = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 8, 8), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(288, 24)
    )
    words = torch.randn(64, 24)

    def text(captions):
        return torch.stack([words[[sum(w.encode()) % 64 for w in c.split()] + [0]].sum(0) for c in captions])

    return from_callables(Pixels(image, size=48, grid=(3, 3)), Strings(text), logit_scale=10.0, model=image)


FAMILIES = {
    "open_clip CLIP, ViT": open_clip_vit,
    "open_clip CLIP, ResNet": open_clip_resnet,
    "open_clip SigLIP": open_clip_siglip,
    "open_clip SigLIP-2": open_clip_siglip2,
    "open_clip, Hugging Face text tower": open_clip_bert,
    "open_clip CoCa": open_clip_coca,
    "OpenAI clip": openai_clip,
    "transformers CLIPModel": transformers_clip,
    "transformers SiglipModel": transformers_siglip,
    "transformers Siglip2Model (NaFlex)": transformers_siglip2,
    "callables": callables,
}


@lru_cache
def encoder_of(family):
    """The model of a family, always with the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = FAMILIES[family]()
    if encoder.model is not None:
        encoder.model.eval()  # tests compare with the model's own modules
    return encoder


def _wake(model):
    """timm starts the attention pool's latent and the biases at nearly zero; a test wants all of them to matter."""
    with torch.no_grad():
        for parameter in model.visual.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))


def picture(height=60, width=80):
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
