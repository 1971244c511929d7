"""The metrics of `fixlip evaluate`: each takes what it needs of a case and gives numbers by name.

A metric that an item does not allow (no boxes, no wrong caption) gives None.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from inspect import signature
from typing import Any

import numpy as np

from fixlip import metrics
from fixlip.evaluation.case import EDGE, Case
from fixlip.evaluation.randomised import randomised
from fixlip.metrics.perturbation import CURVES
from fixlip.metrics.pointing_game import STRADDLING, quadrants_of

Numbers = dict[str, Any] | None


@dataclass(frozen=True)
class Measure:
    """A metric.

    Attributes:
        function: case and options -> numbers.
        needs: what an item must have, in words; "" for nothing.
    """

    function: Callable[..., Numbers]
    needs: str = ""

    @property
    def options(self) -> list[str]:
        """Names of its options."""
        return [*signature(self.function).parameters][1:]

    @property
    def summary(self) -> str:
        """One line."""
        return (self.function.__doc__ or "").split("\n")[0]


def grounding(case: Case) -> Numbers:
    """Whether the words of an object point at it: PGE, PGA, and the signs of the mismatch analysis."""
    things = case.objects
    if not things:
        return None
    found = metrics.grounding(case.explanation, [t.span for t in things], [t.boxes for t in things])
    return {
        "objects": [{"name": t.name, "cut": t.cut} | asdict(g) for t, g in zip(things, found, strict=True)],
    }


def pointing_game(case: Case) -> Numbers:
    """Pointing game recognition: whether each word finds its picture in a 2 x 2 mosaic."""
    around = [(*np.min(t.boxes, axis=0)[:2], *np.max(t.boxes, axis=0)[2:]) for t in case.objects]
    places = quadrants_of(np.reshape(around, (-1, 4)), EDGE).tolist()
    if not places or STRADDLING in places or len(set(places)) < len(places):
        return None
    return asdict(metrics.pointing_game(case.explanation, [t.span for t in case.objects], places))


def insertion_deletion(case: Case) -> Numbers:
    """AID: the area between the similarities of the best and of the worst players, by number of players."""
    return asdict(metrics.insertion_deletion(case.explanation, case.game))


def faithfulness(case: Case, p: float = 0.5, masks: int = 1000, seed: int = 0) -> Numbers:
    """Whether the explanation predicts the similarity of randomly masked pairs."""
    drawn = metrics.draw_masks(case.game.n_image + case.game.n_text, p, masks, seed)
    values = case.once(("faithfulness", p, masks, seed), lambda: case.game.values(drawn))
    return {"p": p} | asdict(metrics.faithfulness(case.explanation, drawn, values))


def perturbation(case: Case) -> Numbers:
    """Conditional perturbation: patches go in the order in which a word's interactions rank them, and the reverse."""
    things = case.objects
    if not things:
        return None
    found = metrics.perturbation(case.explanation, case.game, [t.span for t in things], [t.boxes for t in things])
    curves = {name: _mean([getattr(f, name) for f in found]) for name in CURVES}
    return {"objects": [{"name": t.name} | f.areas for t, f in zip(things, found, strict=True)], "curves": curves}


def _mean(curves: list[np.ndarray]) -> np.ndarray:
    """The mean of those that are defined."""
    defined = [curve for curve in curves if np.isfinite(curve).all()]
    return np.mean(defined, axis=0) if defined else curves[0]


def stability(case: Case) -> Numbers:
    """Agreement with the same explanation from another seed."""
    other = case.again(seed=case.explanation.provenance.seed + 1)
    return asdict(metrics.similarity(case.explanation, other))


def randomization(case: Case, seed: int = 0) -> Numbers:
    """Agreement with the explanation of the same model with its weights shuffled: near 0 is right."""
    with randomised(case.encoder, seed) as model:
        other = case.again(encoder=model)
    return asdict(metrics.similarity(case.explanation, other))


def removal(case: Case) -> Numbers:
    """Agreement with the explanations under the other ways to remove patches and words."""
    encoder: Any = case.encoder
    found = {}
    for side in ("image", "text"):
        own = getattr(encoder, f"{side}_removal", None)
        for name in getattr(getattr(encoder, f"{side}_tower", None), "removals", ()):
            if own is not None and name != own.name:
                other = case.again(encoder=encoder.with_removal(**{side: name}))
                found[f"{side} {name}"] = metrics.similarity(case.explanation, other)
    if not found:
        return None
    mean = {field: float(np.mean([getattr(a, field) for a in found.values()])) for field in ("pearson", "spearman")}
    return mean | {"by": {name: a.pearson for name, a in found.items()}}


def foils(case: Case) -> Numbers:
    """Whether a wrong caption scores lower, and whether its explanation shows which word is wrong."""
    if case.item.foil is None:
        return None
    wrong = case.item.foil
    return asdict(
        metrics.foil_test(
            case.explanation,
            case.again(text=wrong.text),
            [o.span for o in case.caption.objects],
            [o.span for o in wrong.objects],
        )
    )


#: The metrics by name: each a `Measure`, with the function that makes numbers of a `Case`, what it needs, its options.
MEASURES = {
    "grounding": Measure(grounding, "boxes of things that the caption names"),
    "pointing-game": Measure(pointing_game, "one to four named things, each in a quadrant of its own"),
    "insertion-deletion": Measure(insertion_deletion),
    "faithfulness": Measure(faithfulness),
    "perturbation": Measure(perturbation, "boxes of things that the caption names"),
    "stability": Measure(stability),
    "randomization": Measure(randomization),
    "removal": Measure(removal),
    "foils": Measure(foils, "a wrong caption"),
}
