"""A common scale for separate figures."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from fixlip.arguments import in_order
from fixlip.errors import InputError
from fixlip.results.comparison import Comparison
from fixlip.results.explanation import Explanation
from fixlip.results.gallery import Gallery


def shared_limit(
    explanations: Iterable[Explanation] | Comparison | Gallery,
    words: Iterable[Any] = (None,),
    *,
    order: Literal[1, 2] = 2,
    pairs: bool = False,
) -> float:
    """Return the `limit` that makes figures of several explanations, or of several words, comparable.

    Args:
        explanations: the explanations to draw, all in one unit, or a `Comparison` or `Gallery`.
        words: an entry for each map to draw, as in `Explanation.patch_values`; by default all words together. Words
            that an explanation lacks are ignored there.
        order: the order of the effects, as in `Explanation.patch_values`.
        pairs: use single pairs of players instead of sums over words, for `network`.

    Returns:
        The largest absolute value in any of the figures; 1 if all are 0.

    Raises:
        InputError: no explanation, or explanations in different units.

    Example:
        >>> from fixlip import Players
        >>> players = Players.of(n_image=2, words=["dog"])
        >>> def example(effect):
        ...     return Explanation(0.0, np.array([1.0, effect, 0.0]), np.zeros((3, 3)), 0.0, 1.0, "", players)
        >>> shared_limit([example(2.0), example(-5.0)], order=1)
        5.0
    """
    together = explanations.explanations if isinstance(explanations, Comparison | Gallery) else explanations
    every, words = in_order("explanations", together), in_order("words", words)
    for one in every:
        if not isinstance(one, Explanation):
            raise InputError(f"fixlip.plots.shared_limit(explanations, words) takes explanations first, got {one!r}.")
    units = sorted({e.unit for e in every})
    if len(units) != 1:
        raise InputError(f"A shared scale needs explanations in one unit, got {', '.join(units) or 'none at all'}.")
    values = [_pairs(e) for e in every] if pairs else [v for e in every for w in words for v in _map(e, w, order)]
    return max((float(np.nanmax(np.abs(v), initial=0.0)) for v in values), default=0.0) or 1.0


def _pairs(explanation: Explanation) -> np.ndarray:
    return explanation.second_order[np.triu_indices(len(explanation.players), 1)]


def _map(explanation: Explanation, words: Any, order: Literal[1, 2]) -> list[np.ndarray]:
    try:
        return [explanation.patch_values(words, order=order)]
    except InputError:
        return []
