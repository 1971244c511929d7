"""Towers opened at their blocks: one forward path for masks of players, for gradients and for attention."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isqrt
from typing import Any

import numpy as np
import torch

from fixlip.encoders.base import ImageInput, TextInput
from fixlip.encoders.removal import BLUR, MEAN, Operator, filler
from fixlip.encoders.running import running
from fixlip.encoders.towers import PixelTower, TextTower, TokenTower, labels_of
from fixlip.errors import InputError, OptionError
from fixlip.players.regions import patch_owner

ROWS = 16  # from so many on, the usual BLAS of a CPU gives a row the same bits whatever stands beside it


def as_given(tokens: torch.Tensor) -> torch.Tensor:
    """Return tokens as they are, for a tower whose `encode` takes tokens."""
    return tokens


def nowhere(given: torch.Tensor) -> None:
    """Return no place, for a tower whose head pools over all tokens."""


def no_bias(tokens: torch.Tensor, given: torch.Tensor, keys: torch.Tensor | None) -> None:
    """Return no bias, for a tower in which no key can be hidden."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """A tower as a loop over its blocks. Called, it is the `encode` of the towers of `fixlip.encoders.towers`.

    Attributes:
        enter: what `encode` takes (tokens, ids or pixels) -> tokens [B, L, width], as the first block gets them.
        blocks: in order.
        step: a block, tokens and bias -> tokens.
        head: tokens, what `encode` took, and keys [B, L] that may be attended to (None for all) -> features [B, D].
        bias: the same three -> how `step` hides keys.
        reads: what `encode` takes -> place of the token that the head reads, None where it pools over all.
        alone: one token each, [B, width] -> features [B, D]; None where the head takes a sequence of one.
    """

    enter: Callable[[torch.Tensor], torch.Tensor]
    blocks: Sequence[Any]
    step: Callable[[Any, torch.Tensor, Any], torch.Tensor]
    head: Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
    bias: Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], Any] = no_bias
    reads: Callable[[torch.Tensor], int | None] = nowhere
    alone: Callable[[torch.Tensor], torch.Tensor] | None = None

    def __call__(self, given: torch.Tensor, keys: torch.Tensor | None = None) -> torch.Tensor:
        """The whole tower: features [B, D].

        The head, alone, reads one token or a few of each input. On the CPU it gets at least `ROWS` inputs, the last one
        several times, so that the features of an input do not depend on how many others there are.
        """
        tokens = self.run(self.enter(given), given, keys)
        missing = ROWS - len(tokens) if tokens.device.type == "cpu" else 0
        if missing <= 0:
            return self.head(tokens, given, keys)

        def more(x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x, x[-1:].expand(missing, *x.shape[1:])])

        return self.head(more(tokens), more(given), None if keys is None else more(keys))[:-missing]

    def run(
        self,
        tokens: torch.Tensor,
        given: torch.Tensor,
        keys: torch.Tensor | None,
        first: int = 0,
        end: int | None = None,
    ) -> torch.Tensor:
        """Tokens that enter block `first` -> tokens that leave the block before `end`."""
        bias = self.bias(tokens, given, keys)
        for block in self.blocks[first:end]:
            tokens = self.step(block, tokens, bias)
        return tokens


@dataclass(frozen=True, eq=False)
class Layers:
    """One tower on one input; see `fixlip.games.base.TowerLayers`.

    Attributes:
        model: whose parameters stay out of every graph.
        blocks: the tower.
        given: the input as `blocks` takes it, [1, ...].
        keys: [1, L], which tokens may be attended to, None for all.
        refer: a reference -> what stands in the place of `given`.
        owned: number of tokens -> the player of each.
        n_words: how many tokens a caption can be made of; 0 for a picture.
    """

    model: torch.nn.Module
    blocks: Blocks
    given: torch.Tensor
    keys: torch.Tensor | None
    refer: Callable[[Any], torch.Tensor]
    owned: Callable[[int], np.ndarray]
    n_words: int = 0
    known: dict[int, torch.Tensor] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return len(self.blocks.blocks)

    @property
    def reads(self) -> int | None:
        """Place of the token that the head reads, None where it pools over all."""
        return self.blocks.reads(self.given)

    def owners(self, layer: int) -> np.ndarray:
        """[L]: the player that each token belongs to, -1 for tokens that are always there.

        Raises:
            InputError: a player to which no token belongs.
        """
        return self.owned(len(self.state(layer)))

    @torch.no_grad()
    def state(self, layer: int, reference: Any = None) -> torch.Tensor:
        """[L, width]: what enters the layer for the input, or for a reference in its place.

        Args:
            layer: 0 to `depth`.
            reference: of a picture "zeros" (the mean colour of the training data), "blur" (of the width that the
                removal of that name has), or another picture. Of a caption "pad" (padding in the place of each of its
                tokens; begin and end where they are), or another caption: as the model gets it, where the head then
                reads the same place, else its tokens in the place of the caption's own and padding for the rest.

        Raises:
            OptionError: another layer.
            InputError: a reference that does not take the place of the input.
        """
        self._check(layer)
        if reference is None and layer in self.known:
            return self.known[layer].clone()
        given = self.given if reference is None else self.refer(reference)
        with running(self.model, None):
            tokens = self.blocks.run(self.blocks.enter(given), given, self.keys, end=layer)[0]
        if reference is None:
            self.known[layer] = tokens
        return tokens.clone()

    def features(self, states: torch.Tensor, layer: int) -> torch.Tensor:
        """The rest of the tower: states [B, L, width] of a layer -> features [B, D], not normalised."""
        self._check(layer)
        given = self.given.expand(len(states), *self.given.shape[1:])
        keys = None if self.keys is None else self.keys.expand(len(states), -1)
        with running(self.model, None):
            return self.blocks.head(self.blocks.run(states, given, keys, layer), given, keys)

    def project(self, states: torch.Tensor) -> torch.Tensor:
        """States of the last layer, [B, L, width] -> each token by itself in the joint space, [B, L, D].

        The head on a sequence of this token only. A pooling head then attends to it alone, which leaves the projection
        of its value (MaskCLIP).
        """
        rows = states.flatten(0, 1)
        with running(self.model, None):
            if self.blocks.alone is not None:
                features = self.blocks.alone(rows)
            else:
                given = torch.zeros(len(rows), 1, dtype=torch.long, device=rows.device)
                keys = None if self.keys is None else torch.ones_like(given, dtype=torch.bool)
                features = self.blocks.head(rows[:, None], given, keys)
        return features.unflatten(0, states.shape[:2])

    @torch.no_grad()
    def words(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Every token of the vocabulary as the first block gets it, [V, width], and what places add to it, [L, width].

        Raises:
            OptionError: no caption, or a model that does not add up tokens and places.
        """
        enter, ids, state = self.blocks.enter, self.given, self.state(0)
        if self.n_words:
            with running(self.model):
                table = enter(torch.arange(self.n_words, device=ids.device)[:, None])[:, 0]
                back = enter(ids.flip(1))[0, : ids.shape[1]]
            places = state[: ids.shape[1]] - table[ids[0]]
            if torch.allclose(table[ids[0].flip(0)] + places, back, atol=1e-2 * float(back.std())):
                return table, torch.cat([places, torch.zeros_like(state[ids.shape[1] :])])
        raise OptionError("The tokens of this tower are not the sum of a word and a place.")

    def _check(self, layer: int) -> None:
        if not 0 <= layer <= self.depth:
            raise OptionError(f"This tower has the layers 0 to {self.depth}, got {layer}.")


def open_tower(model: torch.nn.Module, tower: Any, x: ImageInput | TextInput, owner: np.ndarray) -> Layers | None:
    """A tower on one input, or None where its blocks are not known.

    Args:
        model: that it is a part of.
        tower: of an encoder.
        x: prepared for it.
        owner: the player of each unit of `x` (patch, region or token), -1 for units that are always there.
    """
    if not isinstance(getattr(tower, "encode", None), Blocks):
        return None
    return _open_text(model, tower, x, owner) if isinstance(x, TextInput) else _open_image(model, tower, x, owner)


def _open_image(model: torch.nn.Module, tower: TokenTower | PixelTower, x: ImageInput, owner: np.ndarray) -> Layers:
    prefix = tower.prefix if isinstance(tower, TokenTower) else 0

    def give(pixels: torch.Tensor) -> torch.Tensor:
        return tower.tokens(x, pixels[None]) if isinstance(tower, TokenTower) else pixels[None]

    def refer(reference: Any) -> torch.Tensor:
        if isinstance(reference, str) and reference in ("zeros", "blur"):
            return give(filler(x.pixels, Operator(MEAN if reference == "zeros" else BLUR)))
        prepared = tower.prepare(reference)
        if prepared.pixels.shape != x.pixels.shape:
            raise InputError(
                f"The reference has {prepared.grid[0]} x {prepared.grid[1]} patches, "
                f"the picture {x.grid[0]} x {x.grid[1]}."
            )
        return give(prepared.pixels.to(x.pixels))

    def owned(length: int) -> np.ndarray:
        finer = isqrt((length - prefix) // x.n_patches)  # cells along a side of a patch
        units = patch_owner(labels_of(x).numpy(), (x.grid[0] * finer, x.grid[1] * finer))[0]
        players = np.where(units >= 0, owner[units], -1)
        lost = sorted(set(owner.tolist()) - set(players.tolist()) - {-1})
        if lost:
            raise InputError(f"No patch lies mostly in image player {lost[0]}; gradients need larger regions.")
        return np.concatenate([np.full(prefix, -1), players])

    with running(model):
        given = give(x.pixels)
    return Layers(model, _blocks(tower), given, None, refer, owned)


def _open_text(model: torch.nn.Module, tower: TextTower, x: TextInput, owner: np.ndarray) -> Layers:
    blocks, ids, places = _blocks(tower), tower.ids(x)[None], list(x.positions)
    keys = tower.attended(ids)

    def refer(reference: Any) -> torch.Tensor:
        if not isinstance(reference, str):
            raise InputError(f"The reference of a caption is 'pad' or a caption, got {reference!r}.")
        ends = set(ids[0].tolist()) - set(ids[0, places].tolist())
        filled = ids.clone()
        filled[0, places] = 0 if tower.causal and tower.padding in ends else tower.padding  # one end only
        if reference == "pad":
            return filled
        prepared = tower.prepare(reference)
        prepared_ids = tower.ids(prepared)[None].to(ids.device)
        same = prepared_ids.shape == ids.shape and blocks.reads(prepared_ids) == blocks.reads(ids)
        if same and bool((tower.attended(prepared_ids) == keys).all()):
            return prepared_ids
        if prepared.n_tokens > len(places):
            raise InputError(
                f"The reference has {prepared.n_tokens} tokens, the caption {len(places)}; give a shorter one."
            )
        filled[0, places[: prepared.n_tokens]] = prepared.ids[list(prepared.positions)].to(ids.device)
        return filled

    def owned(length: int) -> np.ndarray:
        players = np.full(length, -1)
        players[places] = owner
        return players

    return Layers(model, blocks, ids, keys, refer, owned, tower.vocabulary)


def _blocks(tower: Any) -> Blocks:
    encode: Blocks = tower.encode
    return encode
