"""Insertion and deletion: whether the players that the surrogate puts first and last are so in the game (AID)."""

from dataclasses import dataclass

import numpy as np

from fixlip.games.base import Game
from fixlip.metrics.curves import POINTS, area, normalised_curves, subset_sizes
from fixlip.metrics.maps import TIE, first_largest, has_pairs, ranked
from fixlip.results.equality import ByValue
from fixlip.results.explanation import Explanation


@dataclass(frozen=True, eq=False)
class InsertionDeletion(ByValue):
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


def best_subsets(first_order: np.ndarray, second_order: np.ndarray | None, sizes: np.ndarray) -> np.ndarray:
    """For each size a subset of players with a large surrogate value, boolean [len(sizes), n].

    Without pairs: the players of the largest effects, which is the best subset. With pairs: greedy growth from each
    single player, and for each size the best of the n subsets so grown; these are not nested across sizes. Ties go to
    the smaller index, also where sums differ by rounding alone. For the smallest values negate both.

    Args:
        first_order: [n].
        second_order: [n, n], symmetric, zero diagonal; NaN counts as 0; None for no pairs.
        sizes: increasing, from 0 to n.

    Cost: O(n^3) in numpy.
    """
    n = len(first_order)
    subsets = np.zeros((len(sizes), n), dtype=bool)
    if second_order is None:
        order = ranked(first_order)
        for row, size in zip(subsets, sizes, strict=True):
            row[order[:size]] = True
        return subsets
    pairs, starts = np.nan_to_num(second_order, nan=0.0), np.arange(n)
    tie = TIE * max(np.abs(first_order).max(), np.abs(pairs).max())
    masks, values, gains = np.eye(n, dtype=bool), np.array(first_order, dtype=float), first_order + pairs
    for size in range(1, n + 1):
        subsets[sizes == size] = masks[first_largest(values, tie)]
        if size < n:
            chosen = first_largest(np.where(masks, -np.inf, gains), tie)
            values += gains[starts, chosen]
            masks[starts, chosen] = True
            gains += pairs[chosen]
    return subsets


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
        NaN curves where |v(full) - v(empty)| is at most 1 % of the range of the values.

    Cost: at most 2 * points masks.

    Source: Baniecki et al., Explaining Similarity in Vision-Language Encoders with Weighted Banzhaf Interactions,
    NeurIPS 2025. Departures: the guard; the absolute value in the denominator, so that where the full input is less
    similar than the empty one a good explanation still has a positive area.
    """
    pairs = has_pairs(explanation) if order is None else order == 2
    first = explanation.first_order if pairs else explanation.as_first_order()
    second = explanation.second_order if pairs else None
    sizes = subset_sizes(len(first), points)
    masks = [best_subsets(first, second, sizes), best_subsets(-first, None if second is None else -second, sizes)]
    values = game.values(np.concatenate(masks)).reshape(2, -1)
    insertion, deletion = normalised_curves(values, sizes, values[0, 0], values[0, -1], points)
    return InsertionDeletion(np.linspace(0, 1, points), insertion, deletion, area(insertion) - area(deletion))
