"""Adapter for models of transformers: CLIPModel, SiglipModel, Siglip2Model (NaFlex)."""

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any, NamedTuple

import torch

from fixlip.encoders.base import ImageInput
from fixlip.encoders.captions import read_hugging_face, replacement_of
from fixlip.encoders.encoder import TowerEncoder
from fixlip.encoders.layers import Blocks, as_given
from fixlip.encoders.preprocessing import cut_off, display, visible_box
from fixlip.encoders.towers import TextTower, TokenTower, additive, everything
from fixlip.encoders.wrappers import unwrapped
from fixlip.errors import InputError, UnsupportedModelError
from fixlip.io.images import ImageLike, open_image


class Family(NamedTuple):
    """Facts of a kind of model.

    Attributes:
        prefix: tokens before those of the patches.
        causal: text attends to what came before only, and is pooled at its end.
        flexible: the grid follows the picture's proportions.
    """

    prefix: int
    causal: bool
    flexible: bool


FAMILIES = {
    "CLIPModel": Family(prefix=1, causal=True, flexible=False),
    "SiglipModel": Family(prefix=0, causal=False, flexible=False),
    "Siglip2Model": Family(prefix=0, causal=False, flexible=True),
}


def from_transformers(model: Any, processor: Any, tokenizer: Any = None, *, name: str) -> TowerEncoder:
    """A dual encoder from a model of transformers and its processor.

    Args:
        model: `CLIPModel`, `SiglipModel` or `Siglip2Model`.
        processor: its processor: `image_processor` and `tokenizer`.
        tokenizer: the tokenizer, in the place of the processor's.
        name: for provenance.

    Raises:
        UnsupportedModelError: another kind of model, a processor that is not the model's, or attention that takes no
            masks as fixlip makes them.
    """
    kinds = [c.__name__ for c in type(model).__mro__ if c.__name__ in FAMILIES]
    if not kinds:
        raise UnsupportedModelError(
            f"{name}: {type(model).__name__} is not a dual encoder that fixlip reads: {', '.join(FAMILIES)}."
        )
    if tokenizer is None:
        tokenizer = getattr(processor, "tokenizer", None)
    if not hasattr(processor, "image_processor") or tokenizer is None:
        raise UnsupportedModelError(f"{name}: give its processor (AutoProcessor), got {type(processor).__name__}.")
    if not hasattr(tokenizer, "is_fast"):
        raise UnsupportedModelError(
            f"{name}: the tokenizer is one of transformers (AutoTokenizer), got {type(tokenizer).__name__}."
        )
    family, text = FAMILIES[kinds[0]], _maskable(model).config.text_config
    length = text.max_position_embeddings
    if len(tokenizer) > text.vocab_size + 256:  # extra ids beyond the embedding are left over, not whole vocabularies
        raise UnsupportedModelError(
            f"The tokenizer is not that of {name}: it has {len(tokenizer)} tokens, the model {text.vocab_size}."
        )
    prepare = _read_flexible if family.flexible else _read_fixed
    return TowerEncoder(
        model,
        TokenTower(
            partial(prepare, model, processor.image_processor),
            partial(_tokens, model, family),
            _image(model, family),
            family.prefix,
            unwrapped(model.vision_model),
        ),
        TextTower(
            lambda caption: read_hugging_face(tokenizer, caption, length),
            _text(model, family),
            everything,
            padding=tokenizer.pad_token_id,
            replacement=replacement_of(tokenizer),
            vocabulary=text.vocab_size,
            causal=family.causal,
        ),
        (
            lambda x: _features(_maskable(model).get_image_features(**x.model_inputs)),
            lambda x: _features(_maskable(model).get_text_features(input_ids=x.ids[None])),
        ),
        name=name,
        family=f"transformers {kinds[0]}",
        logit_scale=lambda: model.logit_scale.detach().float().exp().item(),
        logit_bias=(lambda: float(model.logit_bias.detach())) if hasattr(model, "logit_bias") else 0.0,
    )


def _maskable(model: Any) -> Any:
    """The model, if its attention takes masks as tensors; asked each time, since users may switch it.

    Raises:
        UnsupportedModelError: it takes them in another form.
    """
    parts = (model.config, model.config.text_config, model.config.vision_config)
    for kind in dict.fromkeys(part._attn_implementation for part in parts):
        if kind not in ("eager", "sdpa"):
            raise UnsupportedModelError(
                f"The attention {kind!r} takes no masks of single tokens; call model.set_attn_implementation('sdpa'), "
                "which computes the same."
            )
    return model


def _features(output: Any) -> torch.Tensor:
    """Version 5 of transformers wraps them, in a tuple where return_dict=False (tokens, then pooled); 4 does not."""
    features: torch.Tensor = output[1] if isinstance(output, tuple) else getattr(output, "pooler_output", output)
    return features


def _read_fixed(model: Any, processor: Any, raw: ImageLike) -> ImageInput:
    given = open_image(raw)
    pixels = processor(images=given, return_tensors="pt")["pixel_values"]
    height, width = pixels.shape[-2:]
    side = model.config.vision_config.image_size
    if (height, width) != (side, side):
        raise InputError(f"The processor gives {height} x {width} pixels, the model takes {side} x {side}.")
    visible = _visible(given.size, processor, (width, height))
    patch = model.config.vision_config.patch_size
    return ImageInput(
        pixels[0],
        (height // patch, width // patch),
        display(given, visible, (width, height)),
        size=(given.height, given.width),
        visible=visible,
        model_inputs={"pixel_values": pixels},
        notes=cut_off(given.size, visible),
    )


def _visible(size: tuple[int, int], processor: Any, target: tuple[int, int]) -> tuple[float, float, float, float]:
    """Find the part (left, top, right, bottom) of a picture that is left after resizing and cropping the centre.

    Args:
        size: of the picture, width and height.
        processor: an image processor of transformers.
        target: what it gives, width and height.
    """
    if not getattr(processor, "do_center_crop", False):
        return visible_box(size, target, "squash")
    width, height = size
    resized = _resized(size, dict(processor.size)) if processor.do_resize else size
    w, h = width * target[0] / resized[0], height * target[1] / resized[1]
    return (width - w) / 2, (height - h) / 2, (width + w) / 2, (height + h) / 2


def _resized(size: tuple[int, int], to: dict[str, int]) -> tuple[float, float]:
    """Width and height of a picture after resizing: to a height and a width, or in proportion to an edge."""
    width, height = size
    if to.get("height") and to.get("width"):
        return to["width"], to["height"]
    short, long = to.get("shortest_edge"), to.get("longest_edge")
    scales = [edge / of for edge, of in ((short, min(size)), (long, max(size))) if edge]
    scale = min(scales, default=1.0)
    return width * scale, height * scale


def _read_flexible(model: Any, processor: Any, raw: ImageLike) -> ImageInput:
    given = open_image(raw)
    inputs = dict(processor(images=given, return_tensors="pt"))
    rows, columns = inputs["spatial_shapes"][0].tolist()
    side = model.config.vision_config.patch_size
    patches = inputs["pixel_values"][0, : rows * columns].view(rows, columns, side, side, 3)
    pixels = patches.permute(4, 0, 2, 1, 3).reshape(3, rows * side, columns * side)
    visible = visible_box(given.size, (columns, rows), "squash")
    return ImageInput(
        pixels,
        (rows, columns),
        display(given, None, given.size),
        size=(given.height, given.width),
        visible=visible,
        model_inputs=inputs,
    )


def _tokens(model: Any, family: Family, x: ImageInput, pixels: torch.Tensor) -> torch.Tensor:
    tower = unwrapped(model.vision_model)
    if not family.flexible:
        tokens = tower.embeddings(pixels)
        return tower.pre_layrnorm(tokens) if hasattr(tower, "pre_layrnorm") else tokens
    rows, columns = x.grid
    side = pixels.shape[-1] // columns
    patches = pixels.view(len(pixels), 3, rows, side, columns, side).permute(0, 2, 4, 3, 5, 1)
    shapes = torch.tensor([x.grid] * len(pixels), device=pixels.device)
    return tower.embeddings(patches.reshape(len(pixels), rows * columns, -1), shapes)


def _image(model: Any, family: Family) -> Blocks:
    tower = unwrapped(model.vision_model)

    def bias(tokens: torch.Tensor, _: Any, keys: torch.Tensor | None) -> torch.Tensor | None:
        _maskable(model)
        return None if keys is None else additive(keys, tokens.dtype)[:, None].expand(-1, 1, tokens.shape[1], -1)

    def first(tokens: torch.Tensor, _: Any, keys: torch.Tensor | None) -> torch.Tensor:
        return model.visual_projection(tower.post_layernorm(tokens[:, 0]))

    def pool(tokens: torch.Tensor, _: Any, keys: torch.Tensor | None) -> torch.Tensor:
        tokens, head = tower.post_layernorm(tokens), tower.head
        probe = head.probe.expand(len(tokens), -1, -1)
        hide = None if keys is None else ~keys
        pooled = head.attention(probe, tokens, tokens, key_padding_mask=hide, need_weights=False)[0]
        return (pooled + head.mlp(head.layernorm(pooled)))[:, 0]

    layers = tower.encoder.layers
    if family.prefix:
        return Blocks(as_given, layers, _step(layers), first, bias, reads=lambda tokens: 0)
    return Blocks(as_given, layers, _step(layers), pool, bias)


def _text(model: Any, family: Family) -> Blocks:
    tower, eos = unwrapped(model.text_model), model.config.text_config.eos_token_id

    def bias(tokens: torch.Tensor, ids: torch.Tensor, keys: Any) -> torch.Tensor:
        _maskable(model)
        mask = additive(keys, tokens.dtype)[:, None].expand(-1, 1, tokens.shape[1], -1)
        return mask + torch.full_like(mask[:1], float("-inf")).triu(1) if family.causal else mask

    def ends(ids: torch.Tensor) -> torch.Tensor:
        """Configurations of before 2023 say 2 and mean the largest id."""
        return ids.argmax(1) if eos == 2 else (ids == eos).int().argmax(1)

    def at_the_end(tokens: torch.Tensor, ids: torch.Tensor, keys: Any) -> torch.Tensor:
        hidden = tower.final_layer_norm(tokens)
        return model.text_projection(hidden[torch.arange(len(ids), device=ids.device), ends(ids)])

    def last(tokens: torch.Tensor, ids: torch.Tensor, keys: Any) -> torch.Tensor:
        return tower.head(tower.final_layer_norm(tokens)[:, -1])

    head, reads = (at_the_end, lambda ids: int(ends(ids)[0])) if family.causal else (last, lambda ids: ids.shape[1] - 1)
    layers = tower.encoder.layers
    return Blocks(lambda ids: tower.embeddings(input_ids=ids), layers, _step(layers), head, bias, reads)


def _step(layers: Any) -> Callable[[Any, torch.Tensor, Any], torch.Tensor]:
    """Version 4 of transformers has two masks for CLIP, and wraps what comes out."""
    two = "causal_attention_mask" in signature(layers[0].forward).parameters
    more: dict[str, None] = {"causal_attention_mask": None} if two else {}

    def step(layer: Any, tokens: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        output = layer(tokens, attention_mask=bias, **more)
        return output[0] if isinstance(output, tuple) else output

    return step
