"""Randomization: whether the explanation depends on what the model has learned."""

from dataclasses import asdict

from fixlip import metrics
from fixlip.evaluation.case import Case
from fixlip.evaluation.metric import Figure, Metric, Numbers, of


def randomization(case: Case, seed: int = 0) -> Numbers:
    """Agreement with the explanation of the same model with its weights shuffled: near 0 is right."""
    from fixlip.evaluation.randomised import randomised  # which imports torch; a report needs none

    with randomised(case.encoder, seed) as model:
        shuffled = case.again(encoder=model)
    return asdict(metrics.similarity(case.explanation, shuffled))


METRIC = Metric(
    "randomization",
    "Random weights",
    randomization,
    (
        Figure(
            "Pearson", of("pearson"), "correlation with the explanation of a model of random weights: near 0 for one "
            "that depends on the model", better="zero", main=True,
        ),
        Figure("Spearman", of("spearman"), "the same for ranks", better="zero"),
    ),
)  # fmt: skip
