"""The game of a dual encoder, a picture and a caption."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch

from fixlip.encoders.base import DualEncoder, ImageInput, TextInput
from fixlip.encoders.words import group_into_words, word_label
from fixlip.errors import FixlipError, OptionError
from fixlip.games.base import CallableGame, Source
from fixlip.images import ImageLike
from fixlip.players import Player, Players, grid_players

Batch = int | Literal["auto"]
AGREEMENT = 1e-4  # logits between the full mask and the model's own score; more where its floats are coarser
DEFAULT_BATCH = 128


class Tower:
    """One tower on one input: player masks in, embeddings out, in batches that shrink when memory runs out.

    Args:
        embed: unit masks [B, units] -> unit embeddings [B, D].
        groups: for each player the units (patches or tokens) that come and go with it.
        units: number of units; those in no group are always present.
        batch_size: most masks for one forward pass, or "auto".
        remember: keep the embeddings of every mask seen, for inputs that are in several pairs.
    """

    def __init__(
        self,
        embed: Callable[[torch.Tensor], torch.Tensor],
        groups: Sequence[tuple[int, ...]],
        units: int,
        *,
        batch_size: Batch = "auto",
        remember: bool = False,
    ) -> None:
        if batch_size != "auto" and (not isinstance(batch_size, int) or batch_size < 1):
            raise OptionError(f"batch_size is 'auto' or a positive number, got {batch_size!r}.")
        self.embed, self.batch_size = embed, DEFAULT_BATCH if batch_size == "auto" else batch_size
        self.owner = np.full(units, -1)
        for player, members in enumerate(groups):
            self.owner[list(members)] = player
        self.memory: dict[bytes, np.ndarray] | None = {} if remember else None

    def __call__(self, masks: np.ndarray) -> np.ndarray:
        """Player masks [B, players] -> embeddings [B, D], float32."""
        if self.memory is None:
            return self._embed(masks)
        keys = [np.packbits(mask).tobytes() for mask in masks]
        new = {key: i for i, key in enumerate(keys) if key not in self.memory}
        if new:
            self.memory.update(zip(new, self._embed(masks[list(new.values())]), strict=True))
        return np.stack([self.memory[key] for key in keys])

    def _embed(self, masks: np.ndarray) -> np.ndarray:
        units = np.where(self.owner >= 0, masks[:, self.owner], True)
        out, done = [], 0
        while done < len(units):
            batch = torch.from_numpy(units[done : done + self.batch_size])
            try:
                out.append(self.embed(batch).cpu().numpy())
            except torch.OutOfMemoryError:
                if self.batch_size == 1:
                    raise
                self.batch_size = max(1, min(self.batch_size, len(batch)) // 2)
                torch.cuda.empty_cache()
                continue
            done += len(batch)
        return np.concatenate(out)


@dataclass(frozen=True, eq=False)
class Side:
    """One input of a game: prepared for its tower, with the players that it is made of."""

    input: Any
    tower: Tower
    players: tuple[Player, ...]


def image_side(
    encoder: DualEncoder, x: ImageInput, *, players: str = "patches", batch_size: Batch = "auto", remember: bool = False
) -> Side:
    """A picture whose players are its "patches".

    Raises:
        OptionError: another kind of players, or a batch size below one.
    """
    if players != "patches":
        raise OptionError(f"image_players is 'patches', got {players!r}.")
    groups = [(i,) for i in range(x.n_patches)]
    tower = Tower(partial(encoder.embed_image, x), groups, x.n_patches, batch_size=batch_size, remember=remember)
    return Side(x, tower, grid_players(*x.grid))


def text_side(
    encoder: DualEncoder, x: TextInput, *, players: str = "words", batch_size: Batch = "auto", remember: bool = False
) -> Side:
    """A caption whose players are its "words" or "tokens".

    Raises:
        OptionError: another kind of players, or a batch size below one.
    """
    if players not in ("words", "tokens"):
        raise OptionError(f"text_players is 'words' or 'tokens', got {players!r}.")
    tokens = [(span, (i,)) for i, span in enumerate(x.spans)]
    groups = group_into_words(x.text, x.spans) if players == "words" else tokens
    members = [group for _, group in groups]
    tower = Tower(partial(encoder.embed_text, x), members, x.n_tokens, batch_size=batch_size, remember=remember)
    return Side(x, tower, tuple(Player("text", word_label(x.text, span), span=span) for span, _ in groups))


class SimilarityGame(CallableGame):
    """v(S, T) = logit of a picture of which only the players S are left and a caption of which only T are left.

    Args:
        encoder: the model.
        image, text: what `image_side` and `text_side` made.

    Raises:
        FixlipError: with every player present the game is not the model's own score.
    """

    def __init__(self, encoder: DualEncoder, image: Side, text: Side) -> None:
        players = Players(image.players, text.players, image.input.grid, text.input.text, image.input.picture)
        super().__init__(
            image.tower,
            text.tower,
            players.n_image,
            players.n_text,
            encoder.logit_scale,
            encoder.logit_bias,
            players=players,
            batch_size=image.tower.batch_size,
            source=Source(encoder.name, encoder.weights, encoder.removal, image.input.notes + text.input.notes),
        )
        ours = float(self.values(np.ones((1, len(players)), dtype=bool))[0])
        own = encoder.own_score(image.input, text.input)
        tolerance = max(AGREEMENT, 16 * torch.finfo(encoder.dtype).eps * abs(self.scale))
        if not abs(ours - own) <= tolerance:
            raise FixlipError(
                f"{encoder.name}: with nothing removed the game gives {ours:.6f}, the model itself {own:.6f}; "
                "the adapter does not follow this model's forward pass."
            )


def games(
    encoder: DualEncoder,
    images: Sequence[ImageLike],
    texts: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    *,
    image_players: str,
    text_players: str,
    batch_size: Batch,
) -> Iterator[SimilarityGame]:
    """The games of many pairs; an input is prepared once, its embeddings are kept while pairs with it are to come."""
    to_come = Counter(("image", i) for i, _ in pairs) + Counter(("text", j) for _, j in pairs)
    ready: dict[tuple[str, int], Side] = {}

    def side(kind: str, index: int) -> Side:
        key = (kind, index)
        if key not in ready:
            options: dict[str, Any] = {"batch_size": batch_size, "remember": to_come[key] > 1}
            if kind == "image":
                ready[key] = image_side(encoder, encoder.image_input(images[index]), players=image_players, **options)
            else:
                ready[key] = text_side(encoder, encoder.text_input(texts[index]), players=text_players, **options)
        to_come[key] -= 1
        return ready[key] if to_come[key] else ready.pop(key)

    for i, j in pairs:
        yield SimilarityGame(encoder, side("image", i), side("text", j))
