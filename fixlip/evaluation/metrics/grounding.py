"""Grounding: whether the words of an object point at it."""

from dataclasses import asdict
from typing import Any

from fixlip import metrics
from fixlip.evaluation.case import Case
from fixlip.evaluation.metric import Figure, Metric, Numbers, constant, each


def grounding(case: Case) -> Numbers | None:
    """Test whether the words of an object point at it: PGE, PGA, and the signs of the mismatch analysis."""
    objects = case.objects
    if not objects:
        return None
    measured = metrics.grounding(case.explanation, [t.span for t in objects], [t.boxes for t in objects])
    return {
        "objects": [{"name": t.name, "cut": t.cut} | asdict(g) for t, g in zip(objects, measured, strict=True)],
    }


HALF: dict[str, Any] = {"chance": constant(0.5), "ceiling": constant(1.0)}
METRIC = Metric(
    "grounding",
    "Grounding",
    grounding,
    (
        Figure(
            "PGE", each("pge"), "share of the positive attribution of an object's words inside its box", "median",
            chance=each("chance_pge"), ceiling=each("ceiling"), main=True, ceiling_name="perfect outline",
        ),
        Figure(
            "PGA", each("pga"), "share of objects whose words have their maximum inside the box",
            chance=each("chance_pga"), ceiling=constant(1.0),
        ),
        Figure(
            "own box positive", each("own", lambda value: value > 0), "share of objects whose words raise the "
            "similarity through their own box", **HALF,
        ),
        Figure(
            "other boxes negative", each("others", lambda value: value < 0), "share of other objects' boxes through "
            "which words lower the similarity", **HALF,
        ),
    ),
    needs="boxes of things that the caption names",
)  # fmt: skip
