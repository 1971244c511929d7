"""A game as estimators get it."""

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.games.memo import Memo
from fixlip.results.explanation import Explanation
from fixlip.results.provenance import Provenance, StandardErrors, Unit
from fixlip.results.spectrum import Spectrum
from fixlip.results.third_order import ThirdOrder
from fixlip.runtime.memory import in_parts

if TYPE_CHECKING:
    from fixlip.games.base import Game

ROOM = 32 * 2**20  # bytes of embeddings of each tower that are remembered


class CountedGame:
    """A game whose passes are counted and shown, and whose masks may come in any number.

    Embeddings are asked for in batches of the game's own `batch_size`, which are halved when memory runs out; what does
    not fit into memory at once is for the estimator to stream. The first 32 MiB of embeddings of each tower are
    remembered for `restart`, after which no known mask is encoded again; passes count as often as they are asked for.

    Args:
        game: the game, of two towers or of joint values.
        tick: called with the number of passes just made.
    """

    def __init__(self, game: "Game", tick: Callable[[int], None]) -> None:
        self.game: Any = game
        self.tick = tick
        self.players, self.n_image, self.n_text = game.players, game.n_image, game.n_text
        self.batch_size, self.source = game.batch_size, game.source
        self.text_batch_size: int = getattr(game, "text_batch_size", game.batch_size)
        self.separable = hasattr(game, "image_embeddings")
        self.scale: float = getattr(game, "scale", 1.0)
        self.bias: float = getattr(game, "bias", 0.0)
        self.image_passes = self.text_passes = 0
        self.again = False
        towers: Any = game
        if self.separable:
            self.image, self.text = (Memo(f, ROOM) for f in (towers.image_embeddings, towers.text_embeddings))
        else:
            self.image = Memo(lambda masks: game.values(masks)[:, None], ROOM)

    @property
    def known(self) -> int:
        """Number of image masks, or joint ones, that are remembered."""
        return len(self.image.known)

    def restart(self) -> None:
        """Count anew; what is remembered stays."""
        self.image_passes = self.text_passes = 0
        self.again = True
        self.__dict__.pop("ends", None)

    def keep(self, side: str, key: Hashable, make: Callable[[], Any]) -> Any:
        """Keep what `make` makes of one input: made once for all pairs with it, its passes counted each time.

        Args:
            side: "image" or "text".
            key: all that it depends on besides the input.
            make: from the masks of this side alone.
        """
        kept = getattr(self.game, "kept", {}).get(side, {})
        if key not in kept:
            before = self.image_passes, self.text_passes
            kept[key] = make(), self.image_passes - before[0], self.text_passes - before[1]
        else:
            self.count(*kept[key][1:])
        return kept[key][0]

    def count(self, image: int = 0, text: int = 0) -> None:
        """Note passes that were made without this class (backward ones, say)."""
        self.image_passes += image
        self.text_passes += text
        self.tick(image + text)

    def image_embeddings(self, masks: np.ndarray) -> np.ndarray:
        """[B, n_image] -> [B, D], float64."""
        return self._batches(self.image, masks, "batch_size", "image")

    def text_embeddings(self, masks: np.ndarray) -> np.ndarray:
        """[B, n_text] -> [B, D], float64."""
        return self._batches(self.text, masks, "text_batch_size", "text")

    def values(self, masks: np.ndarray) -> np.ndarray:
        """[B, n] -> [B]; of two towers, inputs that several joint masks share are encoded once."""
        if not self.separable:
            return self._batches(self.image, masks, "batch_size", "image", "text")[:, 0]
        image, of_image = np.unique(masks[:, : self.n_image], axis=0, return_inverse=True)
        text, of_text = np.unique(masks[:, self.n_image :], axis=0, return_inverse=True)
        u, w = self.image_embeddings(image)[of_image.ravel()], self.text_embeddings(text)[of_text.ravel()]
        values: np.ndarray = self.scale * (u * w).sum(1) + self.bias
        return values

    def layers(self, side: str) -> Any:
        """Open a tower; see `fixlip.games.base.DifferentiableGame`."""
        return self.game.layers(side)

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The game on the empty and on the full mask; one pass of each tower for each, the first time."""
        empty, full = self.values(np.repeat([[False], [True]], self.n_image + self.n_text, axis=1))
        return float(empty), float(full)

    def explanation(
        self,
        baseline: float | np.ndarray,
        first_order: np.ndarray,
        second_order: np.ndarray | None,
        third_order: ThirdOrder | None = None,
        *,
        index: str,
        stderr: StandardErrors | None = None,
        unit: Unit = "logit",
        power: Spectrum | None = None,
        remarks: Sequence[str] = (),
        **provenance: Any,
    ) -> Explanation:
        """Make the explanation that `Estimator.estimate` returns.

        Args:
            baseline, first_order, second_order, third_order, index, stderr, unit, power: of the `Explanation`;
                second_order None where no pair was estimated.
            remarks: what to know before trusting the numbers, with the remedy.
            provenance: what else the estimator has to say: `r2`, `details`, or `options` that were decided on the way.
        """
        n = self.n_image + self.n_text
        if second_order is None:
            second_order = np.where(np.eye(n, dtype=bool), 0.0, np.nan)
        return Explanation(
            float(baseline),
            np.asarray(first_order, dtype=np.float64),
            np.asarray(second_order, dtype=np.float64),
            *self.ends,
            index=index,
            players=self.players,
            stderr=stderr,
            unit=unit,
            third_order=third_order,
            power=power,
            provenance=Provenance(status="; ".join(remarks) or "ok", **provenance),
        )

    def _batches(self, function: Memo, masks: np.ndarray, size: str, *sides: str) -> np.ndarray:
        def work(rows: slice) -> np.ndarray:
            return function(masks[rows]) if self.again else function.note(masks[rows])

        found = []
        for part in in_parts(work, len(masks), lambda: getattr(self, size), partial(setattr, self, size)):
            found.append(part)
            self.count(**dict.fromkeys(sides, len(part)))
        return np.concatenate(found)
