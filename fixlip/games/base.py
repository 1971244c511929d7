"""The value function of two towers, as estimators see it, and the game of any two functions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from fixlip.errors import InputError
from fixlip.players import Players


@dataclass(frozen=True)
class Source:
    """What a game is about, for the provenance of results."""

    model: str = ""
    weights: str = ""
    removal: str = ""
    notes: tuple[str, ...] = ()


class SeparableGame(Protocol):
    """v(S, T) = scale * <F(S), G(T)> + bias for a mask S of the image players and a mask T of the text players.

    Masks are boolean, True = present. Embeddings are float64, [B, D]; nothing in an estimator asks for unit norm.
    """

    players: Players
    n_image: int
    n_text: int
    scale: float
    bias: float
    batch_size: int
    source: Source

    def image_embeddings(self, masks: np.ndarray) -> np.ndarray:
        """F: [B, n_image] -> [B, D]."""

    def text_embeddings(self, masks: np.ndarray) -> np.ndarray:
        """G: [B, n_text] -> [B, D]."""

    def values(self, masks: np.ndarray) -> np.ndarray:
        """v: one value for each joint mask, [B, n_image + n_text] -> [B]."""


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
        self.players = players or Players.of(n_image=n_image, n_text=n_text)
        if min(n_image, n_text) < 1 or (self.players.n_image, self.players.n_text) != (n_image, n_text):
            raise InputError(
                f"A game needs players on both sides: functions of {n_image} + {n_text}, "
                f"players {self.players.n_image} + {self.players.n_text}."
            )
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


def _embeddings(function: Callable[[np.ndarray], Any], masks: np.ndarray, n: int, side: str) -> np.ndarray:
    masks = np.asarray(masks)
    if masks.ndim != 2 or masks.shape[1] != n or masks.dtype != bool:
        raise InputError(f"{side} masks are boolean of shape [B, {n}], got {masks.dtype} of {masks.shape}.")
    embeddings = np.asarray(function(masks), dtype=np.float64)
    if embeddings.ndim != 2 or len(embeddings) != len(masks):
        raise InputError(f"The {side} function returned shape {embeddings.shape} for {len(masks)} masks.")
    if not np.isfinite(embeddings).all():
        raise InputError(f"The {side} embeddings hold NaN or infinity; run the model in float32 or bfloat16.")
    return embeddings
