"""Checks of every result, whichever estimator made it: finite numbers, and a remark where no player matters.

The outputs of towers are checked in `fixlip.games.base`; these checks are for the numbers computed from them.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.errors import InputError

if TYPE_CHECKING:
    from fixlip.results.explanation import Explanation

FLAT = 1e-10  # share of the similarity below which effects are rounding errors
CONSTANT = "the similarity does not depend on which players are present"
NO_SCORE = "every score is 0: the method finds nothing here"


def finite(numbers: Any, what: str) -> np.ndarray:
    """Convert numbers to an array of float64, and check that they are finite.

    Args:
        numbers: an array, or several of one shape.
        what: name of the numbers, with their side ("the gradients of the image tower").

    Raises:
        InputError: there is NaN or infinity among them.
    """
    array = np.asarray(numbers, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InputError(f"{what[0].upper()}{what[1:]} hold NaN or infinity; run the model in float32 or bfloat16.")
    return array


def directions(vectors: Any, what: str) -> np.ndarray:
    """Divide vectors [..., D] by their norms, however large or small; 0 stays 0, so its cosine with any vector is 0.

    Raises:
        InputError: as `finite`.

    Example:
        >>> directions([[3e-200, 4e-200], [0.0, 0.0]], "these").tolist()
        [[0.6, 0.8], [0.0, 0.0]]
    """
    array = finite(vectors, what)
    largest = np.abs(array).max(-1, keepdims=True)
    array = array / np.where(largest > 0, largest, 1.0)
    norm = np.linalg.norm(array, axis=-1, keepdims=True)
    return array / np.where(norm > 0, norm, 1.0)


def sound(explanation: "Explanation", name: str, remarks: list[str]) -> list[str]:
    """Check that a result is finite, and return the remarks on it: one more where no player has an effect.

    Args:
        explanation: the result of the estimator.
        name: name of the estimator.
        remarks: remarks of the estimator.

    Raises:
        InputError: a number is not finite, other than pairs that were not estimated.
    """
    n, first, pairs = (
        explanation.players.n_image,
        explanation.first_order,
        np.nan_to_num(explanation.second_order, nan=0.0),
    )
    errors = [] if explanation.stderr is None else [explanation.stderr.first_order]
    finite([first[:n], *(e[:n] for e in errors)], f"the effects of the image players by {name}")
    finite([first[n:], *(e[n:] for e in errors)], f"the effects of the text players by {name}")
    third = explanation.third_order.arrays if explanation.third_order else ()
    for values in (pairs, *third):
        finite(values, f"the interactions by {name}")
    finite(
        [explanation.baseline, explanation.empty_value, explanation.full_value], f"the values of the game for {name}"
    )
    relevance = explanation.unit == "relevance"
    size = 0.0 if relevance else max(abs(explanation.empty_value), abs(explanation.full_value))
    remark = NO_SCORE if relevance else CONSTANT
    flat = max(np.abs(first).max(), np.abs(pairs).max()) <= FLAT * size
    return [*remarks, remark] if flat and not any(remark in given for given in remarks) else remarks
