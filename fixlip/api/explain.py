"""Explanations of one pair of a picture and a caption, or of many pairs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from fixlip.api.curves import with_curves
from fixlip.api.load import DEFAULT_MODEL, encoder_for
from fixlip.arguments import in_order, lasting, whole_number
from fixlip.errors import FixlipError, InputError
from fixlip.estimator import Estimator, Progress
from fixlip.fitting.stopping import all_or_nothing
from fixlip.io.images import ImageLike, inputs_in_order
from fixlip.registry import as_estimator
from fixlip.results.explanation import Explanation

if TYPE_CHECKING:
    from fixlip.encoders.base import DualEncoder
    from fixlip.games.base import Game
    from fixlip.players.regions import RegionsLike


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
    text_players: str = "words",
    phrases: "Iterable[str | tuple[int, int]]" = (),
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
        budget: game values to spend, image masks x text masks, as the papers count; by default as many as the estimator
            needs for a standard error of a tenth, or a fixed number where it cannot tell.
            If the budget covers all masks, they are enumerated, and the answer is exact.
        image_masks, text_masks: number of masks of each tower, instead of a budget.
        target_error: stop as soon as the standard errors of the interactions, relative to their size, are at most this
            (for example 0.1); see `fixlip.estimator.Estimator.explain`, also for the result of an interruption.
        text_players: "words", "tokens", or "content" (stop words join the word that follows). A word as one player and
            the sum over its tokens (``heatmap("skateboarder")`` of an explanation by tokens) answer different
            questions: the first removes the word as a whole, the second adds up the effects of its pieces, each while
            the others come and go. (For a word of two tokens Banzhaf interactions at p = 0.5 give both the same answer:
            2-efficiency, Lehrer 1988.)
        phrases: phrases of the caption, or spans of its characters, each of which is one player; the rest are words.
        image_players: "patches", or regions: "grid:3", "slic:40" (needs fixlip[regions]), an integer label map, masks,
            boxes; see `fixlip.players.regions.make_regions`.
        removal: how players are removed, such as ``{"image": "drop", "text": "delete"}``; a missing entry means the
            model's default: patches are 0 after the model's normalisation (the mean colour of the training data, or
            black without normalisation), tokens hidden from attention. See `fixlip.encoders.removal`.
        seed: fixes the masks; nothing else does.
        batch_size: the largest number of masks in a forward pass; it shrinks when memory runs out.
        progress: None shows a bar on a terminal; True, False, or a function of (done, total) passes.
        curves: also score the model while the most important players are removed, for `Explanation.curves` and the
            page; this takes at most two more passes for each player, see `fixlip.api.curves`.
        options: options of the estimator, if it is given by name.

    Returns:
        An `Explanation` in logits.

    Raises:
        FixlipError: wrong input, an unknown name or option, too small a budget, or a model that cannot be loaded.

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


def explained(which: str, image: ImageLike, text: str, **call: Any) -> Explanation:
    """Explain one of several combinations of options; an error that is due to them says which combination it was.

    Args:
        which: name of the combination.
        image, text, call: as in `explain`.

    Raises:
        FixlipError: as `explain`.
    """
    try:
        return explain(image, text, **call)
    except InputError:  # the picture or the caption, which all combinations share
        raise
    except FixlipError as error:
        raise type(error)(f"{which}: {error}") from error


def explain_many(
    images: Iterable[ImageLike],
    texts: Iterable[str],
    *,
    pairs: Literal["all"] | Iterable[tuple[int, int]] | None = None,
    model: "str | DualEncoder" = DEFAULT_MODEL,
    estimator: str | Estimator = "banzhaf",
    text_players: str = "words",
    phrases: "Iterable[str | tuple[int, int]]" = (),
    image_players: "RegionsLike" = "patches",
    removal: Mapping[str, str] | None = None,
    batch_size: int | Literal["auto"] = "auto",
    curves: bool = False,
    options: dict[str, Any] | None = None,
    **call: Any,
) -> Iterator[Explanation]:
    """Explain many pairs; masked inputs that several pairs share are encoded once.

    An interruption (Ctrl-C) ends the iteration, and the explanations yielded before are complete; with a single pair it
    acts as in `explain`.

    Args:
        images, texts: the inputs: lists, arrays, columns of a table (taken row by row, whatever their labels),
            generators; a single one stands for a list of itself.
        pairs: which (image index, text index) to explain, "all", or None for the k-th image with the k-th text.
        call: `budget`, `image_masks`, `text_masks`, `target_error`, `seed`, `progress`; this and the rest as in
            `explain`.

    Yields:
        One `Explanation` for each pair, in order.

    Raises:
        FixlipError: as `explain`; wrong arguments raise before the first pair.
    """
    estimator = as_estimator(estimator, options)
    pictures, captions = inputs_in_order("images", images), inputs_in_order("texts", texts)
    chosen = _chosen(pairs, len(pictures), len(captions))
    from fixlip.games.similarity import games

    each = games(
        encoder_for(model, removal),
        pictures,
        captions,
        chosen,
        image_players=lasting(image_players),
        text_players=text_players,
        phrases=in_order("phrases", phrases),
        batch_size=batch_size,
    )

    def explain_game(game: "Game") -> Explanation:
        explanation = estimator.explain(game, **call)
        return with_curves(explanation, game) if curves else explanation

    return map(explain_game if len(chosen) == 1 else all_or_nothing()(explain_game), each)


def _chosen(pairs: Any, n_images: int, n_texts: int) -> list[tuple[int, int]]:
    """Return the pairs to explain as indices; see `explain_many`."""
    if pairs is None:
        if n_images != n_texts:
            raise InputError(f"{n_images} images and {n_texts} texts do not pair up; give pairs=.")
        return [(i, i) for i in range(n_images)]
    if isinstance(pairs, str) and pairs == "all":
        return [(i, j) for i in range(n_images) for j in range(n_texts)]
    chosen = []
    for pair in in_order("pairs", pairs):
        try:
            i, j = (whole_number("an index", k) for k in pair)
        except (TypeError, ValueError) as error:  # a string, a fraction, three numbers, no pair at all
            raise InputError(f'pairs is "all" or a list of (image index, text index), got {pair!r} in it.') from error
        if not (0 <= i < n_images and 0 <= j < n_texts):
            raise InputError(f"Pair ({i}, {j}) is not among {n_images} images and {n_texts} texts.")
        chosen.append((i, j))
    return chosen
