"""Adapter for models of OpenAI's `clip` package, which share their layout with open_clip's."""

from typing import Any

import open_clip
import torch
from open_clip.model import build_model_from_openai_state_dict

from fixlip.encoders.encoder import TowerEncoder
from fixlip.encoders.open_clip import from_open_clip, own_passes

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def is_openai_clip(model: Any) -> bool:
    """Whether a model is laid out as `clip.model.CLIP` (and is not open_clip's)."""
    parts = ("visual", "transformer", "token_embedding", "text_projection", "initialize_parameters")
    return isinstance(model, torch.nn.Module) and all(hasattr(model, part) for part in parts)


def from_openai_clip(model: Any, *, name: str) -> TowerEncoder:
    """A dual encoder from a model of OpenAI's `clip`.

    The weights are shared with open_clip's classes where all of them are of the type that is computed in, so that the
    model may be trained on; otherwise they are copied (half precision becomes float32 on a CPU). The score that every
    result is checked against is the given model's own.

    Args:
        model: what `clip.load` or `clip.model.build_model` gives.
        name: for provenance.
    """
    device = next(model.parameters()).device
    precision = model.dtype if device.type != "cpu" else torch.float32
    weights = model.state_dict()
    copy = build_model_from_openai_state_dict(dict(weights), quick_gelu=True, cast_dtype=precision)
    copy = copy.to(device=device, dtype=precision)
    same = all(w.dtype == precision for w in weights.values() if w.is_floating_point())
    copy.load_state_dict({k: v for k, v in weights.items() if k in copy.state_dict()}, assign=same)  # it rounds them
    side = model.visual.input_resolution
    tokenizer = open_clip.SimpleTokenizer(context_length=model.context_length)
    preprocess = {"size": (side, side), "mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "shortest"}
    encoder = from_open_clip(copy, preprocess, tokenizer, name=name)
    encoder.own, encoder.family = own_passes(model), "OpenAI clip"
    return encoder
