"""Stability: whether another seed gives the same explanation."""

from dataclasses import asdict

from fixlip import metrics
from fixlip.evaluation.case import Case
from fixlip.evaluation.metric import CORRELATION, Figure, Metric, Numbers, constant, of


def stability(case: Case) -> Numbers:
    """Agreement with the same explanation from another seed."""
    reseeded = case.again(seed=case.explanation.provenance.seed + 1)
    return asdict(metrics.similarity(case.explanation, reseeded))


METRIC = Metric(
    "stability",
    "Stability over seeds",
    stability,
    (
        Figure("Pearson", of("pearson"), "correlation of the explanations of two seeds", **CORRELATION, main=True),
        Figure("Spearman", of("spearman"), "rank correlation of the explanations of two seeds", **CORRELATION),
        Figure(
            "top pairs shared", of("top"), "share of the strongest pairs that two seeds have in common",
            ceiling=constant(1.0),
        ),
    ),
)  # fmt: skip
