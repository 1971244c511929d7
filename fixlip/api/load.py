"""Load a model, by name or as an object."""

from collections.abc import Mapping
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any

from fixlip.encoders.names import DEFAULT_WEIGHTS
from fixlip.errors import OptionError, UnsupportedModelError

if TYPE_CHECKING:
    import torch

    from fixlip.encoders.base import DualEncoder

DEFAULT_MODEL = "ViT-B-32"
_loading = RLock()  # two threads that ask for one model by name get one model


def list_models() -> dict[str, list[str]]:
    """Names that `load_model` takes: ``{"bundled": [...], "open_clip": [...]}``."""
    from fixlip.encoders.names import bundled_models, open_clip_models

    return {"bundled": bundled_models(), "open_clip": open_clip_models()}


def load_model(
    name: Any = DEFAULT_MODEL,
    *,
    pretrained: str | None = DEFAULT_WEIGHTS,
    preprocess: Any = None,
    tokenizer: Any = None,
    device: "str | torch.device | None" = None,
    dtype: "str | torch.dtype | None" = None,
    cache_dir: str | None = None,
    allow_random: bool = False,
    label: str | None = None,
) -> "DualEncoder":
    """Load a dual encoder, or make one of a model that is already built.

    Args:
        name: what to explain:

            - a bundled model: "demo-clip", "demo-siglip" (work offline, know the objects of `fixlip.datasets.scenes`),
              "demo-bag", "demo-bound" (know coloured things, `fixlip.datasets.attributes`);
            - an open_clip name: "ViT-B-32", "ViT-B-16-SigLIP2", "RN50", ...;
            - an id of the Hugging Face hub, "openai/clip-vit-base-patch32", or a folder; its configuration says whether
              it is a model of open_clip or of transformers. "hf-hub:org/repo" and "local-dir:/path" are models of
              open_clip, "transformers:/path-or-id" is a CLIPModel, SiglipModel or Siglip2Model (needs
              fixlip[transformers]);
            - a model object of open_clip, transformers or OpenAI's clip, or the tuple of one and its transforms that
              `open_clip.create_model_and_transforms` gives; it stays where it is, in the mode that it is in;
            - an encoder, to be moved or labelled.
        pretrained: for an open_clip name its tag of the weights, or a file, or None (or "none") for random weights; the
            others have their own.
        preprocess: open_clip's transform or preprocess_cfg (the model's own when None), or the processor of a model of
            transformers.
        tokenizer: of a model object of open_clip; in other cases in the place of the model's own.
        device: "cpu", "cuda", "mps", ...; when None the GPU where there is one, for a model object where it is.
        dtype: of the model, a torch dtype or its name ("bfloat16"); "auto" for bfloat16 where the device multiplies at
            least 1.5 times as fast in it as in float32; as loaded when None.
        cache_dir: where downloads are kept.
        allow_random: with ``pretrained=None``, accept random weights.
        label: what the model is called in tables and results.

    Raises:
        UnsupportedModelError: unknown name (the nearest is suggested), a kind of model that is not read, weights that
            do not fit or are neither cached nor reachable, or a tokenizer of another model.
        OptionError: random weights without being asked for, a device that cannot be used, or an argument that this
            kind of model does not take.
        MissingExtraError: transformers is needed and not installed.
    """
    from fixlip.encoders import loading

    return loading.load(
        name,
        pretrained=pretrained,
        preprocess=preprocess,
        tokenizer=tokenizer,
        device=device,
        dtype=dtype,
        cache_dir=cache_dir,
        allow_random=allow_random,
        label=label,
    )


def encoder_for(model: "str | DualEncoder", removal: Mapping[str, str] | None) -> "DualEncoder":
    """The encoder, with these removals."""
    from fixlip.encoders.base import missing_members

    if isinstance(model, str):
        with _loading:
            encoder = _load_once(model, DEFAULT_WEIGHTS)
    else:
        absent = missing_members(model)
        if "embed_image" in absent:
            raise UnsupportedModelError(
                f"model is a name or what load_model returns, got {type(model).__name__}; load_model(...) takes models "
                "that are already built."
            )
        if absent:
            raise UnsupportedModelError(
                f"{type(model).__name__} lacks {', '.join(absent)}; an encoder has all members of "
                "fixlip.encoders.DualEncoder."
            )
        encoder = model
    if removal is None:
        return encoder
    if not isinstance(removal, Mapping) or not set(removal) <= {"image", "text"}:
        raise OptionError(f"removal is like {{'image': 'drop', 'text': 'delete'}}, got {removal!r}.")
    return encoder.with_removal(**removal)


@lru_cache(maxsize=2)
def _load_once(name: str, pretrained: str) -> "DualEncoder":
    return load_model(name, pretrained=pretrained)
