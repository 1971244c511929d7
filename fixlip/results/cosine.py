"""Conversion of explanations from logits to cosines, the unit that all models share."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from fixlip.errors import InputError
from fixlip.results.provenance import StandardErrors


def changes(explanation: Mapping[str, Any]) -> dict[str, Any]:
    """Compute the fields of an explanation that change from logits to cosines; see `Explanation.in_cosine`.

    Args:
        explanation: fields of an explanation in logits, by name.

    Raises:
        InputError: the effects are in "relevance", or the model has no logit scale.
    """
    provenance = explanation["provenance"]
    scale, bias, unit = provenance.logit_scale, provenance.logit_bias, explanation["unit"]
    if unit == "relevance" or not (np.isfinite(bias) and scale > 0):
        why = "ranks players on a scale of its own" if unit == "relevance" else "does not know its logit scale"
        raise InputError(f"This explanation by {provenance.estimator or explanation['index']} {why}; it has no cosine.")
    stderr, curves, third = explanation["stderr"], explanation["curves"], explanation["third_order"]
    if stderr is not None:
        stderr = StandardErrors(
            stderr.baseline / scale,
            stderr.first_order / scale,
            stderr.second_order / scale,
            stderr.third_order and stderr.third_order.map(lambda values: values / scale),
            None if stderr.additive is None else stderr.additive / scale,
        )
    if curves is not None:
        deletion, insertion = ((values - bias) / scale for values in (curves.deletion, curves.insertion))
        curves = replace(curves, deletion=deletion, insertion=insertion)
    return {
        **{name: (explanation[name] - bias) / scale for name in ("baseline", "empty_value", "full_value")},
        **{name: explanation[name] / scale for name in ("first_order", "second_order")},
        "third_order": third and third.map(lambda values: values / scale),
        "power": explanation["power"] and explanation["power"].scaled(1 / scale),
        "stderr": stderr,
        "curves": curves,
        "unit": "cosine",
    }
