"""From a name or a model object to a dual encoder."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from os.path import isdir, isfile  # False for names that no file can have
from pathlib import Path
from threading import RLock, get_ident
from typing import Any

import open_clip
import torch
from open_clip.model import get_model_preprocess_cfg

from fixlip.encoders.base import DualEncoder, missing_members
from fixlip.encoders.bundled import asset_folder, bundled_models, read_weights
from fixlip.encoders.encoder import TowerEncoder
from fixlip.encoders.families import from_object
from fixlip.encoders.foreign_code import no_foreign_code
from fixlip.encoders.hub import cache_alone_without_network
from fixlip.encoders.open_clip import from_open_clip
from fixlip.errors import FixlipError, MissingExtraError, OptionError, UnsupportedModelError, unknown

HUB, FOLDER, TRANSFORMERS = "hf-hub:", "local-dir:", "transformers:"
_one_at_a_time = RLock()  # while they build a model, libraries change settings of the whole process
DTYPES = {name: getattr(torch, name) for name in ("bfloat16", "float16", "float32", "float64")}


def load(
    model: Any,
    *,
    pretrained: str | None,
    preprocess: Any,
    tokenizer: Any,
    device: str | torch.device | None,
    dtype: str | torch.dtype | None,
    cache_dir: str | None,
    allow_random: bool,
) -> DualEncoder:
    """Load a model; see `fixlip.load_model`."""
    if not missing_members(model):
        encoder: DualEncoder = model
        return encoder
    if not isinstance(model, str):
        return _place(from_object(model, preprocess, tokenizer), device, dtype)
    with _one_at_a_time, torch.random.fork_rng(devices=[]):  # weights are random before they are read
        if model in bundled_models():
            encoder = _bundled(model)
        else:
            local = model.startswith(FOLDER) or isdir(model.removeprefix(TRANSFORMERS))
            with no_foreign_code(), nullcontext() if local else cache_alone_without_network():
                encoder = _named(model, pretrained, tokenizer, cache_dir, allow_random)
    return _place(encoder, device or ("cuda" if torch.cuda.is_available() else "cpu"), dtype)


def _named(
    model: str, pretrained: str | None, tokenizer: Any, cache_dir: str | None, allow_random: bool
) -> TowerEncoder:
    if model.startswith(TRANSFORMERS):
        return _transformers(model.removeprefix(TRANSFORMERS), cache_dir)
    with _quiet():
        loaded = _open_clip(model, pretrained, cache_dir, allow_random)
    schema = model.startswith((HUB, FOLDER))
    label = model if schema else f"{model} ({pretrained or 'random weights'})"
    tokenizer = tokenizer or _tokenizer(model, cache_dir)
    return from_open_clip(loaded, get_model_preprocess_cfg(loaded), tokenizer, name=label)


def _bundled(name: str) -> TowerEncoder:
    source = f"{FOLDER}{asset_folder(name)}"
    with _quiet():
        model = open_clip.create_model(source, load_weights=False)
    vocabulary = getattr(model, "vocab_size", None) or model.text.vocab_size
    state, known_ids = read_weights(name, vocabulary)
    model.load_state_dict(state)
    config = json.loads((asset_folder(name) / "open_clip_config.json").read_text())
    preprocess = {"size": model.visual.image_size, **config["preprocess_cfg"]}
    return from_open_clip(model, preprocess, open_clip.get_tokenizer(source), name=name, known_ids=known_ids)


def _open_clip(name: str, pretrained: str | None, cache_dir: str | None, allow_random: bool) -> torch.nn.Module:
    if name.startswith((HUB, FOLDER)):
        folder = Path(name.removeprefix(FOLDER))
        if name.startswith(FOLDER) and not isfile(folder / "open_clip_config.json"):
            raise UnsupportedModelError(f"{str(folder)!r} has no open_clip_config.json.")
        if allow_random and pretrained is None and name.startswith(FOLDER):
            return open_clip.create_model(name, load_weights=False)
        return _created(name, f"The model {name!r}", require_pretrained=True, cache_dir=cache_dir)
    if name not in open_clip.list_models():
        raise UnsupportedModelError(unknown("model", name, [*bundled_models(), *open_clip.list_models()]))
    if pretrained is None:
        if not allow_random:
            raise OptionError(f"{name} without weights explains nothing; give pretrained=, or allow_random=True.")
        return _created(name, f"The parts of {name}", load_weights=False, pretrained_text=False)
    tags, file = open_clip.list_pretrained_tags_by_model(name), Path(pretrained)
    if pretrained not in tags and not isfile(file):
        raise UnsupportedModelError(unknown(f"weights of {name}: not a file and not the tag", pretrained, tags))
    gelu = bool((open_clip.get_pretrained_cfg(name, pretrained) or {}).get("quick_gelu"))
    options = {"pretrained": pretrained, "force_quick_gelu": gelu, "require_pretrained": True, "cache_dir": cache_dir}
    if pretrained not in tags:
        warnings.warn(
            f"{file.name} is loaded with the default preprocessing of {name}; if the model was trained with another, "
            "build it yourself and give the object to load_model.",
            stacklevel=5,
        )
        try:
            return open_clip.create_model(name, **options)
        except Exception as error:  # torch, safetensors and open_clip raise many kinds
            raise UnsupportedModelError(
                f"The weights in {pretrained!r} do not fit {name}: {_reason(error)}."
            ) from error
    return _created(name, f"The weights {pretrained!r} of {name}", **options)


def _created(name: str, what: str, **options: Any) -> torch.nn.Module:
    try:
        return open_clip.create_model(name, **options)
    except Exception as error:  # open_clip, hub, network and torch raise many kinds
        raise _unreachable(what, error) from error


def _tokenizer(name: str, cache_dir: str | None) -> Any:
    try:
        return open_clip.get_tokenizer(name, cache_dir=cache_dir)
    except ImportError as error:
        _need_transformers(f"The tokenizer of {name}", error)
        raise
    except Exception as error:
        raise _unreachable(f"The tokenizer of {name}", error) from error


def _transformers(source: str, cache_dir: str | None) -> TowerEncoder:
    _need_transformers(f"The model {source!r}")
    from transformers import AutoModel, AutoProcessor

    from fixlip.encoders.hugging_face import from_transformers

    try:
        model = AutoModel.from_pretrained(source, cache_dir=cache_dir)
        processor = AutoProcessor.from_pretrained(source, cache_dir=cache_dir)
    except Exception as error:
        raise _unreachable(f"The model {source!r}", error) from error
    return from_transformers(model, processor, name=source)


def _need_transformers(what: str, error: Exception | None = None) -> None:
    if find_spec("transformers") is None:
        raise MissingExtraError(f"{what} needs transformers: pip install 'fixlip[transformers]'.") from error


def _unreachable(what: str, error: Exception) -> FixlipError:
    if isinstance(error, FixlipError):
        return error
    if "trust_remote_code" in str(error):
        return UnsupportedModelError(f"{what} brings code of its own, and fixlip runs none.")
    return UnsupportedModelError(
        f"{what}: neither cached nor reachable ({_reason(error)}). Give a file as pretrained= or a built model, "
        f"or use a bundled model: {', '.join(bundled_models())}."
    )


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:2])[:200]}"


def _place(encoder: DualEncoder, device: str | torch.device | None, dtype: str | torch.dtype | None) -> DualEncoder:
    if isinstance(dtype, str):
        if dtype not in DTYPES:
            raise OptionError(unknown("dtype", dtype, DTYPES))
        dtype = DTYPES[dtype]
    if not isinstance(encoder, TowerEncoder) or encoder.model is None or (device is None and dtype is None):
        return encoder
    try:
        encoder.model.to(device=device, dtype=dtype)
    except (RuntimeError, AssertionError) as error:  # torch raises either for a device that is not there
        raise OptionError(f"The device {str(device)!r} cannot be used: {str(error).splitlines()[0]}") from error
    return encoder


@contextmanager
def _quiet() -> Iterator[None]:
    """open_clip logs to the root logger what is asked for here (no weights) or raised here (no network)."""
    here = get_ident()

    def told(record: logging.LogRecord) -> bool:
        return record.thread != here or record.levelno > logging.ERROR

    logging.root.addFilter(told)
    try:
        yield
    finally:
        logging.root.removeFilter(told)
