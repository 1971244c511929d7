"""Games whose interactions are known in closed form, and random ones to enumerate: for tests and for learning.

Source of the closed forms: the definitions; `tests/unit/games/test_closed_form.py` verifies them by enumeration.
"""

import numpy as np

from fixlip.games.base import CallableGame


def bilinear(a: np.ndarray, b: np.ndarray) -> CallableGame:
    """v(S, T) = <sum of a_i over S, sum of b_k over T>, for a [n_image, D] and b [n_text, D].

    Every cross pair is <a_i, b_k> under each of SII, BII at any p, STII, FSII and FWBII, and pairs within a modality
    are 0.

    Example:
        >>> float(bilinear(np.eye(2), np.ones((1, 2))).values(np.ones((1, 3), dtype=bool))[0])
        2.0
    """
    return CallableGame(lambda s: s @ a, lambda t: t @ b, len(a), len(b))


def additive(a: np.ndarray, b: np.ndarray, bias: float = 0.0) -> CallableGame:
    """v(S, T) = bias + sum of a_i over S + sum of b_k over T: every interaction is 0."""

    def image(s: np.ndarray) -> np.ndarray:
        return np.stack([s @ a, np.ones(len(s))], axis=1)

    def text(t: np.ndarray) -> np.ndarray:
        return np.stack([np.ones(len(t)), t @ b], axis=1)

    return CallableGame(image, text, len(a), len(b), bias=bias)


def random_towers(
    n_image: int, n_text: int, *, dim: int = 6, seed: int = 0, scale: float = 10.0, bias: float = -1.0
) -> CallableGame:
    """Two random nonlinear towers with unit embeddings, whose players interact within and across.

    Args:
        n_image, n_text: players of each tower.
        dim: of the embeddings.
        seed: alone fixes the weights.
        scale, bias: from the cosine to the logit.
    """
    rng = np.random.default_rng(seed)

    def tower(n: int) -> tuple[np.ndarray, np.ndarray]:
        return rng.normal(size=(n, 2 * dim)), rng.normal(size=(2 * dim, dim))

    weights = tower(n_image), tower(n_text)

    def embed(masks: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        x = np.tanh(masks @ first + 0.5) @ second
        unit: np.ndarray = x / np.linalg.norm(x, axis=1, keepdims=True)
        return unit

    return CallableGame(
        lambda s: embed(s, *weights[0]), lambda t: embed(t, *weights[1]), n_image, n_text, scale=scale, bias=bias
    )
