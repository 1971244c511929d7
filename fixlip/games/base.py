"""The value function of two towers, as estimators see it, and the game of any two functions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from fixlip.arguments import whole_number
from fixlip.errors import InputError
from fixlip.players.base import Players

if TYPE_CHECKING:
    import torch

LARGEST = 1e50  # of embeddings, scale and bias: the figures of a fit have their squares, and those of products


@dataclass(frozen=True)
class Source:
    """Subject of a game, for the provenance of results."""

    model: str = ""
    weights: str = ""
    removal: str = ""
    notes: tuple[str, ...] = ()
    dtype: str = ""


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

    Embeddings are taken as they are: one of norm 0 makes v = bias. They are copied, so that a function may use its
    arrays again.

    Args:
        image_fn: boolean masks [B, n_image] -> embeddings [B, D], real numbers, numpy or torch.
        text_fn: boolean masks [B, n_text] -> embeddings [B, D].
        n_image, n_text: number of players of each function.
        scale, bias: v = scale * <image, text> + bias, finite.
        players: who they are; made up when None.
        batch_size: most masks that estimators hand over at once.
        source: what the game is about, for the provenance of results.

    Raises:
        InputError: no player on one side, or numbers that do not fit `players`; a scale or bias that is no finite
            number. Of its methods: masks or embeddings of another shape, complex or other numbers that are not real,
            NaN, infinity, magnitudes whose squares overflow, towers of different dimension.
        OptionError: a batch_size that is no positive number.

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
        self.scale, self.bias, self.batch_size = scale, bias, whole_number("batch_size", batch_size, least=1)
        if not (abs(scale) < LARGEST and abs(bias) < LARGEST):
            raise InputError(f"A logit scale and bias are finite numbers, got {scale} and {bias}.")
        self.source = source or Source(model="callable")
        self._dims: dict[str, int] = {}

    def image_embeddings(self, masks: np.ndarray) -> np.ndarray:
        """F: [B, n_image] -> [B, D], float64."""
        return self._embeddings(self.image_fn, masks, self.n_image, "image")

    def text_embeddings(self, masks: np.ndarray) -> np.ndarray:
        """G: [B, n_text] -> [B, D], float64."""
        return self._embeddings(self.text_fn, masks, self.n_text, "text")

    def values(self, masks: np.ndarray) -> np.ndarray:
        """v: [B, n_image + n_text] -> [B]; one pass of each tower for each mask."""
        masks = np.asarray(masks)
        image = self.image_embeddings(masks[:, : self.n_image])
        text = self.text_embeddings(masks[:, self.n_image :])
        values: np.ndarray = self.scale * (image * text).sum(1) + self.bias
        return values

    def _embeddings(self, function: Callable[[np.ndarray], Any], masks: np.ndarray, n: int, side: str) -> np.ndarray:
        embeddings = called(function, masks, n, side, "embeddings", 2)
        dim = embeddings.shape[1]
        self._dims.setdefault(side, dim)
        if not dim or set(self._dims.values()) != {dim}:
            first = " and ".join(f"{number} ({name})" for name, number in self._dims.items())
            raise InputError(f"All embeddings have one dimension; they were {first} and are now {dim} ({side}).")
        return embeddings


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
        self.value_fn, self.n_image, self.n_text = value_fn, n_image, n_text
        self.batch_size = whole_number("batch_size", batch_size, least=1)
        self.source = source or Source(model="callable")

    def values(self, masks: np.ndarray) -> np.ndarray:
        """v: [B, n_image + n_text] -> [B], float64.

        Raises:
            InputError: the function gives values of another shape, or NaN, infinity or values that overflow.
        """
        return called(self.value_fn, masks, self.n_image + self.n_text, "joint", "values", 1)


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


def called(
    function: Callable[[np.ndarray], Any], masks: np.ndarray, n: int, side: str, what: str, ndim: int
) -> np.ndarray:
    """Ask a function of the user about some masks; the answer is checked and copied, float64."""
    masks = _checked(masks, n, side)
    found: Any = function(masks.copy())
    if hasattr(found, "detach"):  # a tensor, of any device and type
        found = found.detach().cpu()
        found = (found if found.is_complex() else found.double()).numpy()
    try:
        numbers = np.asarray(found)
    except ValueError as error:  # rows of different lengths
        raise InputError(f"The {side} {what} are no array: {error}.") from error
    if numbers.ndim != ndim or len(numbers) != len(masks):
        raise InputError(f"The {side} {what} have shape {numbers.shape} for {len(masks)} masks.")
    if numbers.dtype.kind not in "biuf":
        raise InputError(f"The {side} {what} are {numbers.dtype}; give real numbers.")
    numbers = numbers.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise InputError(f"The {side} {what} hold NaN or infinity; run the model in float32 or bfloat16.")
    if np.abs(numbers).max(initial=0.0) > LARGEST:
        raise InputError(f"The {side} {what} exceed {LARGEST:g}, and their squares overflow; scale them down.")
    return numbers
