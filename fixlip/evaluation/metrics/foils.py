"""Foils: whether the explanation of a wrong caption shows which word is wrong."""

from dataclasses import asdict
from typing import Any

from fixlip import metrics
from fixlip.evaluation.case import Case
from fixlip.evaluation.metric import Figure, Metric, Numbers, constant, of


def foils(case: Case) -> Numbers | None:
    """Test whether a wrong caption scores lower, and whether its explanation shows which word is wrong."""
    wrong = case.item.foil
    if wrong is None:
        return None
    return asdict(
        metrics.foil_test(
            case.explanation,
            case.again(text=wrong.text),
            [o.span for o in case.caption.objects],
            [o.span for o in wrong.objects],
        )
    )


HALF: dict[str, Any] = {"chance": constant(0.5), "ceiling": constant(1.0)}
METRIC = Metric(
    "foils",
    "Foiled captions",
    foils,
    (
        Figure(
            "accuracy", of("accuracy"), "share of items whose true caption the model prefers to the foil", **HALF,
        ),
        Figure("margin", of("margin"), "by how much, in logits", chance=constant(0.0)),
        Figure(
            "foil word lower", of("lower"), "share of items in which the wrong word is attributed less than the true "
            "one", **HALF,
        ),
        Figure(
            "foil word found", of("found"), "share of items in which the wrong word is the lowest of all",
            chance=of("chance"), ceiling=constant(1.0), main=True,
        ),
    ),
    needs="a wrong caption",
)  # fmt: skip
