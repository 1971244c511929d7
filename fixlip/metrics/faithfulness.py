"""p-faithfulness: how well the surrogate predicts the game on masks that hold each player with probability p."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from fixlip.errors import InputError
from fixlip.explanation import Explanation


@dataclass(frozen=True)
class Faithfulness:
    """Agreement of game and surrogate over masks.

    Attributes:
        spearman, pearson, kendall: correlations (Kendall's tau-b); NaN where one side is constant.
        r2: 1 - squared error / variance of the game; NaN where the game is constant or the unit is "relevance".
        mse: mean squared error in the squared unit of the game; NaN where the unit is "relevance".
    """

    spearman: float
    pearson: float
    kendall: float
    r2: float
    mse: float


def draw_masks(n: int, p: float, m: int = 1000, seed: int = 0) -> np.ndarray:
    """Masks in which each of n players is present with probability p, independently: boolean [m, n]."""
    if not 0 < p < 1:
        raise InputError(f"p must be between 0 and 1, got {p}.")
    return np.random.default_rng(seed).random((m, n)) < p


def faithfulness(explanation: Explanation, masks: np.ndarray, values: np.ndarray) -> Faithfulness:
    """How well `Explanation.predict` follows the game.

    Args:
        explanation: of the game's players.
        masks: boolean [m, n], see `draw_masks`.
        values: [m], the game on these masks, in the explanation's `value_unit`; compute them once for all explanations
            of one game.

    Raises:
        InputError: shapes that do not fit.

    Source: Baniecki et al., Explaining Similarity in Vision-Language Encoders with Weighted Banzhaf Interactions,
    NeurIPS 2025 (Spearman over 1000 masks).
    """
    values, predicted = np.asarray(values, dtype=float), explanation.predict(masks)
    if values.shape != predicted.shape:
        raise InputError(f"{len(predicted)} masks need as many values, got {values.shape}.")
    nan = float("nan")
    spearman, pearson, kendall = (
        correlation(f, values, predicted) for f in (stats.spearmanr, stats.pearsonr, stats.kendalltau)
    )
    if explanation.unit == "relevance":
        return Faithfulness(spearman, pearson, kendall, nan, nan)
    mse, variance = float(np.mean((values - predicted) ** 2)), float(values.var())
    return Faithfulness(spearman, pearson, kendall, 1 - mse / variance if variance > 0 else nan, mse)


def correlation(function, one: np.ndarray, other: np.ndarray) -> float:  # type: ignore[no-untyped-def]
    """One of scipy's correlations; NaN, without a warning, where a side is constant or shorter than two."""
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(function(one, other).statistic)
