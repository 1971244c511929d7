"""The curves of the page: scores while the most important players are removed, or while they alone are present."""

from typing import Any

import numpy as np

from fixlip.explanation import Explanation
from fixlip.removal_curves import nested_masks, removal_order

DIGITS = 5


def curves_payload(explanation: Explanation) -> dict[str, Any] | None:
    """What the slider needs, ready to be JSON; None where there is neither a surrogate nor a score of the model.

    The surrogate's numbers are `Explanation.predict` on the masks of the model's; without `Explanation.curves` they
    are on the masks that `fixlip.removal_curves.removal_curves` would use. Effects in "relevance" have no surrogate.

    Returns:
        order [n] and sizes [m] as in `fixlip.removal_curves.RemovalCurves`, and `lines`: for "deletion" and
        "insertion" the values [m] by name of the line, "model" before "surrogate", in `unit`.
    """
    measured = explanation.curves
    if measured is None and explanation.unit == "relevance":
        return None
    order, sizes = removal_order(explanation) if measured is None else (measured.order, measured.sizes)
    lines: dict[str, dict[str, list[float]]] = {"deletion": {}, "insertion": {}}
    for way, masks in zip(lines, nested_masks(order, sizes), strict=True):
        if measured is not None:
            lines[way]["model"] = _rounded(getattr(measured, way))
        if explanation.unit != "relevance":
            lines[way]["surrogate"] = _rounded(explanation.predict(masks))
    return {"order": order.tolist(), "sizes": sizes.tolist(), "lines": lines, "unit": explanation.value_unit}


def _rounded(values: np.ndarray) -> list[float]:
    """With so many significant digits of the largest of them."""
    size = float(np.abs(values).max(initial=0.0))
    decimals = DIGITS - 1 - int(np.floor(np.log10(size))) if size > 0 else 0
    return [round(float(v), decimals) for v in values]
