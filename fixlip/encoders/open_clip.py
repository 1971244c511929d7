"""Adapter for open_clip models: CLIP, CustomTextCLIP (SigLIP, SigLIP-2, Hugging Face text towers), CoCa."""

from collections.abc import Callable
from functools import partial
from math import isqrt
from typing import Any

import open_clip
import torch
from open_clip.hf_model import HFTextEncoder
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import TextTransformer, VisionTransformer, text_global_pool
from timm.models import VisionTransformer as TimmVisionTransformer
from torch import nn

from fixlip.encoders.base import TextInput
from fixlip.encoders.captions import read_byte_pairs, read_hugging_face, replacement_of
from fixlip.encoders.encoder import Own, TowerEncoder
from fixlip.encoders.layers import Blocks, as_given
from fixlip.encoders.preprocessing import Preprocessor
from fixlip.encoders.towers import ImageOrTextTower, PixelTower, TextTower, TokenTower, additive, everything
from fixlip.encoders.wrappers import unwrapped
from fixlip.errors import InputError, UnsupportedModelError


def from_open_clip(
    model: nn.Module,
    preprocess: Any,
    tokenizer: Any,
    *,
    name: str,
    known_ids: set[int] | None = None,
) -> TowerEncoder:
    """A dual encoder from an open_clip model.

    Args:
        model: `open_clip.CLIP`, `CustomTextCLIP` or `CoCa`.
        preprocess: the model's transform, or open_clip's preprocessing configuration of one.
        tokenizer: what `open_clip.get_tokenizer` gives for it.
        name: for provenance.
        known_ids: see `TowerEncoder`.

    Raises:
        UnsupportedModelError: another kind of model or of tokenizer, or a transform that cannot be followed.
    """
    if not isinstance(model, (open_clip.CLIP, open_clip.CustomTextCLIP, open_clip.CoCa)):
        raise UnsupportedModelError(f"{name}: {type(model).__name__} is not a dual encoder of open_clip.")
    text = model if isinstance(model, open_clip.CLIP) else unwrapped(model.text)
    bias = getattr(model, "logit_bias", None)
    return TowerEncoder(
        model,
        _image_tower(unwrapped(model.visual), preprocess),
        text_tower(text, tokenizer, name),
        own_passes(model),
        name=name,
        family=f"open_clip {type(model).__name__}",
        logit_scale=lambda: model.logit_scale.detach().float().exp().item(),
        logit_bias=0.0 if bias is None else lambda: float(model.logit_bias.detach()),
        known_ids=known_ids,
    )


def own_passes(model: Any) -> tuple[Own, Own]:
    """The model's own forward pass of each tower; OpenAI's models have the same two."""
    return (lambda x: _first(model.encode_image(x.pixels[None])), lambda x: _first(model.encode_text(x.ids[None])))


def _first(features: Any) -> torch.Tensor:
    """Features of a tower that may give its tokens too (CoCa's, and any with `output_tokens`)."""
    first: torch.Tensor = features[0] if isinstance(features, tuple) else features
    return first


def _image_tower(visual: Any, preprocess: Any) -> ImageOrTextTower:
    """Row by row: the layouts whose tokens can be taken away, then any other, of which pixels can be."""
    if isinstance(visual, VisionTransformer) and visual.attn_pool is None and visual.pool_type == "tok":
        prepare = Preprocessor(preprocess, visual.grid_size)
        return TokenTower(prepare, lambda x, pixels: visual._embeds(pixels), _vit(visual), prefix=1, module=visual)
    trunk = unwrapped(getattr(visual, "trunk", None))
    if type(trunk) is TimmVisionTransformer and (trunk.attn_pool is not None or trunk.global_pool == "token"):
        prepare = Preprocessor(preprocess, trunk.patch_embed.grid_size)
        return TokenTower(prepare, partial(_timm_tokens, trunk), _timm(visual), trunk.num_prefix_tokens, visual)
    grid = getattr(visual, "grid_size", None) or getattr(getattr(trunk, "patch_embed", None), "grid_size", None)
    prepare = Preprocessor(preprocess, grid)
    if isinstance(visual, ModifiedResNet):
        return PixelTower(prepare, feature_maps(visual, visual.stem), visual)
    return PixelTower(prepare, lambda pixels: _first(visual(pixels)), visual)


def _vit(visual: Any) -> Blocks:
    def bias(tokens: torch.Tensor, _: Any, keys: torch.Tensor | None) -> torch.Tensor | None:
        return None if keys is None else _for_heads(additive(keys, tokens.dtype), visual.transformer)

    def head(tokens: torch.Tensor, _: Any, keys: torch.Tensor | None) -> torch.Tensor:
        pooled = visual._pool(tokens)[0]
        return pooled if visual.proj is None else pooled @ visual.proj

    return Blocks(as_given, visual.transformer.resblocks, _masked, head, bias, reads=lambda tokens: 0)


def _masked(block: Any, tokens: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return block(tokens, attn_mask=bias)


def _timm_tokens(trunk: Any, x: Any, pixels: torch.Tensor) -> torch.Tensor:
    return trunk.norm_pre(trunk.patch_drop(trunk._pos_embed(trunk.patch_embed(pixels))))


def _timm(visual: Any) -> Blocks:
    trunk = unwrapped(visual.trunk)

    def bias(tokens: torch.Tensor, _: Any, keys: torch.Tensor | None) -> torch.Tensor | None:
        return None if keys is None else additive(keys, tokens.dtype)[:, None]

    def step(block: Any, tokens: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        return block(tokens) if bias is None else block(tokens, attn_mask=bias)

    def head(tokens: torch.Tensor, given: Any, keys: torch.Tensor | None) -> torch.Tensor:
        tokens, hidden = trunk.norm(tokens), bias(tokens, given, keys)
        if trunk.attn_pool is None:
            pooled = trunk.pool(tokens)
        else:
            first = 0 if trunk.pool_include_prefix else trunk.num_prefix_tokens
            pooled = trunk.attn_pool(tokens[:, first:], attn_mask=None if hidden is None else hidden[..., first:])
        return visual.head(trunk.head(trunk.head_drop(trunk.fc_norm(pooled))))

    return Blocks(as_given, trunk.blocks, step, head, bias, lambda tokens: 0 if trunk.attn_pool is None else None)


def feature_maps(visual: Any, stem: Callable[[torch.Tensor], torch.Tensor]) -> Blocks:
    """A modified ResNet, with its feature maps as tokens, one for each cell."""
    pool = visual.attnpool

    def step(block: Any, tokens: torch.Tensor, bias: None) -> torch.Tensor:
        return _flat(block(_square(tokens)))

    return Blocks(
        lambda pixels: _flat(stem(pixels)),
        [visual.layer1, visual.layer2, visual.layer3, visual.layer4],
        step,
        lambda tokens, given, keys: pool(_square(tokens)),
        alone=lambda tokens: pool.c_proj(pool.v_proj(tokens)),
    )


def _flat(maps: torch.Tensor) -> torch.Tensor:
    return maps.flatten(2).transpose(1, 2)


def _square(tokens: torch.Tensor) -> torch.Tensor:
    return tokens.transpose(1, 2).unflatten(2, (isqrt(tokens.shape[1]), -1))


def text_tower(text: Any, tokenizer: Any, name: str, blocks: Blocks | None = None) -> TextTower:
    """The tower of texts.

    Args:
        text: the module that holds it, laid out as one of open_clip.
        tokenizer: open_clip's for it.
        name: of the model, for messages.
        blocks: the tower as a loop over its blocks, where it is not one of open_clip's classes.

    Raises:
        UnsupportedModelError: a tokenizer of another kind.
    """
    inner = getattr(tokenizer, "tokenizer", None)  # that of transformers, where open_clip wraps one
    if inner is None and not isinstance(tokenizer, open_clip.SimpleTokenizer):
        raise UnsupportedModelError(
            f"{name}: the tokenizer is what open_clip.get_tokenizer gives, got {type(tokenizer).__name__}; OpenAI's "
            "clip.tokenize is open_clip.SimpleTokenizer()."
        )
    read = _reader(tokenizer, inner)
    encode: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    facts: dict[str, Any] = {"vocabulary": text.vocab_size, "replacement": replacement_of(inner) if inner else 0}
    if blocks is not None:
        encode = blocks
        facts |= {"attended": everything, "padding": inner.pad_token_id if inner else 0, "causal": True}
    elif isinstance(text, HFTextEncoder):
        pad = text.config.pad_token_id
        encode = _hugging_face(text)
        facts |= {"attended": lambda ids: ids != pad, "padding": pad, "causal": False}
    else:
        at_the_end = getattr(text, "cls_emb", None) is None and text_pool(text) in ("argmax", "eos")
        causal = text.attn_mask is not None and at_the_end
        encode = _text(text)
        facts |= {"attended": everything, "padding": inner.pad_token_id if inner else 0, "causal": causal}

    def prepare(caption: str) -> TextInput:
        x = read(caption)
        largest, length = int(x.ids.max()), len(x.ids)
        end = x.positions[-1] + 1
        if largest >= text.vocab_size:
            raise InputError(_mismatch(name, f"it gives token {largest}, the model knows {text.vocab_size} tokens"))
        if length != text.context_length and not isinstance(text, HFTextEncoder):
            raise InputError(_mismatch(name, f"it gives {length} tokens, the model takes {text.context_length}"))
        if facts["causal"] and text_pool(text) == "argmax" and int(x.ids.argmax()) != end:
            raise InputError(_mismatch(name, "the model does not find the end of the text"))
        return x

    return TextTower(prepare, encode, **facts)


def _reader(tokenizer: Any, inner: Any) -> Callable[[str], TextInput]:
    if inner is None:
        return partial(read_byte_pairs, tokenizer)

    def read(caption: str) -> TextInput:
        length, clean = tokenizer.context_length, tokenizer.clean_fn
        return read_hugging_face(inner, caption, length, clean=clean, own=lambda text: tokenizer([text])[0])

    return read


def _mismatch(name: str, reason: str) -> str:
    return f"The tokenizer is not that of {name}: {reason}."


def text_pool(text: Any) -> str:
    """The pooling of open_clip's text transformer, by name."""
    return text.pool_type if isinstance(text, TextTransformer) else getattr(text, "text_pool_type", "argmax")


def _text(text: Any) -> Blocks:
    """open_clip's text transformer, with a hidden key where `keys` says so; what is masked anyway stays masked."""
    flexible, class_token = isinstance(text, TextTransformer), getattr(text, "cls_emb", None) is not None
    eos = getattr(text, "eos_id" if flexible else "text_eos_id", None)
    kind = "last" if class_token else text_pool(text)
    padded = flexible and (text.use_pad_mask or class_token)  # a mask that depends on the ids

    def enter(ids: torch.Tensor) -> torch.Tensor:
        if flexible:
            return text._embeds(ids)[0]
        dtype = text.transformer.get_cast_dtype()
        return text.token_embedding(ids).to(dtype) + text.positional_embedding[: ids.shape[1]].to(dtype)

    def bias(tokens: torch.Tensor, ids: torch.Tensor, keys: torch.Tensor | None) -> torch.Tensor | None:
        mask = text._embeds(ids)[1] if padded else text.attn_mask
        length = tokens.shape[1]
        if mask is not None:
            mask = mask[..., :length, :length].to(tokens.dtype)
        if keys is not None and not keys.all():
            own_class = keys.new_ones(len(keys), length - ids.shape[1])  # CoCa appends one
            hidden = _for_heads(additive(torch.cat([keys, own_class], 1), tokens.dtype), text.transformer)
            mask = hidden if mask is None else mask + hidden
        return mask

    def head(tokens: torch.Tensor, ids: torch.Tensor, keys: torch.Tensor | None) -> torch.Tensor:
        pooled = text.ln_final(text_global_pool(tokens, ids, kind, eos_token_id=eos))
        projection = text.text_projection
        if projection is None:
            return pooled
        return projection(pooled) if isinstance(projection, nn.Linear) else pooled @ projection

    def reads(ids: torch.Tensor) -> int | None:
        length = ids.shape[1] + class_token
        places = torch.arange(length, device=ids.device).expand(1, -1)[..., None]
        place = text_global_pool(places, ids, kind, eos_token_id=eos)
        return int(place) if place.numel() == 1 else None

    return Blocks(enter, text.transformer.resblocks, _masked, head, bias, reads)


def _hugging_face(text: Any) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """A text tower of transformers: its blocks where their layout is BERT's, else as a whole."""
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    model = unwrapped(text.transformer)
    if model.config.model_type not in ("bert", "roberta", "xlm-roberta"):
        return partial(_encode_hugging_face, text)

    def step(block: Any, tokens: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        output = block(tokens, bias)  # transformers 4 wraps it
        return output[0] if isinstance(output, tuple) else output

    def bias(tokens: torch.Tensor, ids: torch.Tensor, keys: Any) -> torch.Tensor:
        return additive(keys, tokens.dtype)[:, None]

    def head(tokens: torch.Tensor, ids: torch.Tensor, keys: Any) -> torch.Tensor:
        pooled = None if model.pooler is None else model.pooler(tokens)
        return text.proj(text.pooler(BaseModelOutputWithPooling(tokens, pooled), keys.long()))

    return Blocks(
        lambda ids: model.embeddings(input_ids=ids),
        model.encoder.layer,
        step,
        head,
        bias,
        lambda ids: getattr(text.pooler, "cls_token_position", None),
    )


def _encode_hugging_face(text: Any, ids: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    mask = keys.long()
    return text.proj(text.pooler(text.transformer(input_ids=ids, attention_mask=mask), mask))


def _for_heads(bias: torch.Tensor, transformer: Any) -> torch.Tensor:
    """Bias [B, 1, L] as torch's own attention takes it: [B * heads, L, L]."""
    heads, length = transformer.resblocks[0].attn.num_heads, bias.shape[-1]
    return bias.expand(-1, length, -1).repeat_interleave(heads, dim=0)
