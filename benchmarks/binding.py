"""Test of whether binding says which of two captions with the colours exchanged a model takes for the true one.

Pictures of two coloured things, none of them seen in training. Of each picture and its true caption: the interactions
of all patches with a colour and its thing, less those with the colour and the other thing ("binding"); the same of
pairs of a patch and a colour, on the patches of its thing less those of the other one, by two methods; and the
similarity. The truth is whether the model scores the true caption above the one with the colours exchanged. An area
under the ROC curve of .5 says nothing, and one of 1 everything; its interval is a bootstrap over pictures. The last row
asks the same scores which of the two models made an explanation.
"""

from functools import cache, partial
from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score

import fixlip
from benchmarks.runs import Cases, Row, Settings, Targets
from benchmarks.subjects import load
from fixlip.datasets.scenes import Scene, make_scene
from fixlip.metrics.grounding import coverage
from fixlip.results.explanation import Explanation

TITLE = "Binding of colours and things, and the caption that the model prefers"
TARGETS: Targets = {}
MODELS = ("demo-bag", "demo-bound")
SEED, PICTURES, MASKS = 13_000_000, 100, 512
PREDICTORS = ("binding", "pairs", "gradients", "similarity")
RESAMPLED = 2000


class Found(NamedTuple):
    """One picture: by how much the model prefers the true caption, binding right and wrong, and what may predict it."""

    margin: float
    right: float
    wrong: float
    scores: tuple[float, ...]  # of `PREDICTORS`


def cases(settings: Settings) -> Cases:
    pictures, masks = (1, 64) if settings.quick else (PICTURES, MASKS)
    alone = {model: partial(measure, (model,), pictures, masks) for model in MODELS}
    both = {
        "both models": partial(measure, MODELS, pictures, masks),
        "which model": partial(told_apart, pictures, masks),
    }
    return alone | both


def measure(models: tuple[str, ...], pictures: int, masks: int) -> Row:
    """How much binding tells right from wrong pairs of a colour and a thing, and what predicts the preference."""
    found = [found for model in models for found in explained(model, pictures, masks)]
    margin, right, wrong = (np.array([getattr(one, name) for one in found]) for name in ("margin", "right", "wrong"))
    row: Row = {
        "pictures": len(found),
        "true caption preferred": float((margin > 0).mean()),
        "binding, right pairs": float(right.mean()),
        "binding, wrong pairs": float(wrong.mean()),
        "right above wrong": float((right > wrong).mean()),
    }
    return row | areas(margin > 0, found)


def told_apart(pictures: int, masks: int) -> Row:
    """How well the same scores tell the model that knows which colour belongs to which thing from the other one."""
    found = [found for model in MODELS for found in explained(model, pictures, masks)]
    return {"pictures": len(found)} | areas(np.arange(len(found)) >= pictures, found)


def areas(truth: np.ndarray, found: list[Found]) -> Row:
    """The area of each predictor."""
    scores = np.array([one.scores for one in found])
    return {f"AUC of {name}": area(truth, scores[:, k]) for k, name in enumerate(PREDICTORS)}


def area(truth: np.ndarray, score: np.ndarray) -> str:
    """The area under the ROC curve with its 95 % interval, in words."""
    rng, drawn = np.random.default_rng(0), []
    for _ in range(RESAMPLED):
        some = rng.integers(len(score), size=len(score))
        if 0 < truth[some].sum() < len(some):
            drawn.append(roc_auc_score(truth[some], score[some]))
    if not 0 < truth.sum() < len(truth):
        return "none: all alike"
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{roc_auc_score(truth, score):.2f} ({low:.2f} to {high:.2f})"


@cache
def explained(model: str, pictures: int, masks: int) -> list[Found]:
    """All pictures explained by one model."""
    return [of_scene(model, make_scene(SEED + k, attributes=True, twin="colour"), masks) for k in range(pictures)]


def of_scene(model: str, scene: Scene, masks: int) -> Found:
    """Explain one picture, and score both of its captions."""
    encoder = load(model, "cpu")
    call = {"model": encoder, "progress": False}
    third = fixlip.explain(scene.image, scene.caption, options={"order": 3}, image_masks=masks, **call)
    slopes = fixlip.explain(scene.image, scene.caption, estimator="integrated-gradients", **call)
    names = [thing.span for thing in scene.objects]
    colours = [next(said.span for said in thing.attributes if said.kind == "colour") for thing in scene.objects]
    bound = np.array([[third.binding(colour, name).total for name in names] for colour in colours])
    captions = [scene.caption, scene.twins["colour"]]
    ranked = {one.caption: one.similarity for one in fixlip.rank(scene.image, captions, model=encoder).captions}
    right, wrong = float(np.trace(bound)), float(bound.sum() - np.trace(bound))
    scores = right - wrong, on_own(third, scene, colours), on_own(slopes, scene, colours), third.full_value
    return Found(ranked[captions[0]] - ranked[captions[1]], right, wrong, scores)


def on_own(found: Explanation, scene: Scene, colours: list[tuple[int, int]]) -> float:
    """The interactions of colours with the patches of their own things, less those with the other one's."""
    inside = [coverage(thing.box, scene.image.size, found.players.grid).ravel() for thing in scene.objects]
    maps = [found.patch_values(colour) for colour in colours]
    table = np.array([[values @ share for share in inside] for values in maps])
    return float(2 * np.trace(table) - table.sum())
