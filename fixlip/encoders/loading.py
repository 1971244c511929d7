"""From a name to a dual encoder."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.model import get_model_preprocess_cfg

from fixlip.encoders.bundled import asset_folder, bundled_models, read_weights
from fixlip.encoders.open_clip import OpenClipEncoder
from fixlip.errors import OptionError, UnsupportedModelError, unknown


def load(
    name: str,
    *,
    pretrained: str | None,
    device: str | torch.device | None,
    dtype: torch.dtype | None,
    cache_dir: str | None,
    allow_random: bool,
) -> OpenClipEncoder:
    """See `fixlip.load_model`."""
    if name in bundled_models():
        return _place(_load_bundled(name), device, dtype)
    if name not in open_clip.list_models():
        raise UnsupportedModelError(unknown("model", name, [*bundled_models(), *open_clip.list_models()]))
    if name not in open_clip_models():
        raise UnsupportedModelError(
            f"{name} has another layout than a ViT with a causal text transformer; `fixlip models` lists what is read."
        )
    with _quiet():
        model = _pretrained(name, pretrained, cache_dir) if pretrained else _random(name, allow_random)
    label = f"{name} ({pretrained or 'random weights'})"
    encoder = OpenClipEncoder(
        model, get_model_preprocess_cfg(model), open_clip.get_tokenizer(name, cache_dir=cache_dir), name=label
    )
    return _place(encoder, device, dtype)


def open_clip_models() -> list[str]:
    """The open_clip configurations whose layout fixlip reads: a ViT and a causal text transformer."""

    def readable(config: dict[str, Any]) -> bool:
        vision, text = config["vision_cfg"], config["text_cfg"]
        plain_vit = isinstance(vision.get("layers", 12), int) and "timm_model_name" not in vision
        plain_text = "hf_model_name" not in text and "hf_tokenizer_name" not in text
        return plain_vit and plain_text and not config.get("custom_text") and "multimodal_cfg" not in config

    return [name for name in open_clip.list_models() if readable(open_clip.get_model_config(name))]


def _load_bundled(name: str) -> OpenClipEncoder:
    source = f"local-dir:{asset_folder(name)}"
    with _quiet():
        model = open_clip.create_model(source, load_weights=False)
    state, known_ids = read_weights(name, model.vocab_size)
    model.load_state_dict(state)
    config = json.loads((asset_folder(name) / "open_clip_config.json").read_text())
    preprocess_cfg = {"size": model.visual.image_size, **config["preprocess_cfg"]}
    return OpenClipEncoder(model, preprocess_cfg, open_clip.get_tokenizer(source), name=name, known_ids=known_ids)


def _random(name: str, allow_random: bool) -> torch.nn.Module:
    if not allow_random:
        raise OptionError(
            f"{name} without weights explains nothing; give pretrained=, or allow_random=True for a test."
        )
    return open_clip.create_model(name, load_weights=False, pretrained_text=False)


def _pretrained(name: str, pretrained: str, cache_dir: str | None) -> torch.nn.Module:
    tags = open_clip.list_pretrained_tags_by_model(name)
    if pretrained not in tags and not Path(pretrained).is_file():
        raise UnsupportedModelError(unknown(f"weights of {name}: not a file and not the tag", pretrained, tags))
    try:
        return open_clip.create_model(
            name,
            pretrained=pretrained,
            cache_dir=cache_dir,
            require_pretrained=True,
            force_quick_gelu=bool((open_clip.get_pretrained_cfg(name, pretrained) or {}).get("quick_gelu")),
        )
    except Exception as error:  # open_clip, hub and network raise many kinds
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UnsupportedModelError(
            f"The weights {pretrained!r} of {name} are neither cached nor reachable ({reason}). Give a file as "
            f"pretrained=, or use a bundled model: {', '.join(bundled_models())}."
        ) from error


def _place(encoder: OpenClipEncoder, device: str | torch.device | None, dtype: torch.dtype | None) -> OpenClipEncoder:
    try:
        encoder.model.to(device=device or ("cuda" if torch.cuda.is_available() else "cpu"), dtype=dtype)
    except (RuntimeError, AssertionError) as error:  # torch raises either for a device that is not there
        raise OptionError(f"The device {str(device)!r} cannot be used: {str(error).splitlines()[0]}") from error
    encoder.model.requires_grad_(False)
    return encoder


@contextmanager
def _quiet() -> Iterator[None]:
    """open_clip logs to the root logger what is asked for here (no weights) or raised here (no network)."""
    previous = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(previous)
