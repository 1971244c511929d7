"""The cost of an explanation before it is made: encoder passes, and seconds, estimated by timing a few passes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fixlip.api.load import DEFAULT_MODEL, encoder_for
from fixlip.arguments import in_order
from fixlip.estimator import Estimator
from fixlip.io.images import ImageLike, inputs_in_order
from fixlip.registry import as_estimator
from fixlip.request import Request
from fixlip.results.word_alignment import aligned_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixlip.encoders.base import DualEncoder
    from fixlip.players.regions import RegionsLike

TRIAL = 1.0  # seconds for which a tower is timed, with at least one pass


@dataclass(frozen=True)
class Cost:
    """The cost of explaining one picture and some captions.

    Attributes:
        n_image, n_text: number of image players, and of the text players of each caption.
        image_passes, text_passes: encoder passes of each tower, at most; masks that captions share are encoded once.
        least_passes: of each tower, where the estimator chooses how many, and may stop after these.
        image_pass, text_pass: seconds per pass of each tower, in batches.
    """

    n_image: int
    n_text: tuple[int, ...]
    image_passes: int
    text_passes: int
    least_passes: tuple[int, int]
    image_pass: float
    text_pass: float

    @property
    def seconds(self) -> float:
        """The estimated time in the encoders at most, which is nearly all of the time."""
        return self.image_passes * self.image_pass + self.text_passes * self.text_pass

    @property
    def least_seconds(self) -> float:
        """The estimated time in the encoders at least."""
        image, text = self.least_passes
        return image * self.image_pass + text * self.text_pass


def estimate_cost(
    image: ImageLike,
    texts: str | Iterable[str],
    *,
    model: "str | DualEncoder" = DEFAULT_MODEL,
    estimator: str | Estimator = "banzhaf",
    budget: int | None = None,
    image_masks: int | None = None,
    text_masks: int | None = None,
    text_players: str = "words",
    phrases: Iterable[str | tuple[int, int]] = (),
    image_players: "RegionsLike" = "patches",
    removal: Mapping[str, str] | None = None,
    seed: int = 0,
    batch_size: int | Literal["auto"] = "auto",
    options: dict[str, Any] | None = None,
    contrast: bool = False,
) -> Cost:
    """Estimate the cost of `fixlip.explain`, or of `fixlip.explain_many` for one picture with several captions.

    Each tower is timed for about a second on random masks, after one batch to warm up, and the time is extrapolated.
    Estimators that need gradients make backward passes, and passes through only some of the blocks; these count as
    whole forward passes, so that the actual time may be between a third and three times the estimate. Loading and the
    linear algebra are not included. Captions whose numbers of image masks differ, as with a `budget`, share none.

    Args:
        image, model, ...: as in `fixlip.explain`.
        texts: a caption, or several captions.
        contrast: estimate the cost of `fixlip.contrast` of two captions, which makes further text passes if they have
            too many words to enumerate all masks.

    Raises:
        FixlipError: as `fixlip.explain`, for instance for a budget that is too small.

    Example:
        >>> from fixlip.datasets.scenes import make_scene
        >>> scene = make_scene(4, names=("dog", "umbrella"))
        >>> cost = estimate_cost(scene.image, "a dog", model="demo-clip", image_masks=256)
        >>> cost.image_passes, cost.text_passes, cost.seconds > 0
        (258, 6, True)
    """
    from fixlip.games.similarity import games

    estimator = as_estimator(estimator, options)
    captions = inputs_in_order("texts", texts)
    sides: dict[str, Any] = {"image_players": image_players, "text_players": text_players}
    sides |= {"phrases": in_order("phrases", phrases)}
    pairs = [(0, j) for j in range(len(captions))]
    every = list(games(encoder_for(model, removal), [image], captions, pairs, batch_size=batch_size, **sides))
    request = Request(budget, image_masks, text_masks, seed)
    towers = [(game.n_image, game.n_text) for game in every]
    if contrast and estimator.capabilities.stderr:
        parts = len(aligned_words(every[0].players, every[1].players))
        masks = estimator.passes(every[0].n_image, parts, request)[1]
        towers += [] if masks >= 2**parts else 2 * [(every[0].n_image, parts)]
    least, most = (
        (sum({image for image, _ in passes}), sum(text for _, text in passes))
        for passes in zip(*(estimator.passes_between(*shape, request) for shape in towers), strict=True)
    )
    p, game = estimator.options().get("p", 0.5), every[0]
    return Cost(
        game.n_image,
        tuple(g.n_text for g in every),
        *most,
        least,
        _seconds(game.image_embeddings, game.n_image, p, min(game.batch_size, most[0])),
        _seconds(game.text_embeddings, game.n_text, p, min(game.text_batch_size, most[1])),
    )


def _seconds(embed: "Callable[[np.ndarray], np.ndarray]", n: int, p: float, batch: int) -> float:
    """Return the seconds per pass in batches of at most this size, smaller if a single pass takes long."""
    rng = np.random.default_rng(0)

    def timed(size: int) -> float:
        masks, start = rng.random((size, n)) < p, perf_counter()
        embed(masks)
        return perf_counter() - start

    timed(1)
    size = max(1, min(batch, int(TRIAL / max(timed(1), 1e-6))))
    timed(size)
    times = [timed(size)]
    while sum(times) + max(times) < TRIAL and len(times) < 10:
        times.append(timed(size))
    return float(np.mean(times)) / size
