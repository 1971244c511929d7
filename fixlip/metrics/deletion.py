"""Insertion and deletion: whether the players that the surrogate puts first and last are so in the game (AID)."""

from dataclasses import dataclass

import numpy as np

from fixlip.explanation import Explanation
from fixlip.games.base import Game
from fixlip.metrics.maps import exact, has_pairs

POINTS = 51
GUARD = 0.01


@dataclass(frozen=True, eq=False)
class InsertionDeletion:
    """Curves of one explanation.

    Attributes:
        fractions: [51], share of the players that are present, 0 to 1.
        insertion: [51], normalised game value of the subsets with the largest surrogate values.
        deletion: [51], the same of the smallest.
        aid: area between the two; larger is better, negative where the explanation has it the wrong way round.
    """

    fractions: np.ndarray
    insertion: np.ndarray
    deletion: np.ndarray
    aid: float


def subset_sizes(n: int, points: int = POINTS) -> np.ndarray:
    """Sizes of the subsets that curves of n players are drawn through: 0 to n, at most `points` of them."""
    return np.unique(np.rint(np.linspace(0, n, points)).astype(int))


def best_subsets(first_order: np.ndarray, second_order: np.ndarray | None, sizes: np.ndarray) -> np.ndarray:
    """For each size a subset of players with a large surrogate value, boolean [len(sizes), n].

    Without pairs: the players of the largest effects, which is the best subset. With pairs: greedy growth from each
    single player, and for each size the best of the n subsets so grown; these are not nested across sizes. Ties go to
    the smaller index, and sums have no rounding (`fixlip.metrics.maps.exact`). For the smallest values negate both.

    Args:
        first_order: [n].
        second_order: [n, n], symmetric, zero diagonal; NaN counts as 0; None for no pairs.
        sizes: increasing, from 0 to n.

    Cost: O(n^3) in numpy.
    """
    n = len(first_order)
    found = np.zeros((len(sizes), n), dtype=bool)
    place = {int(size): i for i, size in enumerate(sizes)}
    if second_order is None:
        order = np.argsort(-exact(first_order), kind="stable")
        for size, i in place.items():
            found[i, order[:size]] = True
        return found
    effects, pairs = exact(np.asarray(first_order), np.nan_to_num(second_order, nan=0.0))
    starts, lowest = np.arange(n), np.iinfo(np.int64).min
    masks, values = np.eye(n, dtype=bool), effects.copy()
    gains = effects + pairs
    for size in range(1, n + 1):
        if size > 1:
            chosen = np.where(masks, lowest, gains).argmax(1)
            values += gains[starts, chosen]
            masks[starts, chosen] = True
            gains += pairs[chosen]
        if size in place:
            found[place[size]] = masks[values.argmax()]
    return found


def insertion_deletion(
    explanation: Explanation, game: Game, *, order: int | None = None, points: int = POINTS
) -> InsertionDeletion:
    """Area between the insertion and the deletion curve (AID).

    For each size k the subset S_k of players with the largest surrogate value (insertion) and with the smallest one
    (deletion), see `best_subsets`; y(k) = (v(S_k) - v(empty)) / |v(full) - v(empty)|, linear between sizes; AID is the
    area under the first curve minus that under the second.

    Args:
        explanation: of this game's players.
        game: scored on; all of its masks are asked for in one call.
        order: 2 for subsets under pairs, 1 to rank players by `Explanation.as_first_order`; what the explanation has
            when None.
        points: of the curves.

    Returns:
        NaN curves where |v(full) - v(empty)| is not above 1 % of the range of the values, which says nothing.

    Cost: at most 2 * points masks.

    Source: Baniecki et al., Explaining Similarity in Vision-Language Encoders with Weighted Banzhaf Interactions,
    NeurIPS 2025. Departures: the guard; the absolute value in the denominator, so that where the full input is less
    similar than the empty one a good explanation still has a positive area.
    """
    second = explanation.second_order if (order or (2 if has_pairs(explanation) else 1)) == 2 else None
    first = explanation.as_first_order() if second is None else explanation.first_order
    sizes = subset_sizes(len(first), points)
    high = best_subsets(first, second, sizes)
    low = best_subsets(-first, None if second is None else -second, sizes)
    values = game.values(np.concatenate([high, low]))
    fractions = np.linspace(0, 1, points)
    insertion, deletion = (
        np.interp(fractions, sizes / sizes[-1], curve) for curve in normalised(values.reshape(2, -1))
    )
    return InsertionDeletion(fractions, insertion, deletion, float(np.trapezoid(insertion - deletion, fractions)))


def normalised(values: np.ndarray) -> np.ndarray:
    """Curves [c, s] from the empty to the full mask, scaled so that these are 0 and 1 (or -1); see the guard above."""
    empty, full = values[:1, :1], values[:1, -1:]
    step = np.abs(full - empty)
    return np.where(step > GUARD * np.ptp(values), (values - empty) / np.where(step > 0, step, 1.0), np.nan)
