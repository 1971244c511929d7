"""The pointing game: whether each word finds its picture in a mosaic."""

from dataclasses import asdict

import numpy as np

from fixlip import metrics
from fixlip.evaluation.case import EDGE, Case
from fixlip.evaluation.metric import Figure, Metric, Numbers, of
from fixlip.metrics.pointing_game import STRADDLING, quadrants_of


def pointing_game(case: Case) -> Numbers | None:
    """Pointing game recognition: whether each word finds its picture in a 2 x 2 mosaic."""
    around = [(*np.min(t.boxes, axis=0)[:2], *np.max(t.boxes, axis=0)[2:]) for t in case.objects]
    places = quadrants_of(np.reshape(around, (-1, 4)), EDGE).tolist()
    if not places or STRADDLING in places or len(set(places)) < len(places):
        return None
    return asdict(metrics.pointing_game(case.explanation, [t.span for t in case.objects], places))


METRIC = Metric(
    "pointing-game",
    "Pointing game",
    pointing_game,
    (
        Figure(
            "PGR", of("pgr"), "share of the attribution of class names that has the right sign in the right quarter of "
            "a mosaic", chance=of("chance"), ceiling=of("ceiling"), main=True,
        ),
    ),
    needs="one to four named things, each in a quadrant of its own",
    settings=("k",),
)  # fmt: skip
