"""Orders on the page: the variance by numbers of patches and words, and the binding of each two words."""

from collections.abc import Iterable
from itertools import combinations
from typing import Any

import numpy as np

from fixlip.results.explanation import Explanation
from fixlip.viewer.numbers import packed, with_minus


def orders_payload(explanation: Explanation, shared: Iterable[int] | None = None) -> dict[str, Any]:
    """Return the data of the square and of each two words, as far as the explanation has them.

    Args:
        explanation: the explanation.
        shared: for each text player the number of its word; players of one number are one word.
    """
    data: dict[str, Any] = {}
    power = explanation.power
    if power is not None:
        shares, errors = power.square()
        rounded = ([[round(float(v), 5) for v in row] for row in values] for values in (shares, errors))
        data["power"] = dict(zip(("shares", "errors"), rounded, strict=True)) | {"said": power.caption()}
    if explanation.third_order is not None:
        data["bindings"] = _bindings(explanation, shared)
    return data


def _bindings(explanation: Explanation, shared: Iterable[int] | None) -> list[dict[str, Any]]:
    words: dict[int, list[int]] = {}
    for player, word in enumerate(range(explanation.players.n_text) if shared is None else shared):
        words.setdefault(word, []).append(player)
    found = ((both, explanation.binding(*(words[k] for k in both))) for both in combinations(sorted(words), 2))
    return [
        {
            "words": both,
            "said": with_minus(bound.summary()),
            "values": packed(bound.values),
            "errors": packed(bound.stderr) if np.isfinite(bound.stderr).any() else None,
        }
        for both, bound in found
    ]
