"""What holds of every result, whichever estimator made it: finite numbers, and a remark where no player matters.

What towers return is checked where it comes in (`fixlip.games.base`); here it is what was made of it.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.errors import InputError

if TYPE_CHECKING:
    from fixlip.results.explanation import Explanation

FLAT = 1e-10  # effects of this share of the similarity are rounding
CONSTANT = "the similarity does not depend on which players are present"
NO_SCORE = "every score is 0: the method finds nothing here"


def finite(numbers: Any, what: str) -> np.ndarray:
    """Numbers as an array of float64.

    Args:
        numbers: an array, or several of one shape.
        what: names them, and the side that they belong to ("the gradients of the image tower").

    Raises:
        InputError: there is NaN or infinity among them.
    """
    found = np.asarray(numbers, dtype=np.float64)
    if not np.isfinite(found).all():
        raise InputError(f"{what[0].upper()}{what[1:]} hold NaN or infinity; run the model in float32 or bfloat16.")
    return found


def directions(vectors: Any, what: str) -> np.ndarray:
    """Vectors [..., D] over their norms, of whatever size these are; 0 stays 0, so that its cosine with any other is 0.

    Raises:
        InputError: as `finite`.

    Example:
        >>> directions([[3e-200, 4e-200], [0.0, 0.0]], "these").tolist()
        [[0.6, 0.8], [0.0, 0.0]]
    """
    found = finite(vectors, what)
    largest = np.abs(found).max(-1, keepdims=True)
    found = found / np.where(largest > 0, largest, 1.0)
    norm = np.linalg.norm(found, axis=-1, keepdims=True)
    return found / np.where(norm > 0, norm, 1.0)


def sound(found: "Explanation", name: str, remarks: list[str]) -> list[str]:
    """The remarks on a result, with one more where no player has an effect.

    Args:
        found: as the estimator made it.
        name: of the estimator.
        remarks: the estimator's own.

    Raises:
        InputError: numbers that are not finite, other than pairs that were not estimated.
    """
    n, first, pairs = found.players.n_image, found.first_order, np.nan_to_num(found.second_order, nan=0.0)
    errors = [] if found.stderr is None else [found.stderr.first_order]
    finite([first[:n], *(e[:n] for e in errors)], f"the effects of the image players by {name}")
    finite([first[n:], *(e[n:] for e in errors)], f"the effects of the text players by {name}")
    finite(pairs, f"the interactions by {name}")
    finite([found.baseline, found.empty_value, found.full_value], f"the values of the game for {name}")
    relevance = found.unit == "relevance"
    size = 0.0 if relevance else max(abs(found.empty_value), abs(found.full_value))
    remark = NO_SCORE if relevance else CONSTANT
    flat = max(np.abs(first).max(), np.abs(pairs).max()) <= FLAT * size
    return [*remarks, remark] if flat and not any(remark in given for given in remarks) else remarks
