"""The value function of two towers, as estimators see it, and the game of any two functions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from fixlip.errors import InputError
from fixlip.players import Players

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Source:
    """What a game is about, for the provenance of results."""

    model: str = ""
    weights: str = ""
    removal: str = ""
    notes: tuple[str, ...] = ()


class Game(Protocol):
    """v(M) for masks M of the players, image players first. Masks are boolean, True = present."""

    players: Players
    n_image: int
    n_text: int
    batch_size: int
    source: Source

    def values(self, masks: np.ndarray) -> np.ndarray:
        """v: one value for each joint mask, [B, n_image + n_text] -> [B]."""


class SeparableGame(Game, Protocol):
    """v(S, T) = scale * <F(S), G(T)> + bias for a mask S of the image players and a mask T of the text players.

    Embeddings are float64, [B, D]; nothing in an estimator asks for unit norm.
    """

    scale: float
    bias: float

    def image_embeddings(self, masks: np.ndarray) -> np.ndarray:
        """F: [B, n_image] -> [B, D]."""

    def text_embeddings(self, masks: np.ndarray) -> np.ndarray:
        """G: [B, n_text] -> [B, D]."""


class TowerLayers(Protocol):
    """One tower on one input, opened at its blocks, for estimators that need gradients or attention.

    Layer d is the place before block d, and layer `depth` the place before the head. The state of a layer, [L, width],
    has a token for each patch or piece of text, and tokens that are always there (class token, begin, end, padding).
    Tensors are those of torch, on the model's device and of its type; gradients flow to the states that are handed in,
    and nothing of the model is changed.

    Attributes:
        depth: number of blocks.
        reads: position of the token that the head reads (class token, end of text), None where it pools over all.
    """

    depth: int
    reads: int | None

    def owners(self, layer: int) -> np.ndarray:
        """[L]: the player that each token belongs to, -1 for tokens that are always there."""

    def state(self, layer: int, reference: Any = None) -> "torch.Tensor":
        """[L, width]: what enters the layer for the input itself, or for a reference in its place (see the encoder)."""

    def features(self, states: "torch.Tensor", layer: int) -> "torch.Tensor":
        """The rest of the tower: states [B, L, width] of a layer -> features [B, D], not normalised."""

    def project(self, states: "torch.Tensor") -> "torch.Tensor":
        """States of the last layer, [B, L, width] -> each token by itself in the joint space, [B, L, D]."""


class DifferentiableGame(SeparableGame, Protocol):
    """A game of two towers whose blocks are known."""

    def layers(self, side: Literal["image", "text"]) -> TowerLayers:
        """The tower of one side, on the input that is explained."""


class CallableGame:
    """A separable game from two functions: bring your own towers.

    Args:
        image_fn: boolean masks [B, n_image] -> embeddings [B, D], numpy or torch, taken as they are.
        text_fn: boolean masks [B, n_text] -> embeddings [B, D].
        n_image, n_text: number of players of each function.
        scale, bias: v = scale * <image, text> + bias.
        players: who they are; made up when None.
        batch_size: most masks that estimators hand over at once.
        source: what the game is about, for the provenance of results.

    Raises:
        InputError: no player on one side, or numbers that do not fit `players`.

    Example:
        >>> a, b = np.eye(3), np.ones((2, 3))
        >>> game = CallableGame(lambda s: s @ a, lambda t: t @ b, 3, 2)
        >>> game.values(np.ones((1, 5), dtype=bool)).tolist()
        [6.0]
    """

    def __init__(
        self,
        image_fn: Callable[[np.ndarray], Any],
        text_fn: Callable[[np.ndarray], Any],
        n_image: int,
        n_text: int,
        scale: float = 1.0,
        bias: float = 0.0,
        *,
        players: Players | None = None,
        batch_size: int = 1024,
        source: Source | None = None,
    ) -> None:
        self.players = _fitting(players, n_image, n_text)
        self.image_fn, self.text_fn, self.n_image, self.n_text = image_fn, text_fn, n_image, n_text
        self.scale, self.bias, self.batch_size = scale, bias, batch_size
        self.source = source or Source(model="callable")

    def image_embeddings(self, masks: np.ndarray) -> np.ndarray:
        """F: [B, n_image] -> [B, D], float64."""
        return _embeddings(self.image_fn, masks, self.n_image, "image")

    def text_embeddings(self, masks: np.ndarray) -> np.ndarray:
        """G: [B, n_text] -> [B, D], float64."""
        return _embeddings(self.text_fn, masks, self.n_text, "text")

    def values(self, masks: np.ndarray) -> np.ndarray:
        """v: [B, n_image + n_text] -> [B]; one pass of each tower for each mask."""
        masks = np.asarray(masks)
        image = self.image_embeddings(masks[:, : self.n_image])
        text = self.text_embeddings(masks[:, self.n_image :])
        return self.scale * (image * text).sum(1) + self.bias


class JointGame:
    """A game of joint values only: any function of which no towers are known (a cross-encoder, say).

    Args:
        value_fn: boolean masks [B, n_image + n_text] -> values [B], numpy or torch.
        n_image, n_text, players, batch_size, source: as for `CallableGame`.

    Example:
        >>> JointGame(lambda m: m.sum(1), 3, 2).values(np.ones((1, 5), dtype=bool)).tolist()
        [5.0]
    """

    def __init__(
        self,
        value_fn: Callable[[np.ndarray], Any],
        n_image: int,
        n_text: int,
        *,
        players: Players | None = None,
        batch_size: int = 1024,
        source: Source | None = None,
    ) -> None:
        self.players = _fitting(players, n_image, n_text)
        self.value_fn, self.n_image, self.n_text, self.batch_size = value_fn, n_image, n_text, batch_size
        self.source = source or Source(model="callable")

    def values(self, masks: np.ndarray) -> np.ndarray:
        """v: [B, n_image + n_text] -> [B], float64.

        Raises:
            InputError: the function gives values of another shape, or none that are finite.
        """
        masks = _checked(masks, self.n_image + self.n_text, "joint")
        values = np.asarray(self.value_fn(masks), dtype=np.float64)
        if values.shape != (len(masks),):
            raise InputError(f"The value function returned shape {values.shape} for {len(masks)} masks.")
        if not np.isfinite(values).all():
            raise InputError("The values hold NaN or infinity; run the model in float32 or bfloat16.")
        return values


def _fitting(players: Players | None, n_image: int, n_text: int) -> Players:
    players = players or Players.of(n_image=n_image, n_text=n_text)
    if min(n_image, n_text) < 1 or (players.n_image, players.n_text) != (n_image, n_text):
        raise InputError(
            f"A game needs players on both sides: functions of {n_image} + {n_text}, "
            f"players {players.n_image} + {players.n_text}."
        )
    return players


def _checked(masks: np.ndarray, n: int, side: str) -> np.ndarray:
    masks = np.asarray(masks)
    if masks.ndim != 2 or masks.shape[1] != n or masks.dtype != bool:
        raise InputError(f"{side} masks are boolean of shape [B, {n}], got {masks.dtype} of {masks.shape}.")
    return masks


def _embeddings(function: Callable[[np.ndarray], Any], masks: np.ndarray, n: int, side: str) -> np.ndarray:
    masks = _checked(masks, n, side)
    embeddings = np.asarray(function(masks), dtype=np.float64)
    if embeddings.ndim != 2 or len(embeddings) != len(masks):
        raise InputError(f"The {side} function returned shape {embeddings.shape} for {len(masks)} masks.")
    if not np.isfinite(embeddings).all():
        raise InputError(f"The {side} embeddings hold NaN or infinity; run the model in float32 or bfloat16.")
    return embeddings
