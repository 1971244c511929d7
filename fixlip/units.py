"""Logits of models with scales of their own, brought to the cosine that they are made of."""

from dataclasses import replace

import numpy as np

from fixlip.errors import InputError
from fixlip.explanation import Explanation, StandardErrors


def in_cosine(explanation: Explanation) -> Explanation:
    """See `Explanation.in_cosine`."""
    e, scale, bias = explanation, explanation.provenance.logit_scale, explanation.provenance.logit_bias
    if e.unit == "cosine":
        return e
    if e.unit == "relevance" or not (np.isfinite(bias) and scale > 0):
        why = "ranks players on a scale of its own" if e.unit == "relevance" else "does not know its logit scale"
        raise InputError(f"This explanation by {e.provenance.estimator or e.index} {why}; it has no cosine.")
    stderr, curves = e.stderr, e.curves
    if stderr is not None:
        stderr = StandardErrors(stderr.baseline / scale, stderr.first_order / scale, stderr.second_order / scale)
    if curves is not None:
        deletion, insertion = ((values - bias) / scale for values in (curves.deletion, curves.insertion))
        curves = replace(curves, deletion=deletion, insertion=insertion)
    baseline, empty, full = ((value - bias) / scale for value in (e.baseline, e.empty_value, e.full_value))
    return replace(
        e,
        baseline=baseline,
        first_order=e.first_order / scale,
        second_order=e.second_order / scale,
        empty_value=empty,
        full_value=full,
        stderr=stderr,
        unit="cosine",
        curves=curves,
    )
