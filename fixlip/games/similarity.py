"""The game of a dual encoder, a picture and a caption."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch

from fixlip.encoders.base import DualEncoder, ImageInput, TextInput
from fixlip.encoders.words import group_into_words, word_label
from fixlip.errors import FixlipError, OptionError
from fixlip.games.base import CallableGame, Source
from fixlip.images import ImageLike
from fixlip.players import Player, Players, grid_players

AGREEMENT = 1e-4  # of the full mask with the model's own score, relative to the logit scale
DEFAULT_BATCH = 128


class Tower:
    """One tower on one input: player masks in, embeddings out, in batches that shrink when memory runs out.

    Args:
        embed: unit masks [B, units] -> unit embeddings [B, D].
        groups: for each player the units (patches or tokens) that come and go with it.
        units: number of units; those in no group are always present.
        batch_size: most masks for one forward pass.
        remember: keep the embeddings of every mask seen, for inputs that are in several pairs.
    """

    def __init__(
        self,
        embed: Callable[[torch.Tensor], torch.Tensor],
        groups: Sequence[tuple[int, ...]],
        units: int,
        *,
        batch_size: int = DEFAULT_BATCH,
        remember: bool = False,
    ) -> None:
        self.embed, self.batch_size = embed, batch_size
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


def image_tower(encoder: DualEncoder, x: ImageInput, *, batch_size: int, remember: bool = False) -> Tower:
    """The image tower on one picture; each patch is a player."""
    groups = [(i,) for i in range(x.n_patches)]
    return Tower(lambda m: encoder.embed_image(x, m), groups, x.n_patches, batch_size=batch_size, remember=remember)


def text_tower(
    encoder: DualEncoder, x: TextInput, players: str, *, batch_size: int, remember: bool = False
) -> tuple[Tower, tuple[Player, ...]]:
    """The text tower on one caption, and its players: "words" or "tokens".

    Raises:
        OptionError: another kind of text players.
    """
    if players == "words":
        groups = group_into_words(x.text, x.spans)
    elif players == "tokens":
        groups = [(span, (i,)) for i, span in enumerate(x.spans)]
    else:
        raise OptionError(f"text_players is 'words' or 'tokens', got {players!r}.")
    tower = Tower(
        lambda m: encoder.embed_text(x, m), [g for _, g in groups], x.n_tokens, batch_size=batch_size, remember=remember
    )
    return tower, tuple(Player("text", word_label(x.text, span), span=span) for span, _ in groups)


def masks_at_once(batch_size: int | Literal["auto"]) -> int:
    """Most masks for one forward pass."""
    if batch_size == "auto":
        return DEFAULT_BATCH
    if not isinstance(batch_size, int) or batch_size < 1:
        raise OptionError(f"batch_size is 'auto' or a positive number, got {batch_size!r}.")
    return batch_size


class SimilarityGame(CallableGame):
    """v(S, T) = logit of a picture of which only the players S are left and a caption of which only T are left.

    Args:
        encoder: the model.
        image, text: its inputs.
        text_players: "words" (default) or "tokens".
        image_players: "patches".
        batch_size: most masks for one forward pass, or "auto"; it shrinks by itself when memory runs out.
        towers: image and text tower made before, for inputs that are in several pairs.

    Raises:
        OptionError: another kind of players, or a batch size below one.
        FixlipError: with every player present the game is not the model's own score (to 1e-4 of the logit scale).
    """

    def __init__(
        self,
        encoder: DualEncoder,
        image: ImageInput,
        text: TextInput,
        *,
        text_players: Literal["words", "tokens"] = "words",
        image_players: Literal["patches"] = "patches",
        batch_size: int | Literal["auto"] = "auto",
        towers: tuple[Tower, tuple[Tower, tuple[Player, ...]]] | None = None,
    ) -> None:
        if image_players != "patches":
            raise OptionError(f"image_players is 'patches', got {image_players!r}.")
        size = masks_at_once(batch_size)
        seen, (read, words) = towers or (
            image_tower(encoder, image, batch_size=size),
            text_tower(encoder, text, text_players, batch_size=size),
        )
        players = Players(grid_players(*image.grid), words, image.grid, text.text, image.picture)
        super().__init__(
            seen,
            read,
            players.n_image,
            players.n_text,
            encoder.logit_scale,
            encoder.logit_bias,
            players=players,
            batch_size=size,
            source=Source(encoder.name, encoder.weights, encoder.removal, image.notes + text.notes),
        )
        self._check_against(encoder, image, text)

    def _check_against(self, encoder: DualEncoder, image: ImageInput, text: TextInput) -> None:
        ours = float(self.values(np.ones((1, len(self.players)), dtype=bool))[0])
        own = encoder.own_score(image, text)
        if not abs(ours - own) <= AGREEMENT * max(1.0, abs(self.scale)):
            raise FixlipError(
                f"{encoder.name}: with nothing removed the game gives {ours:.6f}, the model itself {own:.6f}; "
                "the adapter does not follow this model's forward pass."
            )


class Pairing:
    """Games of many pairs; each input is prepared once, and its embeddings are kept while pairs with it are to come."""

    def __init__(
        self,
        encoder: DualEncoder,
        images: Sequence[ImageLike],
        texts: Sequence[str],
        pairs: Sequence[tuple[int, int]],
        text_players: Literal["words", "tokens"],
        image_players: Literal["patches"],
        batch_size: int | Literal["auto"],
    ) -> None:
        self.encoder, self.images, self.texts = encoder, images, texts
        self.text_players, self.image_players, self.batch_size = text_players, image_players, batch_size
        self.to_come = Counter(("image", i) for i, _ in pairs) + Counter(("text", j) for _, j in pairs)
        self.ready: dict[tuple[str, int], Any] = {}

    def game(self, i: int, j: int) -> SimilarityGame:
        """The game of image i and text j."""
        (image, seen), (text, read) = self._side("image", i), self._side("text", j)
        return SimilarityGame(
            self.encoder,
            image,
            text,
            text_players=self.text_players,
            image_players=self.image_players,
            batch_size=self.batch_size,
            towers=(seen, read),
        )

    def _side(self, side: Literal["image", "text"], index: int) -> Any:
        key, size = (side, index), masks_at_once(self.batch_size)
        shared = key in self.ready or self.to_come[key] > 1
        made = self.ready.get(key)
        if made is None and side == "image":
            x = self.encoder.image_input(self.images[index])
            made = x, image_tower(self.encoder, x, batch_size=size, remember=shared)
        elif made is None:
            t = self.encoder.text_input(self.texts[index])
            made = t, text_tower(self.encoder, t, self.text_players, batch_size=size, remember=shared)
        self.to_come[key] -= 1
        if self.to_come[key]:
            self.ready[key] = made
        else:
            self.ready.pop(key, None)
        return made
