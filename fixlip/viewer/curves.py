"""The curves of the page: scores while the most important players are removed, or while only they are present."""

from typing import Any

import numpy as np

from fixlip.metrics.curves import removal_order
from fixlip.results.explanation import Explanation
from fixlip.results.removal_curves import nested_masks

DIGITS = 5


def curves_payload(explanation: Explanation) -> dict[str, Any] | None:
    """Return the data of the slider for JSON; None if neither the surrogate nor the model has finite scores.

    The surrogate's scores are `Explanation.predict` on the masks of the measured curves; without `Explanation.curves`
    they use the masks of `fixlip.api.curves.removal_curves`. Effects in "relevance" have no surrogate.

    Returns:
        order [n] and sizes [m] as in `fixlip.results.removal_curves.RemovalCurves`, and `lines`: for "deletion" and
        "insertion" the values [m] by name of the line, "model" before "surrogate", in `unit`.
    """
    measured = explanation.curves
    order, sizes = removal_order(explanation) if measured is None else (measured.order, measured.sizes)
    values = {} if measured is None else {"model": (measured.deletion, measured.insertion)}
    if explanation.unit != "relevance":
        without, alone = map(explanation.predict, nested_masks(order, sizes))
        values["surrogate"] = without, alone
    finite = {name: both for name, both in values.items() if np.isfinite(both).all()}
    ways = [{name: _rounded(both[k]) for name, both in finite.items()} for k in range(2)]
    lines = dict(zip(("deletion", "insertion"), ways, strict=True))
    data = {"order": order.tolist(), "sizes": sizes.tolist(), "lines": lines, "unit": explanation.value_unit}
    return data if finite else None


def _rounded(values: np.ndarray) -> list[float]:
    """Round values to DIGITS significant digits of the largest one."""
    size = float(np.abs(values).max(initial=0.0))
    decimals = DIGITS - 1 - int(np.floor(np.log10(size))) if size > 0 else 0
    return [round(float(v), decimals) for v in values]
