"""Several captions of one picture: which one a model prefers, and why it prefers one to another."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import expit, softmax

from fixlip.api.curves import with_curves
from fixlip.api.load import DEFAULT_MODEL, encoder_for
from fixlip.arguments import in_order
from fixlip.errors import InputError
from fixlip.estimator import Estimator
from fixlip.fitting.stopping import all_or_nothing
from fixlip.io.images import ImageLike
from fixlip.players.like_words import exchanges
from fixlip.registry import as_estimator
from fixlip.request import Request
from fixlip.results.contrast import Contrast
from fixlip.results.ranking import Ranked, Ranking
from fixlip.results.swaps import SwapTest
from fixlip.results.word_alignment import aligned_players, aligned_words

if TYPE_CHECKING:
    from fixlip.encoders.base import DualEncoder
    from fixlip.games.base import CallableGame
    from fixlip.players.regions import RegionsLike
    from fixlip.results.explanation import Explanation


def rank(image: ImageLike, texts: Iterable[str], *, model: "str | DualEncoder" = DEFAULT_MODEL) -> Ranking:
    """Rank captions by their similarity to a picture.

    The cost is one pass of the image tower, and one pass of the text tower for each caption.

    Args:
        image, model: as in `fixlip.explain`.
        texts: the captions, all different: a list, an array, a column of a table, a generator.

    Raises:
        FixlipError: no caption, a repeated caption, a caption without words, or as `fixlip.explain`.

    Example:
        >>> from fixlip.datasets.scenes import make_scene
        >>> scene = make_scene(4, names=("dog", "umbrella"))
        >>> ranking = rank(scene.image, ["a cat", "a dog and an umbrella", "a dog"], model="demo-clip")
        >>> ranking.measure, [ranked.caption for ranked in ranking.captions]
        ('softmax', ['a dog and an umbrella', 'a dog', 'a cat'])
    """
    captions = in_order("texts", texts)
    if not captions:
        raise InputError("There is no caption to rank.")
    twice = [text for k, text in enumerate(captions) if text in captions[:k]]
    if twice:
        raise InputError(f"The caption {twice[0]!r} is given twice; give each caption once.")
    encoder, logits, notes = encoder_for(model, None), [], []
    picture = encoder.own_image(encoder.image_input(image)).double()
    for number, text in enumerate(captions, 1):
        try:
            words = encoder.text_input(text)
        except InputError as error:
            raise InputError(f"Caption {number}, {text!r}: {error}") from error
        cosine = float(picture @ encoder.own_text(words).double())
        logits.append(encoder.logit_scale * cosine + encoder.logit_bias)
        notes.append(words.notes)
    measure: Literal["softmax", "sigmoid"] = "sigmoid" if encoder.logit_bias else "softmax"
    probabilities = {"softmax": softmax, "sigmoid": expit}[measure](np.array(logits))
    order = np.argsort(-np.array(logits), kind="stable")
    return Ranking(tuple(Ranked(captions[i], logits[i], float(probabilities[i]), notes[i]) for i in order), measure)


@all_or_nothing()
def contrast(
    image: ImageLike,
    texts: Iterable[str],
    *,
    model: "str | DualEncoder" = DEFAULT_MODEL,
    estimator: str | Estimator = "banzhaf",
    text_players: str = "words",
    phrases: Iterable[str | tuple[int, int]] = (),
    image_players: "RegionsLike" = "patches",
    removal: Mapping[str, str] | None = None,
    batch_size: int | Literal["auto"] = "auto",
    options: dict[str, Any] | None = None,
    target_error: float | None = None,
    curves: bool = False,
    **call: Any,
) -> Contrast:
    """Explain why a model finds a picture more similar to one caption than to another.

    Both captions are explained with the same masks of the picture, which is encoded once. Where the estimator gives
    standard errors, the difference is then explained as a separate game on the same masks: the errors of the two
    explanations mostly cancel, so that the difference is far more accurate than either. This takes more text passes (at
    most twice those of one caption) unless all text masks are enumerated.

    Args:
        image, model, estimator, text_players, image_players, removal, batch_size, options: as in `fixlip.explain`.
        texts: the caption to explain, and the caption to compare it with.
        phrases: as in `fixlip.explain`; each must be in both captions.
        target_error: as in `fixlip.explain`, for the first caption; the second gets the same masks of the picture.
        curves: as in `fixlip.explain`, for both captions.
        call: `budget`, `image_masks`, `text_masks`, `seed`, `progress`, as in `fixlip.explain`.

    Returns:
        A `Contrast`: its ``rows()`` are the parts of the difference, and its ``difference`` is an `Explanation`.

    Raises:
        FixlipError: as `fixlip.explain`; two equal captions; an estimator that ranks players in the unit "relevance".

    Example:
        >>> from fixlip.datasets.scenes import make_scene
        >>> scene = make_scene(4, names=("dog", "umbrella"))
        >>> why = contrast(scene.image, ("a dog", "a cat"), model="demo-clip", image_masks=128, progress=False)
        >>> max(why.rows(), key=lambda row: abs(row.cross)).part
        'dog vs cat'
    """
    captions = in_order("texts", texts)
    if len(captions) != 2 or captions[0] == captions[1]:
        raise InputError("A contrast needs two different captions.")
    sides: dict[str, Any] = {"image_players": image_players, "text_players": text_players, "batch_size": batch_size}
    sides |= {"phrases": in_order("phrases", phrases)}
    estimator = as_estimator(estimator, options)
    (found,) = contrasts(encoder_for(model, removal), image, captions, estimator, sides, target_error, curves, call)
    return found


@all_or_nothing()
def swap_test(
    image: ImageLike,
    text: str,
    *,
    pairs: Iterable[tuple[str, str]] | None = None,
    model: "str | DualEncoder" = DEFAULT_MODEL,
    estimator: str | Estimator = "banzhaf",
    image_players: "RegionsLike" = "patches",
    removal: Mapping[str, str] | None = None,
    batch_size: int | Literal["auto"] = "auto",
    options: dict[str, Any] | None = None,
    target_error: float | None = None,
    **call: Any,
) -> SwapTest:
    """Explain whether, and where, a model notices that two like words of a caption have changed places.

    "A yellow dog and a black hydrant" becomes "a black dog and a yellow hydrant": the same words, so that a bag of
    words cannot tell them apart. The difference of the two similarities is split over words and patches by a contrast.

    Args:
        image, model, estimator, image_players, removal, batch_size, options, target_error, call: as in `contrast`.
        text: the true caption.
        pairs: words or phrases of the caption to exchange; None for each two different colours, sizes, ages, materials,
            states or numbers.

    Raises:
        FixlipError: as `contrast`, or there is nothing to exchange.

    Cost: the passes of the picture once, and those of each caption.

    Example:
        >>> from fixlip.datasets.scenes import make_scene
        >>> scene = make_scene(4, names=("dog", "umbrella"))
        >>> found = swap_test(
        ...     scene.image, "a dog and an umbrella", pairs=[("dog", "umbrella")], model="demo-clip", progress=False
        ... )
        >>> found.swaps()[0].caption
        'an umbrella and a dog'
    """
    found = exchanges(text, pairs)
    sides = {"image_players": image_players, "batch_size": batch_size}
    captions = [text, *(exchange.caption for exchange in found)]
    encoder, chosen = encoder_for(model, removal), as_estimator(estimator, options)
    made = contrasts(encoder, image, captions, chosen, sides, target_error, False, call)
    return SwapTest(tuple(exchange.words for exchange in found), tuple(made))


def contrasts(
    encoder: "DualEncoder",
    image: ImageLike,
    captions: Sequence[str],
    estimator: Estimator,
    sides: dict[str, Any],
    target_error: float | None,
    curves: bool,
    call: dict[str, Any],
) -> Iterator[Contrast]:
    """Yield the contrasts of the first caption with each of the others; see `contrast`. The picture is encoded once."""
    from fixlip.games.similarity import games

    pairs = [(0, number) for number in range(len(captions))] * 2  # what repeated pairs embed is kept for paired games
    left, *others = islice(games(encoder, [image], captions, pairs, **sides), len(captions))
    first = estimator.explain(left, target_error=target_error, **call)
    stops = target_error is not None
    if not stops:
        request = Request(call.get("budget"), call.get("image_masks"), call.get("text_masks"))
        estimator, goal = estimator.chosen(left.n_image, request)
        stops = goal is not None
    if stops and not estimator.joint:
        call = call | {"budget": None, "image_masks": first.provenance.image_passes - 2}
    first = with_curves(first, left) if curves else first
    for right in others:
        second = estimator.explain(right, **call)
        unpaired = Contrast(first, with_curves(second, right) if curves else second)
        if first.stderr is None or second.stderr is None:
            yield unpaired
            continue
        paired = estimator.explain(_paired(left, right), **{**call, "progress": False})
        same_masks = len({e.provenance.image_passes for e in (first, second, paired)}) == 1
        yield replace(unpaired, paired=paired) if same_masks and _agree(paired, unpaired.aligned) else unpaired


def _paired(left: "CallableGame", right: "CallableGame") -> "CallableGame":
    """Return the difference as a game, whose text players are the aligned words of the captions."""
    from fixlip.games.base import CallableGame

    parts = aligned_words(left.players, right.players)
    words = [part.first for part in parts], [part.second for part in parts]

    def text(masks: np.ndarray) -> np.ndarray:
        return _of_parts(left, masks, words[0]) - _of_parts(right, masks, words[1])

    players = aligned_players(left.players, right.players)
    towers = left.image_embeddings, text, left.n_image, len(parts)
    game: Any = CallableGame(*towers, left.scale, players=players, batch_size=left.batch_size, source=left.source)
    game.kept = {"image": left.kept["image"]}  # type: ignore[attr-defined]
    return game


def _of_parts(game: "CallableGame", masks: np.ndarray, words: list[int | None]) -> np.ndarray:
    """Return text embeddings of one caption for masks of the aligned words, [B, parts] -> [B, D]."""
    all_words = np.ones((len(masks), game.n_text), dtype=bool)
    for part, word in enumerate(words):
        if word is not None:
            all_words[:, word] = masks[:, part]
    return game.text_embeddings(all_words)


def _agree(paired: "Explanation", unpaired: "Explanation") -> bool:
    """Say whether two estimates of one difference are as close as the errors of the first suggest."""
    if paired.stderr is None:
        return False
    both = [np.concatenate([e.first_order, e.cross.ravel()]) for e in (paired, unpaired)]
    errors = np.concatenate([paired.stderr.first_order, paired.cross_stderr.ravel()])
    return bool(np.nansum((both[0] - both[1]) ** 2) <= 4 * np.nansum(errors**2) + 1e-9 * np.nansum(both[1] ** 2))
