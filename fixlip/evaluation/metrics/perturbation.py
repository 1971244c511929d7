"""Conditional perturbation: insertion and deletion of one modality, ranked by a selection in the other."""

import numpy as np

from fixlip import metrics
from fixlip.evaluation.case import Case
from fixlip.evaluation.metric import Figure, Metric, Numbers, each, of
from fixlip.metrics.perturbation import CURVES


def perturbation(case: Case) -> Numbers | None:
    """Conditional perturbation: patches go in the order in which a word's interactions rank them, and the reverse."""
    objects = case.objects
    if not objects:
        return None
    measured = metrics.perturbation(case.explanation, case.game, [t.span for t in objects], [t.boxes for t in objects])
    curves = {name: _mean([getattr(m, name) for m in measured]) for name in CURVES}
    return {"objects": [{"name": t.name} | m.areas for t, m in zip(objects, measured, strict=True)], "curves": curves}


def _mean(curves: list[np.ndarray]) -> np.ndarray:
    """The mean of the curves that are defined."""
    defined = [curve for curve in curves if np.isfinite(curve).all()]
    return np.mean(defined, axis=0) if defined else curves[0]


METRIC = Metric(
    "perturbation",
    "Conditional perturbation",
    perturbation,
    (
        Figure(
            "image insertion", each("image_insertion"), "area under the similarity when the patches that a phrase "
            "points at come in first", main=True,
        ),
        Figure("image deletion", each("image_deletion"), "area when they go first", better="lower", main=True),
        Figure(
            "text insertion", each("text_insertion"), "area under the similarity when the words that a box points at "
            "come in first", main=True,
        ),
        Figure("text deletion", each("text_deletion"), "area when they go first", better="lower", main=True),
    ),
    needs="boxes of things that the caption names",
    curves={name: of("curves", name) for name in CURVES},
)  # fmt: skip
