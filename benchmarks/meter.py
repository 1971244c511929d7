"""Meters of the passes of an encoder, and recordings of the answers of a game."""

import copy
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.clock import timed
from fixlip.games.base import SeparableGame
from fixlip.games.memo import Memo


class Meter(NamedTuple):
    """Masked inputs that each tower has embedded, and the seconds that it took."""

    passes: Counter[str]
    seconds: defaultdict[str, float]


def metered(encoder: Any) -> tuple[Any, Meter]:
    """The same encoder, and a meter of its two towers. Waits for a GPU after each call."""
    other, meter = copy.copy(encoder), Meter(Counter(), defaultdict(float))

    def count(side: str, embed: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def call(x: Any, masks: torch.Tensor) -> torch.Tensor:
            seconds, embeddings = timed(lambda: embed(x, masks), encoder.device.type)
            meter.passes[side] += len(masks)
            meter.seconds[side] += seconds
            return embeddings

        return call

    other.embed_image, other.embed_text = count("image", encoder.embed_image), count("text", encoder.embed_text)
    return other, meter


class Fresh:
    """A game of two towers of which nothing is kept from one explanation to the next."""

    def __init__(self, game: SeparableGame) -> None:
        self.game = game
        self.kept: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        """The other attributes of the game."""
        return getattr(self.game, name)


class Once(Fresh):
    """A game that encodes no mask twice, so that its passes are the masks that it knows."""

    def __init__(self, game: SeparableGame) -> None:
        super().__init__(game)
        self.image_embeddings, self.text_embeddings = Memo(game.image_embeddings), Memo(game.text_embeddings)


class Recorded(Fresh):
    """A game that notes the masks that it is asked for, and can play its answers back without a tower."""

    def __init__(self, game: SeparableGame) -> None:
        super().__init__(game)
        self.calls: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"image": [], "text": []}
        self.replies: dict[str, Iterator[tuple[np.ndarray, np.ndarray]]] = {}
        self.image_embeddings = partial(self._answer, "image", game.image_embeddings)
        self.text_embeddings = partial(self._answer, "text", game.text_embeddings)

    def rewind(self) -> "Recorded":
        """Give the same answers again from now on, in the same order, at no cost."""
        self.replies = {side: iter(calls) for side, calls in self.calls.items()}
        return self

    def masks(self, side: str) -> np.ndarray:
        """The masks of the design: all that were asked for, without the call for the empty and the full input alone."""
        calls = [m for m, _ in self.calls[side] if not (len(m) == 2 and (m == [[False], [True]]).all())]
        return np.concatenate(calls)

    def _answer(self, side: str, embed: Callable[[np.ndarray], np.ndarray], masks: np.ndarray) -> np.ndarray:
        if not self.replies:
            self.calls[side].append((masks.copy(), embed(masks)))
            return self.calls[side][-1][1]
        recorded, answer = next(self.replies[side])
        if not np.array_equal(recorded, masks):
            raise AssertionError(f"The {side} masks are others than those recorded.")
        return answer
