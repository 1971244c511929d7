"""Sources of a model: a name and its kind, or an object."""

import re
from os.path import isdir, isfile  # False for names that no file can have
from pathlib import Path
from typing import Any

import open_clip
from huggingface_hub import hf_hub_download, try_to_load_from_cache
from open_clip.constants import HF_CONFIG_NAME

from fixlip.encoders.base import missing_members
from fixlip.encoders.hub import cache_alone_without_network
from fixlip.encoders.names import bundled_models
from fixlip.errors import UnsupportedModelError

HUB, FOLDER, TRANSFORMERS = "hf-hub:", "local-dir:", "transformers:"
ENCODER, OBJECT, BUNDLED = "an encoder", "a model that is already built", "a bundled model"
OPEN_CLIP, OF_HUB = "a name of open_clip", "a hub's model of open_clip"
OF_FOLDER, OF_TRANSFORMERS = "a folder of open_clip", "a model of transformers"
PREFIXES = {HUB: OF_HUB, FOLDER: OF_FOLDER, TRANSFORMERS: OF_TRANSFORMERS}


def kind_of(model: Any) -> str:
    """The kind of an argument of `fixlip.load_model`, in words; a name must be as `resolved` returns it."""
    if not isinstance(model, str):
        return OBJECT if missing_members(model) else ENCODER
    if model in bundled_models():
        return BUNDLED
    return next((kind for prefix, kind in PREFIXES.items() if model.startswith(prefix)), OPEN_CLIP)


def folder_of(name: str) -> str | None:
    """The folder that a name with a prefix stands for; None where it is not one of this computer."""
    prefix = next((prefix for prefix in (FOLDER, TRANSFORMERS) if name.startswith(prefix)), "")
    return path if prefix and isdir(path := name.removeprefix(prefix)) else None


def is_hub_id(name: str) -> bool:
    """Return whether a name has the form of an id of the hub, "org/name"."""
    return re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None


def resolved(name: str, cache_dir: str | None = None, *, network: bool = True) -> str:
    """A name as the other modules take it: the id of a hub's model, or a folder, with the prefix of its configuration.

    Args:
        name: of any kind; one that says its kind, or is of none, stays as it is. OpenAI's "ViT-B/32" is "ViT-B-32".
        cache_dir: cache of the hub, which is asked before the hub.
        network: whether the hub is asked at all; where not, an id that is not cached stays as it is.

    Raises:
        UnsupportedModelError: a folder without a configuration, or an id that is neither cached nor reachable.
    """
    if kind_of(name) != OPEN_CLIP or name in open_clip.list_models():
        return name
    if name.replace("/", "-") in open_clip.list_models():
        return name.replace("/", "-")
    configurations = ((HF_CONFIG_NAME, HUB), ("config.json", TRANSFORMERS))
    if isdir(name):
        for file, prefix in configurations:
            if isfile(Path(name, file)):
                return f"{FOLDER if prefix == HUB else prefix}{name}"
        raise UnsupportedModelError(f"The folder {name!r} has neither {HF_CONFIG_NAME} nor config.json.")
    if not is_hub_id(name):
        return name
    for file, prefix in configurations:
        if isinstance(try_to_load_from_cache(name, file, cache_dir), str):
            return prefix + name
    if not network:
        return name
    reason = ""
    with cache_alone_without_network():
        for file, prefix in configurations:
            try:
                hf_hub_download(name, file, cache_dir=cache_dir)
                return prefix + name
            except Exception as error:  # the hub and the network raise many kinds
                reason = type(error).__name__
    raise UnsupportedModelError(
        f"The model {name!r} of the hub: its configuration is neither cached nor reachable ({reason}). "
        f"{TRANSFORMERS + name!r} loads it as a model of transformers, {HUB + name!r} as one of open_clip; "
        f"bundled models need no hub: {', '.join(bundled_models())}."
    )
