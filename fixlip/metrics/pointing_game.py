"""Pointing game recognition (PGR): whether words find their picture in a 2 x 2 mosaic."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fixlip.errors import InputError
from fixlip.metrics.maps import has_pairs, image_map
from fixlip.players.base import Players
from fixlip.results.equality import ByValue
from fixlip.results.explanation import Explanation

STRADDLING = -1


@dataclass(frozen=True, eq=False)
class PointingGame(ByValue):
    """Outcome of one mosaic.

    Attributes:
        k: number of named objects.
        right, wrong: attribution that agrees with where the objects are, and the rest, in the explanation's unit.
        pgr: right / (right + wrong); NaN where all attributions are 0.
        chance, ceiling: see `limits`.
    """

    k: int
    right: float
    wrong: float
    pgr: float
    chance: float
    ceiling: float


def quadrants(players: Players) -> np.ndarray:
    """The quadrant of each image player, [n_image]: 0 and 1 on top, 2 and 3 below, left first.

    `STRADDLING` (-1) for a player that lies in more than one: on a 7 x 7 grid only the 3 x 3 corners are left.

    Raises:
        InputError: the image players have no place in the picture.
    """
    return quadrants_of(np.array(_boxes(players)), 1e-9)


def quadrants_of(boxes: np.ndarray, slack: float) -> np.ndarray:
    """The quadrant of each box [n, 4], as in `quadrants`; it may reach over the middle by `slack`."""
    left, top, right, bottom = boxes.T
    column = np.where(left >= 0.5 - slack, 1, np.where(right <= 0.5 + slack, 0, STRADDLING))
    row = np.where(top >= 0.5 - slack, 1, np.where(bottom <= 0.5 + slack, 0, STRADDLING))
    return np.where((row < 0) | (column < 0), STRADDLING, 2 * row + column)


def _boxes(players: Players) -> list[tuple[float, float, float, float]]:
    if players.regions is not None:
        (h, w), spanned = players.regions.shape, []
        for i in range(players.n_image):
            y, x = np.nonzero(players.regions == i)
            nothing = (0.0, 0.0, 1.0, 1.0)
            spanned.append((x.min() / w, y.min() / h, (x.max() + 1) / w, (y.max() + 1) / h) if len(x) else nothing)
        return spanned
    boxes = [player.box for player in players.image if player.box is not None]
    if len(boxes) < players.n_image:
        raise InputError("These image players have no place in the picture: they need a grid, a label map or boxes.")
    return boxes


def limits(k: int, *, pairs: bool, signed: bool) -> tuple[float, float]:
    """Chance level and ceiling of PGR for a kind of explanation, in a mosaic with k of the four pictures named.

    PGR is a mean over patches and objects, weighted by |attribution|, of whether the sign is right there.

    - Pairs, signed: every sign can be right, ceiling 1; of random signs half are, chance 1/2.
    - Pairs, never negative: right in the object's own quadrant only: ceiling 1, and chance 1/4 for a random place.
    - One map, signed: in a named quadrant a positive value is right for 1 object of k and a negative one for k - 1; in
      an unnamed one a positive value is right for none and a negative one for all. So the ceiling is 1 for k < 4
      (negative in unnamed quadrants, 0 in named ones unless k = 1) and max(1, 3) / 4 for k = 4, where no quadrant is
      unnamed. Random signs are right for half of the objects on average, chance 1/2.
    - One map, never negative: right for 1 of k in a named quadrant and for none in an unnamed one, ceiling 1/k; a
      random place is in a named quadrant with probability k/4, chance 1/4.

    Args:
        k: named objects, 1 to 4.
        pairs: whether each word has a map of its own.
        signed: whether attributions can be negative.

    Returns:
        chance, ceiling.

    Raises:
        InputError: k is not 1 to 4.

    Example:
        >>> limits(4, pairs=False, signed=True)
        (0.5, 0.75)
        >>> limits(2, pairs=False, signed=False)
        (0.25, 0.5)
    """
    if not 1 <= k <= 4:
        raise InputError(f"A 2 x 2 mosaic has one to four named objects, got {k}.")
    if pairs:
        return (0.5 if signed else 0.25), 1.0
    if signed:
        return 0.5, (1.0 if k < 4 else 0.75)
    return 0.25, 1.0 / k


def pointing_game(
    explanation: Explanation, spans: Sequence[Any], places: Sequence[int], *, signed: bool | None = None
) -> PointingGame:
    """Pointing game recognition of one mosaic of four pictures, k of whose classes the caption names.

    For each named object: right is the sum of its positive interactions with patches of its own quadrant and of the
    absolute negative ones outside of it, wrong is the rest; both are summed over the k objects. Patches that lie in
    more than one quadrant do not count. An explanation without pairs has the same map for every object.

    Args:
        explanation: of the mosaic and the caption.
        spans: the words of each named object, as in `Explanation.patch_values`.
        places: the quadrant of each, see `quadrants`.
        signed: whether attributions of this kind of explanation can be negative, for chance and ceiling; when None they
            can if one of this explanation's is.

    Raises:
        InputError: other than one to four objects in quadrants of their own, or words that are not in the caption.

    Source: Baniecki et al., Explaining Similarity in Vision-Language Encoders with Weighted Banzhaf Interactions,
    NeurIPS 2025; its code for what counts as right. Departure: chance level and ceiling are given.
    """
    if len(spans) != len(places) or len(set(places)) != len(places) or not set(places) <= {0, 1, 2, 3}:
        raise InputError(f"{len(spans)} objects need as many different quadrants of 0 to 3, got {list(places)}.")
    quadrant = quadrants(explanation.players)
    counted, right, wrong = quadrant != STRADDLING, 0.0, 0.0
    maps = [image_map(explanation, span) for span in spans]
    for values, place in zip(maps, places, strict=True):
        agrees = (values > 0) == (quadrant == place)
        right += float(np.abs(values[counted & agrees]).sum())
        wrong += float(np.abs(values[counted & ~agrees]).sum())
    if signed is None:
        signed = any((values < 0).any() for values in maps)
    total = right + wrong
    return PointingGame(
        len(spans),
        right,
        wrong,
        right / total if total > 0 else float("nan"),
        *limits(len(spans), pairs=has_pairs(explanation), signed=signed),
    )
