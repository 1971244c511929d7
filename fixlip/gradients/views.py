"""Shared steps of the gradient and attention baselines: open towers at their last blocks, sum tokens into players."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fixlip.errors import InputError, UnsupportedModelError
from fixlip.fitting.numerics import directions, finite
from fixlip.games.base import TowerLayers
from fixlip.games.counted import CountedGame
from fixlip.gradients.attention import Attention, Kind, plain_attention
from fixlip.runtime.modes import plain_torch

if TYPE_CHECKING:
    import torch

Side = Literal["image", "text"]
SIDES: tuple[Side, Side] = ("image", "text")


@dataclass(frozen=True, eq=False)
class View:
    """One tower, run on its whole input, with its last blocks in view.

    Attributes:
        side: "image" or "text".
        tower: the layers of the tower.
        owners: [L], the player of each token, -1 for tokens that are always there.
        states: [1, L, width], the input of the first block in view; gradients reach it.
        blocks: the attention of each block in view; empty where attention was not asked for.
        head: the attention of a pooling head, None where there is none.
        features: [1, D], the output of the tower.
        embedding: [D], the output as a unit vector, float64.
    """

    side: Side
    tower: TowerLayers
    owners: np.ndarray
    states: torch.Tensor
    blocks: tuple[Attention, ...]
    head: Attention | None
    features: torch.Tensor
    embedding: torch.Tensor

    @property
    def calls(self) -> tuple[Attention, ...]:
        """All attention in view, in order."""
        return self.blocks if self.head is None else (*self.blocks, self.head)

    @property
    def readers(self) -> slice:
        """The rows of the last attention that the embedding is read from: one token, the probes of a head, or all."""
        at = self.tower.reads
        return slice(None) if at is None or self.head is not None else slice(at, at + 1)

    def read(self, tokens: np.ndarray, head: np.ndarray | None = None) -> np.ndarray:
        """Return what each token contributes to the embedding, [L].

        Args:
            tokens: [L, L], what each token (column) contributes to each token of the last layer (row).
            head: [probes, L], what each token of the last layer contributes to the probes of a pooling head.
        """
        rows = tokens if head is None else head @ tokens
        return rows[self.readers].mean(0)


def look(
    game: CountedGame,
    name: str,
    blocks: Sequence[int | None],
    *,
    gradients: bool,
    attention: bool = True,
) -> tuple[View, View, torch.Tensor]:
    """Run both towers with their last blocks in view, and return the views and the cosine, all in one graph.

    Args:
        game: a game with `layers`; one forward pass of each tower is counted.
        name: name of the estimator, for messages.
        blocks: numbers of blocks of the image and of the text tower in view; None for all of them.
        gradients: whether the graph is kept.
        attention: whether attention is in view; without it the blocks may be of any kind.

    Raises:
        UnsupportedModelError: gradients are asked for and the model computes in float16, or attention is asked for and
            a tower does not show it.
        InputError: an embedding, or the attention that is in view, holds NaN or infinity, or the embedding is 0.
    """
    views = []
    with plain_torch(gradients):
        for side, wanted in zip(SIDES, blocks, strict=True):
            depth = game.layers(side).depth
            layer = 0 if wanted is None else max(depth - wanted, 0)
            views.append(_view(game, name, side, layer, gradients, attention))
        image, text = views
        return image, text, image.embedding @ text.embedding


def with_one_head(game: CountedGame, name: str, view: View) -> View:
    """Run a tower once more, with a single head over all channels in its pooling head, or else in each block in view.

    One forward pass is counted.
    """
    numbers = range(len(view.blocks)) if view.head is None else [len(view.blocks)]
    layer = view.tower.depth - len(view.blocks)
    with plain_torch(True):
        return _view(game, name, view.side, layer, True, kinds=dict.fromkeys(numbers, "one head"))


def _view(
    game: CountedGame,
    name: str,
    side: Side,
    layer: int,
    gradients: bool,
    attention: bool = True,
    kinds: Mapping[int, Kind] | None = None,
) -> View:
    import torch

    tower: TowerLayers = game.layers(side)
    states = tower.state(layer).detach().clone()[None].requires_grad_(gradients)
    if gradients and states.dtype == torch.float16:
        raise UnsupportedModelError(
            f"{name} needs gradients, and those of float16 run over and under its range; load the model with "
            "dtype=torch.float32 or torch.bfloat16."
        )
    calls: list[Attention] = []
    if attention:
        with plain_attention(kinds) as calls:
            features = tower.features(states, layer)
    else:
        features = tower.features(states, layer)
    shown, L = tower.depth - layer, states.shape[1]
    if attention:
        square = [c for c in calls[:shown] if c.weights.shape[-2:] == (L, L)]
        pooled = len(calls) == shown + 1 and tower.reads is None and calls[-1].weights.shape[-1] == L
        if len(square) < shown or not (pooled or len(calls) == shown):
            raise UnsupportedModelError(
                f"{name} needs the attention of each block, and the {side} tower of "
                f"{game.source.model or 'this game'} shows {len(square)} of {shown}: load a model of transformers with "
                "attn_implementation='sdpa'; for towers without attention (ResNet) take grad-cam."
            )
    game.count(**{side: 1})
    for call in calls:
        finite(array(call.weights), f"the attention of the {side} tower")
    return View(
        side,
        tower,
        tower.owners(layer),
        states,
        tuple(calls[:shown]),
        calls[shown] if len(calls) > shown else None,
        features,
        unit_embedding(features, side)[0],
    )


def unit_embedding(features: torch.Tensor, side: str) -> torch.Tensor:
    """Divide features [B, D] by their norms, in float64 on the CPU; gradients reach the features.

    Raises:
        InputError: there is NaN or infinity, or an embedding is 0 and so points nowhere.
    """
    embeddings = features.cpu().double()
    finite(array(embeddings), f"the {side} embeddings")
    norms = embeddings.norm(dim=-1, keepdim=True)
    if not bool((norms > 0).all()):
        raise InputError(f"The {side} embedding is 0, which points nowhere: there is no cosine to explain.")
    return embeddings / norms


def projected(game: CountedGame, side: Side, *, values: bool = False) -> np.ndarray:
    """Project each token of a tower by itself into the joint space: unit vectors, averaged over those of a player.

    Args:
        game: a game with `layers`; one forward pass is counted.
        side: the tower.
        values: whether each token attends only to itself in the last block.

    Returns:
        [n, D], float64.

    Raises:
        InputError: a token holds NaN or infinity. A token of norm 0 stays 0, and has the cosine 0 with all others.
    """
    tower = game.layers(side)
    with plain_torch(False):
        with plain_attention({tower.depth - 1: "alone"} if values else None) as calls:
            states = tower.state(tower.depth)
        if values and len(calls) != tower.depth:
            raise RuntimeError(f"{len(calls)} calls of attention in {tower.depth} blocks.")
        tokens = array(tower.project(states[None]))[0]
    game.count(**{side: 1})
    tokens = directions(tokens, f"the projected tokens of the {side} tower")
    return by_player(tokens, tower.owners(tower.depth), getattr(game, f"n_{side}"), mean=True)


def gradients(
    outputs: torch.Tensor | Sequence[torch.Tensor],
    inputs: Sequence[torch.Tensor],
    along: Sequence[torch.Tensor] | None = None,
) -> tuple[torch.Tensor, ...]:
    """Return the gradients of a scalar, or of outputs along the directions `along`, one for each of the inputs."""
    import torch

    return torch.autograd.grad(outputs, inputs, along)


def array(tensor: torch.Tensor) -> np.ndarray:
    """Convert a tensor to numpy, float64."""
    return tensor.detach().cpu().double().numpy()


def by_player(scores: np.ndarray, owners: np.ndarray, n: int, *, mean: bool = False) -> np.ndarray:
    """Sum scores of tokens [L, ...] over the tokens of each player, or take their mean: [n, ...].

    A player without a token gets 0.

    Example:
        >>> by_player(np.array([9.0, 1.0, 2.0, 3.0]), np.array([-1, 0, 1, 1]), 2).tolist()
        [1.0, 5.0]
    """
    member = (np.arange(n)[:, None] == owners).astype(float)  # [n, L]
    if mean:
        member /= np.maximum(member.sum(1, keepdims=True), 1)
    return member @ scores


def first_order(game: CountedGame, image: View, text: View, *maps: np.ndarray) -> np.ndarray:
    """Sum the maps of an image and of a text, [L] each, over the tokens of each player: [n]."""
    counts = (game.n_image, game.n_text)
    return np.concatenate([by_player(m, v.owners, n) for m, v, n in zip(maps, (image, text), counts, strict=True)])


def cross_only(cross: np.ndarray) -> np.ndarray:
    """Build the second-order matrix of a method that gives cross-modal pairs only.

    Args:
        cross: [n_image, n_text], the interactions.

    Returns:
        [n, n], NaN inside the modalities.
    """
    n_image, n_text = cross.shape
    second = np.where(np.eye(n_image + n_text, dtype=bool), 0.0, np.nan)
    second[:n_image, n_image:] = cross
    second[n_image:, :n_image] = cross.T
    return second
