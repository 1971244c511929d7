"""Removal: whether another way to remove patches and words gives the same explanation."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from fixlip import metrics
from fixlip.evaluation.case import Case
from fixlip.evaluation.metric import CORRELATION, Figure, Metric, Numbers, constant, of


def removal(case: Case) -> Numbers | None:
    """Agreement with the explanations under the other ways to remove patches and words."""
    encoder, agreement = case.encoder, {}
    in_use = {"image": encoder.image_removal.name, "text": encoder.text_removal.name}
    for side, names in encoder.removals.items():
        for name in names:
            if name != in_use[side]:
                replaced = case.again(encoder=encoder.with_removal(**{side: name}))
                agreement[f"{side} {name}"] = metrics.similarity(case.explanation, replaced)
    if not agreement:
        return None
    by_name = agreement.values()
    mean = {field: float(np.mean([getattr(a, field) for a in by_name])) for field in ("pearson", "spearman")}
    return mean | {"by": {name: a.pearson for name, a in agreement.items()}}


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
