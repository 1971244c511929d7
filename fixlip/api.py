"""The front door: load a model, explain a pair, explain many, compare."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from fixlip.anytime import all_or_nothing, with_curves
from fixlip.comparison import Comparison
from fixlip.errors import InputError, OptionError, UnsupportedModelError
from fixlip.estimator import Estimator, Progress
from fixlip.explanation import Explanation
from fixlip.images import ImageLike
from fixlip.registry import as_estimator

if TYPE_CHECKING:
    import torch

    from fixlip.encoders.base import DualEncoder
    from fixlip.games.base import Game
    from fixlip.regions import RegionsLike

TextPlayers = Literal["words", "content", "tokens"]
DEFAULT_MODEL, DEFAULT_WEIGHTS = "ViT-B-32", "openai"
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
) -> "DualEncoder":
    """Load a dual encoder, or make one of a model that is already built.

    Args:
        name: what to explain:

            - a bundled model: "demo-clip", "demo-siglip" (work offline, know the objects of `fixlip.datasets.scenes`);
            - an open_clip name: "ViT-B-32", "ViT-B-16-SigLIP2", "RN50", ...;
            - "hf-hub:org/repo" or "local-dir:/path" with a model of open_clip;
            - "transformers:/path-or-id" with a CLIPModel, SiglipModel or Siglip2Model (needs fixlip[transformers]);
            - a model object of open_clip, transformers or OpenAI's clip; it stays where it is and is put into
              evaluation mode.
        pretrained: for an open_clip name its tag of the weights, or a file; the others have their own.
        preprocess: for a model object: open_clip's transform or preprocess_cfg (the model's own when None), or the
            processor of a model of transformers.
        tokenizer: for a model object of open_clip its tokenizer; also overrides that of an open_clip name.
        device: "cpu", "cuda", "mps", ...; when None the GPU where there is one, for a model object where it is.
        dtype: of the model, a torch dtype or its name ("bfloat16"); as loaded when None.
        cache_dir: where downloads are kept.
        allow_random: with ``pretrained=None``, accept random weights.

    Raises:
        UnsupportedModelError: unknown name (the nearest is suggested), a kind of model that is not read, weights that
            do not fit or are neither cached nor reachable, or a tokenizer of another model.
        OptionError: random weights without being asked for, or a device that cannot be used.
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
    target_error: float | None = None,
    text_players: TextPlayers = "words",
    phrases: "Sequence[str | tuple[int, int]]" = (),
    image_players: "RegionsLike" = "patches",
    removal: Mapping[str, str] | None = None,
    seed: int = 0,
    batch_size: int | Literal["auto"] = "auto",
    progress: Progress = None,
    curves: bool = False,
    options: dict[str, Any] | None = None,
) -> Explanation:
    """Explain why a model finds a picture and a caption similar.

    Args:
        image: a path, a PIL image, or an array.
        text: the caption. (With `fixlip.encoders.from_callables` both inputs can be pictures, or both captions.)
        model: what `load_model` returns, or a name for it (kept loaded for the next call).
        estimator: an `Estimator`, or its name.
        budget: game values to spend, image masks x text masks, as the papers count; the estimator's default when None.
            One that covers all masks is enumerated, and the answer is then exact.
        image_masks, text_masks: encoder passes of each tower, instead of a budget.
        target_error: stop as soon as the standard errors of the interactions, relative to their size, are at most this
            (0.1, say); see `fixlip.estimator.Estimator.explain`, also for what an interruption gives.
        text_players: "words", "tokens", or "content" (stop words join the word that follows). A word as one player and
            the sum over its tokens (``heatmap("skateboarder")`` of an explanation by tokens) answer different
            questions: the one removes the word as a whole, the other adds up what each of its pieces does while the
            others come and go. (For a word of two tokens Banzhaf interactions at p = 0.5 give both the same answer:
            2-efficiency, Lehrer 1988.)
        phrases: phrases of the caption, or spans of its characters, that are one player each; the rest are words.
        image_players: "patches", or regions: "grid:3", "slic:40" (needs fixlip[regions]), an integer label map, masks,
            boxes; see `fixlip.regions.make_regions`.
        removal: how players are removed, such as ``{"image": "drop", "text": "delete"}``; what is not given is the
            model's default: patches in the mean colour, tokens hidden from attention. See `fixlip.encoders.removal`.
        seed: alone fixes the masks.
        batch_size: most masks for one forward pass; it shrinks by itself when memory runs out.
        progress: None shows a bar on a terminal; True, False, or a function of (done, total) passes.
        curves: also score the model while the most important players are removed, for `Explanation.curves` and the
            page; at most two passes more for each player, see `fixlip.removal_curves`.
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
        target_error=target_error,
        text_players=text_players,
        phrases=phrases,
        image_players=image_players,
        removal=removal,
        seed=seed,
        batch_size=batch_size,
        progress=progress,
        curves=curves,
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
    text_players: TextPlayers = "words",
    phrases: "Sequence[str | tuple[int, int]]" = (),
    image_players: "RegionsLike" = "patches",
    removal: Mapping[str, str] | None = None,
    batch_size: int | Literal["auto"] = "auto",
    curves: bool = False,
    options: dict[str, Any] | None = None,
    **call: Any,
) -> Iterator[Explanation]:
    """Explain many pairs; masked inputs that several pairs share are encoded once.

    An interruption (Ctrl-C) of several ends them, and what was yielded before is whole; of one it is as in `explain`.

    Args:
        images, texts: the inputs.
        pairs: which (image index, text index) to explain, "all", or None for the k-th image with the k-th text.
        call: `budget`, `image_masks`, `text_masks`, `target_error`, `seed`, `progress`; this and the rest as in
            `explain`.

    Yields:
        One `Explanation` for each pair, in order.

    Raises:
        FixlipError: as `explain`; before the first pair where the arguments themselves are wrong.
    """
    estimator = as_estimator(estimator, options)
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

    each = games(
        _encoder(model, removal),
        images,
        texts,
        chosen,
        image_players=image_players,
        text_players=text_players,
        phrases=phrases,
        batch_size=batch_size,
    )

    def explained(game: "Game") -> Explanation:
        found = estimator.explain(game, **call)
        return with_curves(found, game) if curves else found

    return map(explained if len(chosen) == 1 else all_or_nothing()(explained), each)


@all_or_nothing()
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


@all_or_nothing()
def sensitivity(
    image: ImageLike,
    text: str,
    *,
    removals: Sequence[Mapping[str, str]] | None = None,
    model: "str | DualEncoder" = DEFAULT_MODEL,
    **call: Any,
) -> Comparison:
    """Explain one picture and caption under several removal operators: what depends on the removal.

    Args:
        image, text, model: as in `explain`.
        removals: values of its `removal`; when None the default, and each other operator of the model in its place.
        call: further arguments of `explain`; they hold for all.

    Returns:
        A `Comparison`, labelled by the removals; `Comparison.agreement` puts a number on it.

    Example:
        >>> from fixlip.datasets.scenes import make_scene
        >>> scene = make_scene(0)
        >>> few = {"options": {"interactions": "cross"}, "image_masks": 128, "progress": False}
        >>> found = sensitivity(scene.image, scene.caption, model="demo-clip", **few)
        >>> len(found), found.agreement().shape
        (6, (6, 6))
    """
    encoder = _encoder(model, None)
    if removals is None:
        towers = {"image": getattr(encoder, "image_tower", None), "text": getattr(encoder, "text_tower", None)}
        others = [(side, name) for side, tower in towers.items() if tower for name in tower.removals[1:]]
        removals = [{}, *({side: name} for side, name in others)]
    found = [explain(image, text, model=encoder, removal=removal, **call) for removal in removals]
    return Comparison(tuple(found), tuple(f.provenance.removal for f in found))


def _encoder(model: "str | DualEncoder", removal: Mapping[str, str] | None) -> "DualEncoder":
    """The encoder, with these removals."""
    from fixlip.encoders.base import DualEncoder

    encoder: object = model
    if isinstance(model, str):
        with _loading:
            encoder = _load_once(model, DEFAULT_WEIGHTS)
    if not isinstance(encoder, DualEncoder):
        raise UnsupportedModelError(
            f"model is a name or what load_model returns, got {type(model).__name__}; load_model(...) takes models "
            "that are already built."
        )
    if removal is None:
        return encoder
    if not isinstance(removal, Mapping) or not set(removal) <= {"image", "text"}:
        raise OptionError(f"removal is like {{'image': 'drop', 'text': 'delete'}}, got {removal!r}.")
    if not hasattr(encoder, "with_removal"):
        raise OptionError(f"{encoder.name} has one way to remove players: {encoder.removal}.")
    return encoder.with_removal(**removal)


@lru_cache(maxsize=2)
def _load_once(name: str, pretrained: str) -> "DualEncoder":
    return load_model(name, pretrained=pretrained)
