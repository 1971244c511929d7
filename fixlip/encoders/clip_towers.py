"""The two towers of open_clip's `CLIP` layout, with players removed."""

from typing import Any

import torch
from open_clip.transformer import VisionTransformer, text_global_pool
from torch import nn

from fixlip.encoders.base import ImageInput, TextInput
from fixlip.encoders.bpe import token_spans
from fixlip.errors import InputError, UnsupportedModelError


class VisionTower:
    """A `VisionTransformer`; removal `mean`: the normalised pixels of a removed patch are 0, the data-set mean colour.

    A patch embedding depends on its own pixels alone, so the tokens of the full and of the empty picture are computed
    once and each mask only chooses between them.
    """

    removal = "mean"

    def __init__(self, visual: nn.Module) -> None:
        if not isinstance(visual, VisionTransformer):
            raise UnsupportedModelError(
                f"Image tower {type(visual).__name__}: fixlip reads open_clip's VisionTransformer."
            )
        self.visual = visual
        self.grid: tuple[int, int] = visual.grid_size
        self.size: tuple[int, int] = visual.image_size

    def embed(self, x: ImageInput, masks: torch.Tensor) -> torch.Tensor:
        """Masks [B, patches] -> features [B, D]."""
        pixels = x.pixels[None]
        present, absent = self.visual._embeds(torch.cat([pixels, torch.zeros_like(pixels)]))
        keep = torch.cat([masks.new_ones(len(masks), 1), masks], dim=1)  # the class token stays
        tokens = self.visual.transformer(torch.where(keep[..., None], present, absent))
        pooled = self.visual._pool(tokens)[0]
        return pooled if self.visual.proj is None else pooled @ self.visual.proj


class TextTower:
    """The causal text transformer of `CLIP`; removal `attention`: no token attends to a removed one, in any block.

    Begin and end of text always stay. What follows the end of text has no influence on it, so it is cut.
    """

    removal = "attention"

    def __init__(self, model: Any, tokenizer: Any) -> None:
        if model.attn_mask is None or model.text_pool_type != "argmax":
            raise UnsupportedModelError(
                f"Text tower with pooling {model.text_pool_type!r}: fixlip reads causal ones pooled at the end of text."
            )
        self.model, self.tokenizer = model, tokenizer
        self.heads: int = model.transformer.resblocks[0].attn.num_heads

    def prepare(self, text: str) -> TextInput:
        """Tokenise, keep the characters of each token, refuse what the model would not read whole."""
        if not text.strip():
            raise InputError("The caption is empty.")
        found, spans = token_spans(self.tokenizer, text)
        if not found:
            raise InputError(f"The caption {text!r} holds nothing that the tokenizer reads.")
        if set(found) & set(self.tokenizer.all_special_ids):
            raise InputError("The caption holds the tokenizer's own begin or end mark.")
        room = self.model.context_length - 2
        if len(found) > room:
            lost = text[spans[room][0] :]
            raise InputError(
                f"The caption has {len(found)} tokens, the model reads {room}; shorten it, it would not see: {lost!r}."
            )
        ids = self.tokenizer([text])[0]
        positions = tuple(range(1, 1 + len(found)))
        if ids[1 : 1 + len(found)].tolist() != found:
            raise InputError(f"The caption {text!r} is tokenised differently by the model.")
        return TextInput(text, ids, positions, tuple(spans))

    def embed(self, x: TextInput, masks: torch.Tensor) -> torch.Tensor:
        """Masks [B, tokens] -> features [B, D]."""
        model, length = self.model, len(x.positions) + 2
        ids = x.ids[None, :length]
        dtype = model.transformer.get_cast_dtype()
        tokens = model.token_embedding(ids).to(dtype) + model.positional_embedding[:length].to(dtype)
        ones = masks.new_ones(len(masks), 1)
        keys = torch.cat([ones, masks, ones], dim=1)
        bias = tokens.new_zeros(keys.shape).masked_fill(~keys, float("-inf"))
        bias = model.attn_mask[:length, :length].to(dtype) + bias[:, None, :]
        tokens = model.transformer(
            tokens.expand(len(masks), -1, -1), attn_mask=bias.repeat_interleave(self.heads, dim=0)
        )
        pooled = text_global_pool(model.ln_final(tokens), ids.expand(len(masks), -1), "argmax")
        projection = model.text_projection
        if projection is None:
            return pooled
        return projection(pooled) if isinstance(projection, nn.Linear) else pooled @ projection
