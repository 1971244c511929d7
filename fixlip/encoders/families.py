"""Families of models, and how a model that is already built becomes a dual encoder."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import open_clip
from open_clip.model import get_model_preprocess_cfg

from fixlip.encoders.base import DualEncoder
from fixlip.encoders.open_clip import from_open_clip
from fixlip.encoders.openai_clip import from_openai_clip, is_openai_clip
from fixlip.encoders.wrappers import unwrapped
from fixlip.errors import UnsupportedModelError
from fixlip.plugins import joined

GROUP = "fixlip.encoders"  # of entry points, for other packages


@dataclass(frozen=True)
class Family:
    """A family of models.

    Attributes:
        kinds: the classes that it reads, in words.
        recognises: whether an object is one of its models; asked of any object.
        build: a model, its preprocessing and its tokenizer (None where they are not given) -> encoder; it uses them or
            refuses them.
    """

    kinds: str
    recognises: Callable[[Any], bool]
    build: Callable[[Any, Any, Any], DualEncoder]


def _open_clip(model: Any, preprocess: Any, tokenizer: Any) -> DualEncoder:
    name = type(model).__name__
    if tokenizer is None:
        raise UnsupportedModelError(f"{name} of open_clip needs tokenizer=open_clip.get_tokenizer(...).")
    preprocess = get_model_preprocess_cfg(model) if preprocess is None else preprocess
    return from_open_clip(model, preprocess, tokenizer, name=name)


def _transformers(model: Any, preprocess: Any, tokenizer: Any) -> DualEncoder:
    from fixlip.encoders.hugging_face import from_transformers

    name = type(model).__name__
    if preprocess is None:
        raise UnsupportedModelError(f"{name} of transformers needs preprocess=AutoProcessor.from_pretrained(...).")
    return from_transformers(model, preprocess, tokenizer, name=getattr(model, "name_or_path", "") or name)


def _openai(model: Any, preprocess: Any, tokenizer: Any) -> DualEncoder:
    return from_openai_clip(model, preprocess, tokenizer, name=f"{type(model).__name__} of OpenAI")


BUILT_IN = {
    "open_clip": Family(
        "open_clip's CLIP, CustomTextCLIP and CoCa",
        lambda model: isinstance(model, (open_clip.CLIP, open_clip.CustomTextCLIP, open_clip.CoCa)),
        _open_clip,
    ),
    "transformers": Family(
        "CLIPModel, SiglipModel and Siglip2Model of transformers",
        lambda model: any(c.__module__ == "transformers.modeling_utils" for c in type(model).__mro__),  # without import
        _transformers,
    ),
    "openai": Family("OpenAI's CLIP", is_openai_clip, _openai),
}


def from_object(model: Any, preprocess: Any = None, tokenizer: Any = None) -> DualEncoder:
    """Make a dual encoder of a model that is already built; what it is is read from the object.

    Args:
        model: of any family, those of other packages among them.
        preprocess, tokenizer: as in `fixlip.load_model`.

    Raises:
        UnsupportedModelError: a kind that no family reads, or something missing beside it.
    """
    model = unwrapped(model)
    families: dict[str, Family] = joined(GROUP, BUILT_IN)
    for family in families.values():
        if family.recognises(model):
            return family.build(model, preprocess, tokenizer)
    kinds = {kind.__name__ for kind in type(model).__mro__}
    if "PeftModel" in kinds:
        raise UnsupportedModelError(
            f"{type(model).__name__} wraps a model: give load_model what model.get_base_model() returns, which has the "
            "adapters in it, or model.merge_and_unload()."
        )
    raise UnsupportedModelError(
        f"fixlip does not know models of the kind {type(model).__module__}.{type(model).__name__}; it reads "
        f"{'; '.join(family.kinds for family in families.values())}. "
        "For any other two towers there is fixlip.encoders.from_callables."
    )
