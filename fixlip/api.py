"""The front door: load a model, explain a pair, explain many, compare."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from fixlip.comparison import Comparison
from fixlip.errors import InputError, OptionError
from fixlip.estimator import Estimator, Progress
from fixlip.explanation import Explanation
from fixlip.images import ImageLike
from fixlip.registry import get_estimator

if TYPE_CHECKING:
    import torch

    from fixlip.encoders.base import DualEncoder

DEFAULT_MODEL, DEFAULT_WEIGHTS = "ViT-B-32", "openai"


def list_models() -> dict[str, list[str]]:
    """Names that `load_model` takes: ``{"bundled": [...], "open_clip": [...]}``."""
    from fixlip.encoders import loading

    return {"bundled": loading.bundled_models(), "open_clip": loading.open_clip_models()}


def load_model(
    name: str = DEFAULT_MODEL,
    *,
    pretrained: str | None = DEFAULT_WEIGHTS,
    device: "str | torch.device | None" = None,
    dtype: "torch.dtype | None" = None,
    cache_dir: str | None = None,
    allow_random: bool = False,
) -> "DualEncoder":
    """Load a dual encoder.

    Args:
        name: a bundled model ("demo-clip": works offline, knows the objects of `fixlip.datasets.scenes`), or an
            open_clip name of the CLIP layout with a ViT image tower ("ViT-B-32", "ViT-B-16", "ViT-L-14", ...).
        pretrained: open_clip's tag of the weights, or a file; bundled models have their own.
        device: "cpu", "cuda", ...; the GPU where there is one when None.
        dtype: torch dtype of the model; as loaded when None.
        cache_dir: where open_clip keeps its downloads.
        allow_random: with ``pretrained=None``, accept random weights.

    Raises:
        UnsupportedModelError: unknown name (the nearest is suggested), another layout, or weights that are neither
            cached nor reachable.
        OptionError: random weights without being asked for.
    """
    from fixlip.encoders import loading

    return loading.load(
        name, pretrained=pretrained, device=device, dtype=dtype, cache_dir=cache_dir, allow_random=allow_random
    )


def explain(
    image: ImageLike,
    text: str,
    *,
    model: "str | DualEncoder" = DEFAULT_MODEL,
    estimator: str | Estimator = "banzhaf",
    budget: int | None = None,
    image_masks: int | None = None,
    text_masks: int | None = None,
    text_players: Literal["words", "tokens"] = "words",
    image_players: Literal["patches"] = "patches",
    removal: None = None,
    seed: int = 0,
    batch_size: int | Literal["auto"] = "auto",
    progress: Progress = None,
    options: dict[str, Any] | None = None,
) -> Explanation:
    """Explain why a model finds a picture and a caption similar.

    Args:
        image: a path, a PIL image, or an array.
        text: the caption.
        model: what `load_model` returns, or a name for it (kept loaded for the next call).
        estimator: an `Estimator`, or its name.
        budget: game values to spend, image masks x text masks, as the papers count; the estimator's default when None.
            One that covers all masks is enumerated, and the answer is then exact.
        image_masks, text_masks: encoder passes of each tower, instead of a budget.
        text_players: "words" or "tokens".
        image_players: "patches".
        removal: how players are removed; None for the model's default (patches to the mean colour, tokens masked in
            every attention block).
        seed: alone fixes the masks.
        batch_size: most masks for one forward pass; it shrinks by itself when memory runs out.
        progress: None shows a bar on a terminal; True, False, or a function of (done, total) passes.
        options: options of the estimator, where it is given by name.

    Returns:
        An `Explanation` in logits.

    Raises:
        FixlipError: bad input, unknown name or option, a budget too small, a model that cannot be had; one clear line.

    Example:
        >>> from fixlip.datasets.scenes import make_scene
        >>> scene = make_scene(0)
        >>> explain(scene.image, scene.caption, model="demo-clip", image_masks=128, progress=False).cross.shape[0]
        49
    """
    pairs = explain_many(
        [image],
        [text],
        model=model,
        estimator=estimator,
        budget=budget,
        image_masks=image_masks,
        text_masks=text_masks,
        text_players=text_players,
        image_players=image_players,
        removal=removal,
        seed=seed,
        batch_size=batch_size,
        progress=progress,
        options=options,
    )
    return next(iter(pairs))


def explain_many(
    images: Sequence[ImageLike],
    texts: Sequence[str],
    *,
    pairs: Literal["all"] | Sequence[tuple[int, int]] | None = None,
    model: "str | DualEncoder" = DEFAULT_MODEL,
    estimator: str | Estimator = "banzhaf",
    text_players: Literal["words", "tokens"] = "words",
    image_players: Literal["patches"] = "patches",
    removal: None = None,
    batch_size: int | Literal["auto"] = "auto",
    options: dict[str, Any] | None = None,
    **call: Any,
) -> Iterator[Explanation]:
    """Explain many pairs; masked inputs that several pairs share are encoded once.

    Args:
        images, texts: the inputs.
        pairs: which (image index, text index) to explain, "all", or None for the k-th image with the k-th text.
        call: `budget`, `image_masks`, `text_masks`, `seed`, `progress`; this and the rest as in `explain`.

    Yields:
        One `Explanation` for each pair, in order.

    Raises:
        FixlipError: as `explain`; before the first pair where the arguments themselves are wrong.
    """
    if removal is not None:
        raise OptionError(f"removal is None (the model's default), got {removal!r}.")
    if isinstance(estimator, str):
        estimator = get_estimator(estimator, **(options or {}))
    elif options:
        raise OptionError("Options go with an estimator given by name; this one is built already.")
    if pairs is None:
        if len(images) != len(texts):
            raise InputError(f"{len(images)} images and {len(texts)} texts do not pair up; give pairs=.")
        chosen = [(i, i) for i in range(len(images))]
    elif pairs == "all":
        chosen = [(i, j) for i in range(len(images)) for j in range(len(texts))]
    else:
        chosen = [(int(i), int(j)) for i, j in pairs]
    for i, j in chosen:
        if not (0 <= i < len(images) and 0 <= j < len(texts)):
            raise InputError(f"Pair ({i}, {j}) is not among {len(images)} images and {len(texts)} texts.")
    from fixlip.games.similarity import games

    encoder = _load_once(model, DEFAULT_WEIGHTS) if isinstance(model, str) else model
    players = {"image_players": image_players, "text_players": text_players}
    each = games(encoder, images, texts, chosen, batch_size=batch_size, **players)
    return (estimator.explain(game, **call) for game in each)


def compare(
    image: ImageLike,
    text: str,
    *,
    models: "Sequence[str | DualEncoder]" = (DEFAULT_MODEL,),
    estimators: Sequence[str | Estimator] = ("banzhaf",),
    **call: Any,
) -> Comparison:
    """Explain one picture and caption by several models and estimators.

    Args:
        image, text: the inputs.
        models, estimators: all combinations are explained, models first.
        call: further arguments of `explain`; they hold for all.

    Returns:
        A `Comparison`, labelled by what differs.

    Raises:
        FixlipError: as `explain`; also where there is nothing to compare.

    Example:
        >>> from fixlip.estimators.banzhaf import Banzhaf
        >>> from fixlip.datasets.scenes import make_scene
        >>> scene = make_scene(0)
        >>> by_p = [Banzhaf(p=p, interactions="cross") for p in (0.3, 0.7)]
        >>> both = compare(scene.image, scene.caption, models=["demo-clip"], estimators=by_p, progress=False)
        >>> both.labels
        ('banzhaf #1', 'banzhaf #2')
    """
    found = [explain(image, text, model=m, estimator=e, **call) for m in models for e in estimators]
    names = [(f.provenance.model, f.provenance.estimator) for f in found]
    varied = [k for k in (0, 1) if len({name[k] for name in names}) > 1] or [1]
    labels = [", ".join(name[k] for k in varied) for name in names]
    if len(set(labels)) < len(labels):
        labels = [f"{label} #{k}" for k, label in enumerate(labels, 1)]
    return Comparison(tuple(found), tuple(labels))


@lru_cache(maxsize=2)
def _load_once(name: str, pretrained: str) -> "DualEncoder":
    return load_model(name, pretrained=pretrained)
