"""Adapter for open_clip models: CLIP, CustomTextCLIP (SigLIP, SigLIP-2, Hugging Face text towers), CoCa."""

from collections.abc import Callable
from functools import partial
from typing import Any

import open_clip
import torch
from open_clip.hf_model import HFTextEncoder
from open_clip.transformer import TextTransformer, VisionTransformer, text_global_pool
from timm.models import VisionTransformer as TimmVisionTransformer
from torch import nn

from fixlip.encoders.base import TextInput
from fixlip.encoders.captions import read_byte_pairs, read_hugging_face, replacement_of
from fixlip.encoders.encoder import TowerEncoder
from fixlip.encoders.preprocessing import Preprocessor
from fixlip.encoders.towers import ImageOrTextTower, PixelTower, TextTower, TokenTower, additive, everything
from fixlip.errors import InputError, UnsupportedModelError


def from_open_clip(
    model: nn.Module,
    preprocess_cfg: dict[str, Any],
    tokenizer: Any,
    *,
    name: str,
    known_ids: set[int] | None = None,
) -> TowerEncoder:
    """A dual encoder from an open_clip model.

    Args:
        model: `open_clip.CLIP`, `CustomTextCLIP` or `CoCa`.
        preprocess_cfg: open_clip's preprocessing configuration of the model.
        tokenizer: what `open_clip.get_tokenizer` gives for it.
        name: for provenance.
        known_ids: see `TowerEncoder`.

    Raises:
        UnsupportedModelError: another kind of model, or a tokenizer that is not the model's.
    """
    if not isinstance(model, (open_clip.CLIP, open_clip.CustomTextCLIP, open_clip.CoCa)):
        raise UnsupportedModelError(f"{name}: {type(model).__name__} is not a dual encoder of open_clip.")
    text = model if isinstance(model, open_clip.CLIP) else model.text

    def own(image: Any, caption: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return model.encode_image(image.pixels[None]), model.encode_text(caption.ids[None])

    bias = getattr(model, "logit_bias", None)
    return TowerEncoder(
        model,
        _image_tower(model.visual, preprocess_cfg),
        _text_tower(text, tokenizer, name),
        own,
        name=name,
        family=f"open_clip {type(model).__name__}",
        logit_scale=model.logit_scale.detach().float().exp().item(),
        logit_bias=0.0 if bias is None else float(bias.detach()),
        known_ids=known_ids,
    )


def _image_tower(visual: Any, preprocess_cfg: dict[str, Any]) -> ImageOrTextTower:
    """Row by row: the layouts whose tokens can be taken away, then any other, of which pixels can be."""
    if isinstance(visual, VisionTransformer) and visual.attn_pool is None and visual.pool_type == "tok":
        prepare = Preprocessor(preprocess_cfg, visual.grid_size)
        return TokenTower(prepare, lambda x, pixels: visual._embeds(pixels), partial(_encode_vit, visual), prefix=1)
    trunk = getattr(visual, "trunk", None)
    if type(trunk) is TimmVisionTransformer and (trunk.attn_pool is not None or trunk.global_pool == "token"):
        prepare = Preprocessor(preprocess_cfg, trunk.patch_embed.grid_size)
        prefix = trunk.num_prefix_tokens
        return TokenTower(prepare, partial(_timm_tokens, trunk), partial(_encode_timm, visual), prefix)
    grid = getattr(visual, "grid_size", None) or getattr(getattr(trunk, "patch_embed", None), "grid_size", None)
    prepare = Preprocessor(preprocess_cfg, grid)

    def encode(pixels: torch.Tensor) -> torch.Tensor:
        features = visual(pixels)
        return features[0] if isinstance(features, tuple) else features  # CoCa's tower also gives its tokens

    return PixelTower(prepare, encode)


def _encode_vit(visual: Any, tokens: torch.Tensor, keys: torch.Tensor | None) -> torch.Tensor:
    bias = None if keys is None else _for_heads(additive(keys, tokens.dtype), visual.transformer)
    pooled = visual._pool(visual.transformer(tokens, attn_mask=bias))[0]
    return pooled if visual.proj is None else pooled @ visual.proj


def _timm_tokens(trunk: Any, x: Any, pixels: torch.Tensor) -> torch.Tensor:
    return trunk.norm_pre(trunk.patch_drop(trunk._pos_embed(trunk.patch_embed(pixels))))


def _encode_timm(visual: Any, tokens: torch.Tensor, keys: torch.Tensor | None) -> torch.Tensor:
    trunk, bias = visual.trunk, None if keys is None else additive(keys, tokens.dtype)[:, None]
    for block in trunk.blocks:
        tokens = block(tokens) if bias is None else block(tokens, attn_mask=bias)
    tokens = trunk.norm(tokens)
    if trunk.attn_pool is None:
        pooled = trunk.pool(tokens)
    else:
        first = 0 if trunk.pool_include_prefix else trunk.num_prefix_tokens
        pooled = trunk.attn_pool(tokens[:, first:], attn_mask=None if bias is None else bias[..., first:])
    return visual.head(trunk.head(trunk.head_drop(trunk.fc_norm(pooled))))


def _text_tower(text: Any, tokenizer: Any, name: str) -> TextTower:
    inner = getattr(tokenizer, "tokenizer", None)  # that of transformers, where open_clip wraps one
    read = _reader(tokenizer, inner)
    facts: dict[str, Any] = {"vocabulary": text.vocab_size, "replacement": replacement_of(inner) if inner else 0}
    if isinstance(text, HFTextEncoder):
        pad = text.config.pad_token_id
        encode = partial(_encode_hugging_face, text)
        facts |= {"attended": lambda ids: ids != pad, "padding": pad, "causal": False}
    else:
        at_the_end = getattr(text, "cls_emb", None) is None and text_pool(text) in ("argmax", "eos")
        causal = text.attn_mask is not None and at_the_end
        encode = partial(_encode_text, text)
        facts |= {"attended": everything, "padding": inner.pad_token_id if inner else 0, "causal": causal}

    def prepare(caption: str) -> TextInput:
        x = read(caption)
        largest, length = int(x.ids.max()), len(x.ids)
        end = x.positions[-1] + 1
        if largest >= text.vocab_size:
            raise InputError(_other(name, f"it gives token {largest}, the model knows {text.vocab_size} tokens"))
        if length != text.context_length and not isinstance(text, HFTextEncoder):
            raise InputError(_other(name, f"it gives {length} tokens, the model takes {text.context_length}"))
        if facts["causal"] and text_pool(text) == "argmax" and int(x.ids.argmax()) != end:
            raise InputError(_other(name, "the model does not find the end of the text"))
        return x

    return TextTower(prepare, encode, **facts)


def _reader(tokenizer: Any, inner: Any) -> Callable[[str], TextInput]:
    if inner is None:
        return partial(read_byte_pairs, tokenizer)

    def read(caption: str) -> TextInput:
        length, clean = tokenizer.context_length, tokenizer.clean_fn
        return read_hugging_face(inner, caption, length, clean=clean, own=lambda text: tokenizer([text])[0])

    return read


def _other(name: str, reason: str) -> str:
    return f"The tokenizer is not that of {name}: {reason}."


def text_pool(text: Any) -> str:
    """How open_clip's text transformer pools."""
    return text.pool_type if isinstance(text, TextTransformer) else text.text_pool_type


def _encode_text(text: Any, ids: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """open_clip's text transformer, with a hidden key where `keys` says so; what is masked anyway stays masked."""
    if isinstance(text, TextTransformer):
        tokens, bias = text._embeds(ids)
    else:
        dtype = text.transformer.get_cast_dtype()
        tokens = text.token_embedding(ids).to(dtype) + text.positional_embedding[: ids.shape[1]].to(dtype)
        bias = text.attn_mask
    length = tokens.shape[1]
    if bias is not None:
        bias = bias[..., :length, :length].to(tokens.dtype)
    if not keys.all():
        own_class = keys.new_ones(len(keys), length - ids.shape[1])  # CoCa appends one
        hidden = _for_heads(additive(torch.cat([keys, own_class], 1), tokens.dtype), text.transformer)
        bias = hidden if bias is None else bias + hidden
    tokens = text.transformer(tokens, attn_mask=bias)
    if getattr(text, "cls_emb", None) is not None:
        pooled = text.ln_final(text_global_pool(tokens, pool_type="last"))
    else:
        eos = getattr(text, "eos_id" if isinstance(text, TextTransformer) else "text_eos_id", None)
        pooled = text_global_pool(text.ln_final(tokens), ids, text_pool(text), eos_token_id=eos)
    projection = text.text_projection
    if projection is None:
        return pooled
    return projection(pooled) if isinstance(projection, nn.Linear) else pooled @ projection


def _encode_hugging_face(text: Any, ids: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    mask = keys.long()
    return text.proj(text.pooler(text.transformer(input_ids=ids, attention_mask=mask), mask))


def _for_heads(bias: torch.Tensor, transformer: Any) -> torch.Tensor:
    """Bias [B, 1, L] as torch's own attention takes it: [B * heads, L, L]."""
    heads, length = transformer.resblocks[0].attn.num_heads, bias.shape[-1]
    return bias.expand(-1, length, -1).repeat_interleave(heads, dim=0)
