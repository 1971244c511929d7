"""Adapter for models of OpenAI's `clip` package: their own modules, whatever has been put in the place of some."""

from typing import Any

import open_clip
import torch
from torch import nn

from fixlip.encoders.encoder import TowerEncoder
from fixlip.encoders.layers import Blocks, as_given
from fixlip.encoders.open_clip import feature_maps, own_passes, text_tower
from fixlip.encoders.preprocessing import Preprocessor
from fixlip.encoders.towers import ImageOrTextTower, PixelTower, TokenTower, additive

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def is_openai_clip(model: Any) -> bool:
    """Return whether a model is laid out as `clip.model.CLIP` (and is not open_clip's)."""
    parts = ("visual", "transformer", "token_embedding", "text_projection", "initialize_parameters")
    return isinstance(model, nn.Module) and all(hasattr(model, part) for part in parts)


def from_openai_clip(model: Any, preprocess: Any = None, tokenizer: Any = None, *, name: str) -> TowerEncoder:
    """A dual encoder from a model of OpenAI's `clip`, which may be trained on.

    Args:
        model: what `clip.load` or `clip.model.build_model` gives.
        preprocess: its transform, or open_clip's configuration of one; that of `clip.load` when None.
        tokenizer: open_clip's for OpenAI's models, which gives the ids of `clip.tokenize`; it is made when None.
        name: for provenance.

    Raises:
        UnsupportedModelError: a preprocessing or a tokenizer that cannot be followed.
    """
    side = model.visual.input_resolution
    if preprocess is None:
        preprocess = {"size": (side, side), "mean": MEAN, "std": STD, "interpolation": "bicubic"}
    if tokenizer is None:
        tokenizer = open_clip.SimpleTokenizer(context_length=model.context_length)
    return TowerEncoder(
        model,
        _image_tower(model.visual, preprocess),
        text_tower(model, tokenizer, name, _text(model)),
        own_passes(model),
        name=name,
        family="OpenAI clip",
        logit_scale=lambda: model.logit_scale.detach().float().exp().item(),
        convert=_convert,
    )


def _convert(model: nn.Module, device: Any, dtype: Any) -> None:
    """Convert as `clip.model.convert_weights` does: layer norms compute in float32, whatever the other layers do."""
    model.to(device, dtype)
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.float()


def _image_tower(visual: Any, preprocess: Any) -> ImageOrTextTower:
    if not hasattr(visual, "class_embedding"):
        return PixelTower(Preprocessor(preprocess), feature_maps(visual, lambda pixels: _stem(visual, pixels)), visual)
    grid = visual.input_resolution // visual.conv1.kernel_size[0]
    prepare = Preprocessor(preprocess, (grid, grid))

    def tokens(x: Any, pixels: torch.Tensor) -> torch.Tensor:
        patches = visual.conv1(pixels).flatten(2).transpose(1, 2)
        first = visual.class_embedding.to(patches.dtype).expand(len(patches), 1, -1)
        return visual.ln_pre(torch.cat([first, patches], dim=1) + visual.positional_embedding.to(patches.dtype))

    def bias(tokens: torch.Tensor, _: Any, keys: torch.Tensor | None) -> torch.Tensor | None:
        return None if keys is None else _for_heads(visual, additive(keys, tokens.dtype), tokens.shape[1])

    def head(tokens: torch.Tensor, _: Any, keys: torch.Tensor | None) -> torch.Tensor:
        pooled = visual.ln_post(tokens[:, 0])
        return pooled if visual.proj is None else pooled @ visual.proj

    encode = Blocks(as_given, visual.transformer.resblocks, _step, head, bias, reads=lambda tokens: 0)
    return TokenTower(prepare, tokens, encode, prefix=1, module=visual)


def _stem(visual: Any, pixels: torch.Tensor) -> torch.Tensor:
    maps = visual.relu1(visual.bn1(visual.conv1(pixels)))
    maps = visual.relu2(visual.bn2(visual.conv2(maps)))
    return visual.avgpool(visual.relu3(visual.bn3(visual.conv3(maps))))


def _text(model: Any) -> Blocks:
    def enter(ids: torch.Tensor) -> torch.Tensor:
        places = model.positional_embedding[: ids.shape[1]]
        return model.token_embedding(ids).to(model.dtype) + places.to(model.dtype)

    def bias(tokens: torch.Tensor, ids: torch.Tensor, keys: torch.Tensor | None) -> torch.Tensor:
        causal = tokens.new_full((tokens.shape[1],) * 2, float("-inf")).triu(1)
        if keys is None or keys.all():
            return causal
        return causal + _for_heads(model, additive(keys, tokens.dtype), tokens.shape[1])

    def head(tokens: torch.Tensor, ids: torch.Tensor, keys: Any) -> torch.Tensor:
        hidden = model.ln_final(tokens).to(model.dtype)
        return hidden[torch.arange(len(ids), device=ids.device), ids.argmax(1)] @ model.text_projection

    return Blocks(enter, model.transformer.resblocks, _step, head, bias, lambda ids: int(ids[0].argmax()))


def _step(block: Any, tokens: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """A block with a mask of its own for each input; its attention takes [L, B, width]."""
    x = block.ln_1(tokens).transpose(0, 1)
    tokens = tokens + block.attn(x, x, x, need_weights=False, attn_mask=bias)[0].transpose(0, 1)
    return tokens + block.mlp(block.ln_2(tokens))


def _for_heads(tower: Any, bias: torch.Tensor, length: int) -> torch.Tensor:
    """Bias [B, 1, L] as torch's own attention takes it: [B * heads, L, L]."""
    heads = tower.transformer.resblocks[0].attn.num_heads
    return bias.expand(-1, length, -1).repeat_interleave(heads, dim=0)
