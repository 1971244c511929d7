"""Removal: whether another way to remove patches and words gives the same explanation."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from fixlip import metrics
from fixlip.evaluation.case import Case
from fixlip.evaluation.metric import CORRELATION, Figure, Metric, Numbers, constant, of


def removal(case: Case) -> Numbers | None:
    """Agreement with the explanations under the other ways to remove patches and words."""
    encoder: Any = case.encoder
    found = {}
    for side in ("image", "text"):
        own = getattr(encoder, f"{side}_removal", None)
        for name in getattr(getattr(encoder, f"{side}_tower", None), "removals", ()):
            if own is not None and name != own.name:
                other = case.again(encoder=encoder.with_removal(**{side: name}))
                found[f"{side} {name}"] = metrics.similarity(case.explanation, other)
    if not found:
        return None
    mean = {field: float(np.mean([getattr(a, field) for a in found.values()])) for field in ("pearson", "spearman")}
    return mean | {"by": {name: a.pearson for name, a in found.items()}}


@cache
def _operator(name: str) -> Figure:
    about = f"correlation with the explanation under {name} removal"
    return Figure(name, of("by", name), about, ceiling=constant(1.0))


def _operators(row: Numbers) -> Iterator[Figure]:
    """A figure for each other removal operator."""
    return map(_operator, row.get("by") or {})


METRIC = Metric(
    "removal",
    "Other removal operators",
    removal,
    (
        Figure(
            "Pearson", of("pearson"), "correlation with the explanations under other removal operators", **CORRELATION,
            main=True,
        ),
    ),
    more_figures=_operators,
)  # fmt: skip
