"""The origin of the numbers of an explanation, their unit, and their standard errors."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from fixlip.results.equality import ByValue
from fixlip.results.third_order import ThirdOrder

Unit = Literal["logit", "cosine", "relevance"]


@dataclass(frozen=True, eq=False)
class Provenance(ByValue):
    """The origin of an explanation: model, estimator, cost and status.

    Attributes:
        model, weights, dtype: name of the model, a hash of its weights, and the type that it computes in ("bfloat16").
        logit_scale, logit_bias: scale and bias of the model, ``logit = scale * cosine + bias``; NaN where it has none.
        removal: operators that removed the players of each modality.
        estimator, options: name and all options of the estimator.
        budget: game values that were asked for; None when passes were given instead.
        image_passes, text_passes: masked inputs that went through each tower.
        seed: seed of the masks.
        seconds: wall time.
        r2: share of the game's variance (under the index's own measure) that the surrogate explains, adjusted for the
            number of fitted terms; NaN where it is not defined.
        details: further figures of the run by name (the error of a quadrature, the completeness gap, ...).
        status: what to know before trusting the numbers, with the remedy, in a sentence; "ok" where there is nothing.
        versions: versions of fixlip and of the packages that the numbers depend on.
    """

    model: str = ""
    weights: str = ""
    dtype: str = ""
    logit_scale: float = float("nan")
    logit_bias: float = float("nan")
    removal: str = ""
    estimator: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    budget: int | None = None
    image_passes: int = 0
    text_passes: int = 0
    seed: int = 0
    seconds: float = 0.0
    r2: float = float("nan")
    details: dict[str, float] = field(default_factory=dict)
    status: str = "ok"
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class StandardErrors(ByValue):
    """Standard errors, in the shapes of the values that they belong to.

    Attributes:
        additive: those of `Explanation.as_first_order`, in which the errors of a player's effects mostly cancel; None
            where they are not known.
    """

    baseline: float
    first_order: np.ndarray
    second_order: np.ndarray
    third_order: ThirdOrder | None = None
    additive: np.ndarray | None = None
