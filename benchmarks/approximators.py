"""shapiq's approximators beside fixlip's own estimators, at equal numbers of game values.

Of both, masked inputs that several values share are encoded once. What each found is compared with the converged
interactions of its own index, from many passes and another seed.
"""

from functools import lru_cache, partial
from typing import Any

import numpy as np

import fixlip
from benchmarks.clock import timed
from benchmarks.runs import Cases, Row, Settings, Targets
from benchmarks.subjects import game_of, load
from fixlip.errors import BudgetError
from fixlip.estimator import Estimator

TITLE = "demo-clip: shapiq's approximators and fixlip's estimators at equal numbers of game values"
TARGETS: Targets = {}
OWN: dict[str, tuple[str, dict[str, Any]]] = {  # index: what finds it from the masks of two towers
    "SII": ("shapley-owen", {}),
    "FSII": ("shapley", {}),
    "FBII": ("banzhaf", {"interactions": "cross"}),
}
SAME = {"k-SII": "SII"}  # of pairs, where the order is 2
CONVERGED = 16384
SLOW = {"shapiq:SVARMIQ": 2**11, "shapiq:SHAPIQ": 2**11}  # most values; minutes beyond


def cases(settings: Settings) -> Cases:
    converged = 512 if settings.quick else CONVERGED
    found: Cases = {}
    for index, (name, options) in OWN.items():
        others = approximators(index)
        if settings.quick:
            if index != "SII":
                continue
            others = others[:1]
        for budget in (2**11,) if settings.quick else (2**11, 2**13, 2**15):
            chosen = [o for o in others if budget <= SLOW.get(o.capabilities.name, budget)]
            for estimator in [fixlip.get_estimator(name, **options), *chosen]:
                label = f"{index}, {estimator.capabilities.name}, 2^{budget.bit_length() - 1}"
                found[label] = partial(measure, estimator, index, budget, converged, settings.device)
    return found


def approximators(index: str) -> list[Estimator]:
    """Those of shapiq that give pairs of this index."""
    known = [n for n in fixlip.list_estimators() if n.startswith("shapiq:") and fixlip.estimator_class(n)]
    found = []
    for name in known:
        capable = fixlip.estimator_class(name).capabilities
        same = [i for i in capable.index if SAME.get(i, i) == index]
        if capable.cross and same:
            found.append(fixlip.get_estimator(name, index=same[0]))
    return found


def measure(estimator: Estimator, index: str, budget: int, converged: int, device: str) -> Row:
    """One estimator at one budget."""
    encoder = load("demo-clip", device)
    truth = reference(index, converged, device)
    row: Row = {"index": index, "estimator": estimator.capabilities.name, "game values": budget}
    try:
        seconds, found = timed(partial(estimator.explain, game_of(encoder), budget=budget, progress=False), device)
    except BudgetError as error:
        return row | {"outcome": str(error).split(":")[0]}
    return row | {
        "image passes": found.provenance.image_passes,
        "text passes": found.provenance.text_passes,
        "seconds": seconds,
        "correlation": float(np.corrcoef(found.cross.ravel(), truth.ravel())[0, 1]),
        "relative error": float(np.linalg.norm(found.cross - truth) / np.linalg.norm(truth)),
        "outcome": "done",
    }


@lru_cache
def reference(index: str, passes: int, device: str) -> np.ndarray:
    """The converged cross matrix of an index."""
    name, options = OWN[index]
    estimator = fixlip.get_estimator(name, **options)
    return estimator.explain(game_of(load("demo-clip", device)), image_masks=passes, seed=1, progress=False).cross
