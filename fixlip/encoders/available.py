"""The first of several models whose weights are on this computer."""

from os.path import isdir, isfile  # False for names that no file can have
from pathlib import Path
from typing import Any

import open_clip
from huggingface_hub import try_to_load_from_cache
from open_clip.constants import HF_CONFIG_NAME, HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME

from fixlip import specs
from fixlip.encoders.base import DualEncoder
from fixlip.encoders.bundled import bundled_models
from fixlip.encoders.loading import load
from fixlip.encoders.names import popular
from fixlip.encoders.sources import FOLDER, HUB, OPEN_CLIP, TRANSFORMERS, is_hub_id, kind_of, resolved
from fixlip.errors import FixlipError, OptionError, UnsupportedModelError, unknown

OPTIONS = ("pretrained", "device", "dtype", "cache_dir")
OPEN_CLIP_WEIGHTS = (HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME)
TRANSFORMERS_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
URL_CACHE = "~/.cache/clip"  # of open_clip, for weights with an address of their own


def first_available(*names: str) -> DualEncoder:
    """Load the first of these models whose weights are on this computer; only the last one may be downloaded.

    So a notebook runs anywhere, and with the real model where it is at hand. What is looked at are the caches of
    open_clip and of the Hugging Face hub, which takes no network and no time. For each model that is skipped, a
    line is printed; where only a bundled model is left, a last line says how to get the first one.

    Args:
        names: as `fixlip.load_model` takes them, options after the name: ``"ViT-B-32 pretrained=laion2b_s34b_b79k"``.
            Without ``pretrained`` any weights of that name will do, OpenAI's before others. The last one is loaded in
            any case; a bundled model never fails.

    Raises:
        UnsupportedModelError: an unknown name, or a last model that cannot be had.
        OptionError: no name at all, or an option that no model has.

    Example:
        >>> from fixlip.encoders import first_available
        >>> first_available("demo-siglip", "demo-clip").name
        'demo-siglip'
    """
    if not names:
        raise OptionError("Name models, a bundled one last: first_available('ViT-B-32', 'demo-clip').")
    *wished, last = [_parsed(spec) for spec in names]
    for name, options in wished:
        reason = "its weights are not on this computer."
        tag = at_hand(name, options.get("pretrained"), options.get("cache_dir"))
        if tag is not None:
            try:
                return _load(name, {**options, "pretrained": tag})
            except FixlipError as error:  # a part is missing: the tokenizer, an extra
                reason = str(error)
        print(f"{name} is skipped: {reason}")
    name, options = last
    if wished and name in bundled_models():
        first = wished[0][0]
        print(f"SHOWN WITH {name}, A SMALL MODEL OF DRAWINGS. Once, with a network: fixlip.load_model({first!r})")
    tag = options.get("pretrained") or at_hand(name, None, options.get("cache_dir")) or _tags(name)[0]
    return _load(name, {**options, "pretrained": tag})


def at_hand(name: str, pretrained: str | None = None, cache_dir: str | None = None) -> str | None:
    """The tag or file of weights that are on this computer for a name of `fixlip.load_model`.

    Args:
        name, pretrained, cache_dir: as there; any weights of the name when `pretrained` is None.

    Returns:
        What to give as ``pretrained``; "" for models that have their own weights; None where there are none.

    Raises:
        UnsupportedModelError: an unknown name.
    """

    def cached(repository: str, *files: str) -> bool:
        return any(isinstance(try_to_load_from_cache(repository, file, cache_dir), str) for file in files)

    if name in bundled_models():
        return ""
    name = resolved(name, cache_dir, network=False)
    if is_hub_id(name):
        return None
    if name.startswith(FOLDER):
        return "" if isfile(Path(name.removeprefix(FOLDER)) / HF_CONFIG_NAME) else None
    if name.startswith(HUB):
        repository = name.removeprefix(HUB)
        return "" if cached(repository, HF_CONFIG_NAME) and cached(repository, *OPEN_CLIP_WEIGHTS) else None
    if name.startswith(TRANSFORMERS):
        source = name.removeprefix(TRANSFORMERS)
        there = cached(source, "config.json") and cached(source, *TRANSFORMERS_WEIGHTS)
        return "" if isdir(source) or there else None
    text = (open_clip.get_model_config(name) or {}).get("text_cfg", {})
    parts = (("hf_tokenizer_name", "tokenizer_config.json"), ("hf_model_name", "config.json"))
    if not all(cached(text[key], file) for key, file in parts if text.get(key)):
        return None
    for tag in _tags(name) if pretrained is None else [pretrained]:
        weights = open_clip.get_pretrained_cfg(name, tag) or {"file": tag}
        repository, _, file = weights.get("hf_hub", "").rpartition("/")
        address = weights.get("url", "").rpartition("/")[2]
        path = Path(weights["file"]) if "file" in weights else Path(cache_dir or URL_CACHE).expanduser() / address
        files = (file.replace(".bin", ".safetensors"), file) if file else OPEN_CLIP_WEIGHTS
        if cached(repository, *files) if repository else isfile(path):
            return tag
    return None


def _tags(name: str) -> list[str]:
    """The tags of a name's weights, OpenAI's first; none for models that have their own."""
    if _has_its_own(name):
        return [""]
    tags = open_clip.list_pretrained_tags_by_model(name)
    return list(dict.fromkeys([*popular(tags), *tags])) or [""]


def _has_its_own(name: str) -> bool:
    """Return whether a name stands for one set of weights, and takes no tag."""
    return kind_of(name) != OPEN_CLIP or is_hub_id(name)


def _parsed(spec: str) -> tuple[str, dict[str, str]]:
    name, options = specs.parse(spec)
    for option in options:
        if option not in OPTIONS:
            raise OptionError(unknown("option of a model", option, OPTIONS))
    name = resolved(name, options.get("cache_dir"), network=False)
    if not _has_its_own(name) and name not in open_clip.list_models():
        raise UnsupportedModelError(unknown("model", name, open_clip.list_models(), first=bundled_models()))
    return name, options


def _load(name: str, options: dict[str, str]) -> DualEncoder:
    given: dict[str, Any] = {option: value for option, value in options.items() if value}
    return load(name, **given)
