"""p-faithfulness: how well the surrogate predicts the game on masks that hold each player with probability p."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from fixlip.errors import InputError, OptionError
from fixlip.results.equality import ByValue
from fixlip.results.explanation import Explanation


@dataclass(frozen=True, eq=False)
class Faithfulness(ByValue):
    """Agreement of game and surrogate over masks.

    Attributes:
        spearman, pearson, kendall: correlations (Kendall's tau-b); NaN where one side is constant.
        r2: 1 - mean squared error / variance of the game; negative for a surrogate that is worse than the mean. NaN
            where the game is constant (but for rounding) or the explanation is in "relevance".
        mse: mean squared error, in the square of the game's unit; NaN where the explanation is in "relevance".
    """

    spearman: float
    pearson: float
    kendall: float
    r2: float
    mse: float


def draw_masks(n: int, p: float, m: int = 1000, seed: int = 0) -> np.ndarray:
    """Masks that hold each of n players with probability p, independently: boolean [m, n].

    Raises:
        OptionError: p is not strictly between 0 and 1, or there is no mask to draw.

    Example:
        >>> draw_masks(50, 0.5).shape, float(draw_masks(50, 0.2, seed=1).mean().round(2))
        ((1000, 50), 0.2)
    """
    if not 0 < p < 1 or m < 1:
        raise OptionError(f"p must be between 0 and 1 and m at least 1, got p = {p} and m = {m}.")
    return np.random.default_rng(seed).random((m, n)) < p


def faithfulness(explanation: Explanation, masks: np.ndarray, values: np.ndarray) -> Faithfulness:
    """Measure how well `Explanation.predict` follows the game.

    Args:
        explanation: of the game's players.
        masks: boolean [m, n], see `draw_masks`.
        values: [m], the game on these masks, in the explanation's `value_unit`: computed once, they score all
            explanations of one game.

    Raises:
        InputError: shapes that do not fit.

    Source: Baniecki et al., Explaining Similarity in Vision-Language Encoders with Weighted Banzhaf Interactions,
    NeurIPS 2025 (Spearman, R2 over 1000 masks).
    """
    values, predicted = np.asarray(values, dtype=float), explanation.predict(masks)
    if values.shape != predicted.shape:
        raise InputError(f"{len(predicted)} masks need as many values, got shape {values.shape}.")
    r2 = mse = float("nan")
    if explanation.unit != "relevance":
        mse, variance = float(np.mean((values - predicted) ** 2)), float(values.var())
        r2 = 1 - mse / variance if varies(values) else float("nan")
    return Faithfulness(
        correlation(scipy.stats.spearmanr, values, predicted),
        correlation(scipy.stats.pearsonr, values, predicted),
        correlation(scipy.stats.kendalltau, values, predicted),
        r2,
        mse,
    )


def correlation(function: Callable[..., Any], x: np.ndarray, y: np.ndarray) -> float:
    """A correlation of scipy.stats; NaN where one side is constant (but for rounding) or shorter than two."""
    if len(x) < 2 or not (varies(x) and varies(y)):
        return float("nan")
    return float(function(x, y).statistic)


def varies(values: np.ndarray) -> bool:
    """Return whether values differ by more than rounding.

    Example:
        >>> varies(np.array([1.0, 1.0 + 1e-15])), varies(np.array([1.0, 1.1]))
        (False, True)
    """
    return bool(np.ptp(values) > 1e-12 * np.abs(values).max())
