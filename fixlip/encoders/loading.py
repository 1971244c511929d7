"""Turn a name or a model object into a dual encoder."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from os.path import isfile  # False for names that no file can have
from pathlib import Path
from textwrap import shorten
from threading import RLock, get_ident
from typing import Any

import open_clip
import torch
from open_clip.model import get_model_preprocess_cfg

from fixlip.encoders.base import DualEncoder
from fixlip.encoders.bundled import asset_folder, bundled_models, read_weights
from fixlip.encoders.encoder import TowerEncoder
from fixlip.encoders.families import from_object
from fixlip.encoders.foreign_code import no_foreign_code, replaced
from fixlip.encoders.hub import cache_alone_without_network, folder_alone
from fixlip.encoders.names import DEFAULT_WEIGHTS, popular
from fixlip.encoders.open_clip import from_open_clip
from fixlip.encoders.precision import DTYPES, fastest
from fixlip.encoders.sources import (
    BUNDLED,
    ENCODER,
    FOLDER,
    HUB,
    OBJECT,
    OF_FOLDER,
    OF_HUB,
    OF_TRANSFORMERS,
    OPEN_CLIP,
    TRANSFORMERS,
    folder_of,
    kind_of,
    resolved,
)
from fixlip.encoders.wrappers import plain_key
from fixlip.errors import FixlipError, MissingExtraError, OptionError, UnsupportedModelError, unknown
from fixlip.runtime.modes import plain_torch

_one_at_a_time = RLock()  # while they build a model, libraries change settings of the whole process
PARTS = {"preprocess", "tokenizer"}
DAMAGED = {"SafetensorError", "UnpicklingError", "JSONDecodeError", "EOFError"}  # errors of readers of files
AUTO = "auto"
TAKES: dict[str, set[str]] = {  # beside device, dtype and label; anything else is refused
    ENCODER: set(),
    OBJECT: PARTS,
    BUNDLED: PARTS,
    OPEN_CLIP: {*PARTS, "pretrained", "cache_dir"},
    OF_HUB: {*PARTS, "cache_dir"},
    OF_FOLDER: {*PARTS, "pretrained", "cache_dir"},
    OF_TRANSFORMERS: {*PARTS, "cache_dir"},
}


def load(
    model: Any,
    *,
    pretrained: str | None = DEFAULT_WEIGHTS,
    preprocess: Any = None,
    tokenizer: Any = None,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    cache_dir: str | None = None,
    allow_random: bool = False,
    label: str | None = None,
) -> DualEncoder:
    """Load a model; see `fixlip.load_model`."""
    with plain_torch():
        if isinstance(model, (tuple, list)) and model and isinstance(model[0], torch.nn.Module):
            if preprocess is not None:
                raise OptionError("A tuple of a model and its transforms has its preprocessing; leave preprocess= out.")
            model, preprocess = model[0], model[-1] if len(model) > 1 else None
        if isinstance(model, str):
            if pretrained is not None and pretrained.lower() == "none":
                pretrained = None
            model = resolved(model, cache_dir)
        kind = kind_of(model)
        beside = {"preprocess": preprocess, "tokenizer": tokenizer, "cache_dir": cache_dir}
        given = {name for name, value in beside.items() if value is not None}
        if pretrained is None or pretrained != DEFAULT_WEIGHTS:
            given.add("pretrained")
        if unused := sorted(given - TAKES[kind]):
            takes = ", ".join(sorted(TAKES[kind] | {"device", "dtype", "label"}))
            raise OptionError(f"{kind[0].upper()}{kind[1:]} does not take {', '.join(unused)}; it takes {takes}.")
        if kind == ENCODER:
            encoder: DualEncoder = model
        elif kind == OBJECT:
            encoder = from_object(model, preprocess, tokenizer)
        else:
            device = device or ("cuda" if torch.cuda.is_available() else "cpu")
            fork = torch.random.fork_rng(devices=[])  # weights are random before they are read
            with _one_at_a_time, fork, no_foreign_code(), _where(model, kind):
                encoder = _named(model, kind, pretrained, preprocess, tokenizer, cache_dir, allow_random)
        return _finished(encoder, device, dtype, label)


def _where(model: str, kind: str) -> AbstractContextManager[None]:
    """Around the loading of a model by name: where its parts are looked for."""
    if kind == BUNDLED:
        return nullcontext()
    folder = folder_of(model)
    return cache_alone_without_network() if folder is None else folder_alone(folder)


def _named(
    model: str,
    kind: str,
    pretrained: str | None,
    preprocess: Any,
    tokenizer: Any,
    cache_dir: str | None,
    allow_random: bool,
) -> TowerEncoder:
    if kind == OF_TRANSFORMERS:
        return _transformers(model.removeprefix(TRANSFORMERS), preprocess, tokenizer, cache_dir)
    if kind == BUNDLED:
        return _bundled(model, preprocess, tokenizer)
    with _quiet():
        loaded = _open_clip(model, pretrained, cache_dir, allow_random)
    name = model if kind != OPEN_CLIP else f"{model} ({pretrained or 'random weights'})"
    preprocess = get_model_preprocess_cfg(loaded) if preprocess is None else preprocess
    tokenizer = _tokenizer(model, cache_dir) if tokenizer is None else tokenizer
    return from_open_clip(loaded.eval(), preprocess, tokenizer, name=name)


def _bundled(name: str, preprocess: Any, tokenizer: Any) -> TowerEncoder:
    source = f"{FOLDER}{asset_folder(name)}"
    with _quiet():
        model = open_clip.create_model(source, load_weights=False)
    vocabulary = getattr(model, "vocab_size", None) or model.text.vocab_size
    state, known_ids = read_weights(name, vocabulary)
    model.load_state_dict(state)
    if preprocess is None:
        config = json.loads((asset_folder(name) / "open_clip_config.json").read_text())
        preprocess = {"size": model.visual.image_size, **config["preprocess_cfg"]}
    tokenizer = open_clip.get_tokenizer(source) if tokenizer is None else tokenizer
    return from_open_clip(model.eval(), preprocess, tokenizer, name=name, known_ids=known_ids)


def _open_clip(name: str, pretrained: str | None, cache_dir: str | None, allow_random: bool) -> torch.nn.Module:
    if name.startswith((HUB, FOLDER)):
        folder = Path(name.removeprefix(FOLDER))
        if name.startswith(FOLDER) and not isfile(folder / "open_clip_config.json"):
            raise UnsupportedModelError(f"{str(folder)!r} has no open_clip_config.json.")
        if allow_random and pretrained is None and name.startswith(FOLDER):
            return _created(name, f"The parts of {name!r}", load_weights=False, pretrained_text=False)
        if name.startswith(FOLDER) and not _has(folder, ".safetensors", ".bin", ".pth"):
            raise UnsupportedModelError(f"{name!r} has no weights: no file that ends in .safetensors, .bin or .pth.")
        text = {"pretrained_text": False} if name.startswith(FOLDER) else {}  # its weights are in those of the model
        return _created(name, f"The model {name!r}", require_pretrained=True, cache_dir=cache_dir, **text)
    if name not in open_clip.list_models():
        raise UnsupportedModelError(
            unknown("model", name, open_clip.list_models(), first=bundled_models())
            + " Models of the hub are 'transformers:ORG/NAME' or 'hf-hub:ORG/NAME'."
        )
    if pretrained is None:
        if not allow_random:
            raise OptionError(f"{name} without weights explains nothing; give pretrained=, or allow_random=True.")
        return _created(name, f"The parts of {name}", load_weights=False, pretrained_text=False)
    tags, file = open_clip.list_pretrained_tags_by_model(name), Path(pretrained)
    if pretrained not in tags and not isfile(file):
        what = f"weights of {name}: not a file and not the tag"
        raise UnsupportedModelError(unknown(what, pretrained, tags, first=popular(tags)))
    gelu = bool((open_clip.get_pretrained_cfg(name, pretrained) or {}).get("quick_gelu"))
    options = {"pretrained": pretrained, "force_quick_gelu": gelu, "require_pretrained": True, "cache_dir": cache_dir}
    if pretrained not in tags:
        warnings.warn(
            f"{file.name} is loaded with the default preprocessing of {name}; if the model was trained with another, "
            "build it yourself and give the object to load_model.",
            stacklevel=5,
        )
        try:
            return _create(name, **options)
        except Exception as error:  # torch, safetensors and open_clip raise many kinds
            raise UnsupportedModelError(
                f"The weights in {pretrained!r} do not fit {name}: {_reason(error)}."
            ) from error
    return _created(name, f"The weights {pretrained!r} of {name}", **options)


def _has(folder: str | Path, *ends: str) -> bool:
    return any(file.name.endswith(ends) for file in Path(folder).iterdir())


def _created(name: str, what: str, **options: Any) -> torch.nn.Module:
    try:
        return _create(name, **options)
    except Exception as error:  # open_clip, hub, network and torch raise many kinds
        raise _unusable(what, name, error) from error


def _create(name: str, **options: Any) -> torch.nn.Module:
    """`open_clip.create_model`, which takes "module." off the names of weights, for all that wrappers add to them."""
    read = open_clip.factory.load_state_dict

    def read_plainly(*args: Any, **kwargs: Any) -> dict[str, Any]:
        return {plain_key(key): value for key, value in read(*args, **kwargs).items()}

    with replaced(open_clip.factory, "load_state_dict", read_plainly):
        return open_clip.create_model(name, **options)


def _tokenizer(name: str, cache_dir: str | None) -> Any:
    if name.startswith(FOLDER) and open_clip.get_model_config(name)["text_cfg"].get("hf_tokenizer_name"):
        folder = name.removeprefix(FOLDER)
        if not _has(folder, "tokenizer.json", "tokenizer_config.json", ".model", "vocab.txt", "vocab.json"):
            raise UnsupportedModelError(f"{name!r} has no tokenizer: no tokenizer.json nor the like.")
    try:
        return open_clip.get_tokenizer(name, cache_dir=cache_dir)
    except ImportError as error:
        _need_transformers(f"The tokenizer of {name}", error)
        raise
    except Exception as error:
        raise _unusable(f"The tokenizer of {name}", name, error) from error


def _transformers(source: str, processor: Any, tokenizer: Any, cache_dir: str | None) -> TowerEncoder:
    _need_transformers(f"The model {source!r}")
    from transformers import AutoModel, AutoProcessor

    from fixlip.encoders.hugging_face import from_transformers

    try:
        keys = {r"_orig_mod\.": "", r"^module\.": ""}  # as `plain_key`
        model, report = AutoModel.from_pretrained(
            source, cache_dir=cache_dir, key_mapping=keys, output_loading_info=True
        )
        if processor is None:
            processor = AutoProcessor.from_pretrained(source, cache_dir=cache_dir)
    except Exception as error:
        raise _unusable(f"The model {source!r}", f"{TRANSFORMERS}{source}", error) from error
    if missing := sorted(report["missing_keys"]):
        raise UnsupportedModelError(
            f"The weights of {source!r} lack {len(missing)} of the model's, {missing[0]} first."
        )
    return from_transformers(model.eval(), processor, tokenizer, name=source)


def _need_transformers(what: str, error: Exception | None = None) -> None:
    if find_spec("transformers") is None:
        raise MissingExtraError(f"{what} needs transformers: pip install 'fixlip[transformers]'.") from error


def _unusable(what: str, name: str, error: Exception) -> FixlipError:
    """The error to raise where loading failed: the files are damaged, or there are none."""
    chain = list(_chain(error))
    if reported := next((cause for cause in chain if isinstance(cause, FixlipError)), None):
        return reported
    if "trust_remote_code" in str(error):
        return UnsupportedModelError(f"{what} brings code of its own, and fixlip runs none.")
    folder = folder_of(name)
    if folder is not None:
        return UnsupportedModelError(f"{what} cannot be loaded from the folder {folder!r} alone ({_reason(error)}).")
    if any(type(cause).__name__ in DAMAGED for cause in chain):
        return UnsupportedModelError(f"{what}: a file in the cache is damaged ({_reason(error)}); delete it there.")
    return UnsupportedModelError(
        f"{what}: neither cached nor reachable ({_reason(error)}). Give a file as pretrained= or a built model, "
        f"or use a bundled model: {', '.join(bundled_models())}."
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {shorten(' '.join(lines[:2]), 200, placeholder=' …')}"


def _finished(
    encoder: DualEncoder, device: str | torch.device | None, dtype: str | torch.dtype | None, label: str | None
) -> DualEncoder:
    """The encoder on this device, of this type, under this name, as far as they are given."""
    if isinstance(dtype, str) and dtype not in (AUTO, *DTYPES):
        raise OptionError(unknown("dtype", dtype, (AUTO, *DTYPES)))
    if label is None and device is None and dtype is None:
        return encoder
    if not isinstance(encoder, TowerEncoder):
        raise OptionError(f"An encoder of the kind {type(encoder).__name__} keeps its device, its dtype and its name.")
    if device is not None:
        encoder.move(device, None)
    if dtype is not None:
        kind = fastest(str(encoder.device)) if dtype == AUTO else DTYPES[dtype] if isinstance(dtype, str) else dtype
        encoder.move(None, kind)
    return encoder if label is None else encoder.named(label)


@contextmanager
def _quiet() -> Iterator[None]:
    """open_clip logs to the root logger what is asked for here (no weights) or raised here (no network)."""
    here = get_ident()

    def is_shown(record: logging.LogRecord) -> bool:
        return record.thread != here or record.levelno > logging.ERROR

    logging.root.addFilter(is_shown)
    try:
        yield
    finally:
        logging.root.removeFilter(is_shown)
