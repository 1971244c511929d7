"""The game of a dual encoder, a picture and a caption."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any, Literal

import numpy as np
import torch

from fixlip.encoders.base import DualEncoder, ImageInput, TextInput, gives_gradients
from fixlip.errors import FixlipError, InputError, UnsupportedModelError
from fixlip.games.base import CallableGame, Source, TowerLayers
from fixlip.games.inputs import Batch, GameInput, MaskedTower, caption_input, known_of, picture_input
from fixlip.games.shown import check_shown
from fixlip.io.images import open_image
from fixlip.players.alignment import Span
from fixlip.players.base import Players
from fixlip.players.regions import RegionsLike, make_regions

AGREEMENT = 1e-4  # logits between the full mask and the model's own score; more where its floats are coarser
CHUNK = 8  # batches that are handed over at once where masks are sorted by size, or so that a GPU need not wait


class SimilarityGame(CallableGame):
    """v(S, T) = logit of a picture of which only the players S are left and a caption of which only T are left.

    Args:
        encoder: the model.
        image, text: what `picture_input` and `caption_input` made.
        weights: hash of the weights; read from the encoder where it is not given.

    Raises:
        InputError: the embedding of the picture or of the caption as a whole is 0, or holds NaN or infinity.
        FixlipError: with every player present the game is not the model's own score.
    """

    def __init__(self, encoder: DualEncoder, image: GameInput, text: GameInput, weights: str | None = None) -> None:
        players = Players(
            image.players,
            text.players,
            image.grid,
            text.input.text if isinstance(text.input, TextInput) else "",
            image.input.picture if isinstance(image.input, ImageInput) else None,
            image.regions,
            image.input.visible if isinstance(image.input, ImageInput) else None,
        )
        super().__init__(
            image.embed,
            text.embed,
            players.n_image,
            players.n_text,
            encoder.logit_scale,
            encoder.logit_bias,
            players=players,
            batch_size=_chunk(image.tower, encoder),
            source=Source(
                encoder.name,
                encoder.weights if weights is None else weights,
                f"image {encoder.image_removal}, text {encoder.text_removal}",
                image.notes + text.notes,
                str(encoder.dtype).removeprefix("torch."),
            ),
        )
        self.encoder, self.sides = encoder, {"image": image, "text": text}
        self.text_batch_size = _chunk(text.tower, encoder)
        self.kept = {"image": image.kept, "text": text.kept}
        self._check(encoder)

    def layers(self, side: Literal["image", "text"]) -> TowerLayers:
        """The tower of one side on its input, opened at its blocks, for gradients.

        Raises:
            UnsupportedModelError: a model of which the blocks are not known.
        """
        if not gives_gradients(self.encoder):
            raise UnsupportedModelError(f"{self.encoder.name} gives no gradients; take an estimator that needs none.")
        opened = self.sides[side]
        layers: TowerLayers = self.encoder.layers(side, opened.input, opened.tower.owner)
        return layers

    def _check(self, encoder: DualEncoder) -> None:
        """The gate: nothing removed must be what the model itself does."""
        own_u, own_w = self.sides["image"].own_embedding, self.sides["text"].own_embedding
        u, w = (  # asked of the towers themselves: what is remembered is what an estimator asks for, as it asks for it
            self._embeddings(one.masked, np.repeat([[False], [True]], n, axis=1), n, side)[1]
            for side, one in self.sides.items()
            for n in [len(one.players)]
        )
        for side, whole in (("image", u), ("text", w)):
            check_direction(encoder, side, whole)
        ours, theirs = self.scale * float(u @ w) + self.bias, self.scale * float(own_u @ own_w) + self.bias
        if not abs(ours - theirs) <= tolerance(encoder):
            first, second = 1 - float(u @ own_u), 1 - float(w @ own_w)
            if encoder.family == "callables":
                raise InputError(
                    f"{encoder.name}: the {'image' if first > second else 'text'} function gives another embedding for "
                    "the same input; it may have no randomness (dropout, noise) and no memory."
                )
            raise FixlipError(
                f"{encoder.name}: with nothing removed the game gives {ours:.6f}, the model itself {theirs:.6f}. "
                f"Cosine distance from the model's own embedding: image {first:.1e}, text {second:.1e}; the "
                f"adapter does not follow the forward pass of the {'image' if first > second else 'text'} tower."
            )


def check_direction(encoder: DualEncoder, side: str, whole: np.ndarray) -> None:
    """Check that the embedding of a whole input points somewhere.

    Raises:
        InputError: it is 0.
    """
    if not whole.any():
        raise InputError(f"{encoder.name}: the {side} embedding is 0, which points nowhere: there is no cosine.")


def tolerance(encoder: DualEncoder) -> float:
    """Return how far the score of a game may be from the model's own, in logits."""
    return max(AGREEMENT, 16 * torch.finfo(encoder.dtype).eps * abs(encoder.logit_scale))


def _chunk(tower: MaskedTower, encoder: DualEncoder) -> int:
    return tower.batch_size * (CHUNK if tower.by_size or encoder.device.type != "cpu" else 1)


def game_input(
    encoder: DualEncoder,
    side: Literal["image", "text"],
    raw: Any,
    *,
    image_players: RegionsLike = "patches",
    text_players: str = "words",
    phrases: Sequence[str | Span] = (),
    batch_size: Batch = "auto",
) -> GameInput:
    """One input of a game, prepared for its tower, with its players; the options are those of `games`."""
    place, known = ("image", "text").index(side), known_of(encoder)
    x: Any = encoder.text_input(raw) if place else encoder.image_input(raw)
    batches: dict[str, Any] = {"batch_size": batch_size, "sizes": known.batches[place]}
    if isinstance(x, TextInput):
        return caption_input(encoder, x, players=text_players, phrases=phrases, first=place == 0, **batches)
    if (place, x.size) not in known.shown:
        check_shown(encoder, x.size, side)
        known.shown.add((place, x.size))
    patches = isinstance(image_players, str) and image_players == "patches"
    regions = None if patches else make_regions(image_players, open_image(raw))
    return picture_input(encoder, x, regions=regions, second=place == 1, **batches)


def games(
    encoder: DualEncoder,
    images: Sequence[Any],
    texts: Sequence[Any],
    pairs: Sequence[tuple[int, int]],
    *,
    image_players: RegionsLike = "patches",
    text_players: str = "words",
    phrases: Sequence[str | Span] = (),
    batch_size: Batch = "auto",
    weights: str | None = None,
) -> Iterator[SimilarityGame]:
    """The games of many pairs; an input is prepared, checked and encoded once, while pairs with it are to come.

    Inputs are the same if they are one object, or equal text, paths or bytes. The hash of the weights is computed where
    it is not given.
    """
    first = _first_of_each(images), _first_of_each(texts)
    pairs = [(first[0][i], first[1][j]) for i, j in pairs]
    to_come = Counter((0, i) for i, _ in pairs) + Counter((1, j) for _, j in pairs)
    ready: dict[tuple[int, int], GameInput] = {}
    weights = encoder.weights if weights is None else weights
    options: dict[str, Any] = {"image_players": image_players, "text_players": text_players}
    options |= {"phrases": phrases, "batch_size": batch_size}

    def side(place: int, index: int) -> GameInput:
        key = (place, index)
        if key not in ready:
            one = game_input(encoder, ("image", "text")[place], (images, texts)[place][index], **options)
            ready[key] = replace(one, remember=to_come[key] > 1)
        to_come[key] -= 1
        return ready[key] if to_come[key] else ready.pop(key)

    for i, j in pairs:
        yield SimilarityGame(encoder, side(0, i), side(1, j), weights)


def _first_of_each(inputs: Sequence[Any]) -> list[int]:
    """Return, for each input, the number of the first that is the same."""
    first: dict[Any, int] = {}
    return [first.setdefault(x if isinstance(x, str | bytes | PurePath) else id(x), k) for k, x in enumerate(inputs)]
