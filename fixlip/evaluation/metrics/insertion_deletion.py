"""Insertion and deletion over patches and words together."""

from dataclasses import asdict

from scipy.integrate import trapezoid

from fixlip import metrics
from fixlip.evaluation.case import Case
from fixlip.evaluation.metric import Figure, Metric, Numbers, Read, constant, numbers, of


def insertion_deletion(case: Case) -> Numbers:
    """AID: the area between the similarities of the best and of the worst players, by number of players."""
    return asdict(metrics.insertion_deletion(case.explanation, case.game))


def _area(name: str) -> Read:
    """Reads the area under a curve of one row."""

    def read(row: Numbers) -> float | None:
        curve, x = row.get(name) or [], row.get("fractions") or []
        return float(trapezoid(curve, x)) if 1 < len(curve) == len(x) == len(numbers(curve)) else None

    return read


METRIC = Metric(
    "insertion-deletion",
    "Insertion and deletion",
    insertion_deletion,
    (
        Figure(
            "AID", of("aid"), "area between the curves of the subsets said to be best and worst", chance=constant(0.0),
            main=True,
        ),
        Figure("insertion", _area("insertion"), "area under the curve of the best subsets"),
        Figure("deletion", _area("deletion"), "area under the curve of the worst subsets", better="lower"),
    ),
    curves={name: of(name) for name in ("insertion", "deletion")},
)  # fmt: skip
