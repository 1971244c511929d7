"""What the gradient and attention baselines share: towers opened at their last blocks, tokens put into players."""

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

if TYPE_CHECKING:
    import torch

Side = Literal["image", "text"]
SIDES: tuple[Side, Side] = ("image", "text")


@dataclass(frozen=True, eq=False)
class View:
    """One tower, run on its own input, with its last blocks in view.

    Attributes:
        side: "image" or "text".
        tower: the tower itself.
        owners: [L], the player of each token, -1 for tokens that are always there.
        states: [1, L, width], what entered the first block in view; gradients reach it.
        blocks: the attention of each block in view; empty where it was not asked for.
        head: the attention of a pooling head, None where there is none.
        features: [1, D], what the tower makes of its input, as it comes.
        embedding: [D], the same, unit and float64.
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
        """What reaches the embedding, [L], when `tokens` [L, L] says what has reached each token.

        Args:
            tokens: a row for each token of the last layer.
            head: [probes, L], the same of a pooling head.
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
    """Both towers with their last blocks in view, and the cosine of their embeddings, one graph of all of it.

    Args:
        game: with `layers`; one forward pass of each tower is counted.
        name: of the estimator, for messages.
        blocks: how many blocks of the image and of the text tower are in view; at most all, which None means too.
        gradients: whether the graph is kept.
        attention: whether attention is to be seen; without it the blocks may be of any kind.

    Raises:
        UnsupportedModelError: the model computes in float16 and gradients are asked for, or attention is and a tower
            has none that can be seen.
        InputError: an embedding, or the attention that is in view, holds NaN or infinity, or the embedding is 0.
    """
    import torch

    views = []
    with torch.inference_mode(False), torch.set_grad_enabled(gradients):
        for side, wanted in zip(SIDES, blocks, strict=True):
            depth = game.layers(side).depth
            layer = 0 if wanted is None else max(depth - wanted, 0)
            views.append(_view(game, name, side, layer, gradients, attention))
        image, text = views
        return image, text, image.embedding @ text.embedding


def with_one_head(game: CountedGame, name: str, view: View) -> View:
    """A tower once more, with a single head over all channels in the attention that it was shown for.

    That is the pooling head where there is one, else every block in view. One forward pass is counted.
    """
    import torch

    numbers = range(len(view.blocks)) if view.head is None else [len(view.blocks)]
    layer = view.tower.depth - len(view.blocks)
    with torch.inference_mode(False), torch.enable_grad():
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
    """Features [B, D] as unit vectors, float64 on the CPU; gradients reach the features.

    Raises:
        InputError: NaN, infinity, or an embedding that is 0 and so points nowhere.
    """
    embeddings = features.cpu().double()
    finite(array(embeddings), f"the {side} embeddings")
    norms = embeddings.norm(dim=-1, keepdim=True)
    if not bool((norms > 0).all()):
        raise InputError(f"The {side} embedding is 0, which points nowhere: there is no cosine to explain.")
    return embeddings / norms


def projected(game: CountedGame, side: Side, *, values: bool = False) -> np.ndarray:
    """The tokens of a tower, each by itself in the joint space: unit vectors, averaged over those of a player.

    Args:
        game: with `layers`; one forward pass is counted.
        side: which tower.
        values: in the last block each token attends to itself alone.

    Returns:
        [n, D], float64.

    Raises:
        InputError: a token of NaN or infinity; one of norm 0 has the cosine 0 with all others.
    """
    import torch

    tower = game.layers(side)
    with torch.inference_mode(False), torch.no_grad():
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
    """A tensor as numpy, float64."""
    return tensor.detach().cpu().double().numpy()


def by_player(scores: np.ndarray, owners: np.ndarray, n: int, *, mean: bool = False) -> np.ndarray:
    """Scores of tokens [L, ...] -> of players [n, ...]: the sum over a player's tokens, or their mean.

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
    """The maps of an image and of a text, [L] each, as scores of the players, [n]."""
    counts = (game.n_image, game.n_text)
    return np.concatenate([by_player(m, v.owners, n) for m, v, n in zip(maps, (image, text), counts, strict=True)])


def cross_only(cross: np.ndarray) -> np.ndarray:
    """The second-order matrix of a method that knows pairs of a patch and a word only.

    Args:
        cross: [n_image, n_text].

    Returns:
        [n, n], NaN inside the modalities.
    """
    n_image, n_text = cross.shape
    second = np.where(np.eye(n_image + n_text, dtype=bool), 0.0, np.nan)
    second[:n_image, n_image:] = cross
    second[n_image:, :n_image] = cross.T
    return second
