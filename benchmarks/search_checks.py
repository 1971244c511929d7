"""Answers of an index for a picture and a query, beside `fixlip.explain` and beside converged values."""

from functools import cache
from typing import Any

import numpy as np

import fixlip
from benchmarks.runs import Settings
from benchmarks.search_index import MANY, OTHERS, SOME, Figures, indexed, many, queried, short_scenes, some
from benchmarks.subjects import CROSS
from fixlip.datasets.scenes import Scene, make_scene
from fixlip.metrics import grounding as grounded
from fixlip.results.explanation import Explanation

QUERIES = 5  # of each scene: captions of as many


@cache
def equal(model: str, dtype: str, settings: Settings) -> Figures:
    """The hits of an index against explanations from the same masks."""
    few, masks = (1, 64) if settings.quick else (6, 256)
    scenes = short_scenes(OTHERS, few)
    index = indexed(settings, f"{model}-{dtype}", [s.image for s in scenes], model, image_masks=masks, dtype=dtype)
    cross, first, errors, r2 = [], [], [], []
    for k, row, query in queried(index, [[s.caption] for s in scenes]):
        call: dict[str, Any] = {"model": index.encoder, "image_masks": masks} | CROSS
        found, true = query.hit(row).explanation(), fixlip.explain(scenes[k].image, scenes[k].caption, **call)
        cross.append(np.abs(found.cross - true.cross).max() / np.abs(true.cross).max())
        first.append(np.abs(found.first_order - true.first_order).max() / np.abs(true.first_order).max())
        errors.append(np.abs(cross_errors(found) / cross_errors(true) - 1).ravel())
        r2.append(abs(found.provenance.r2 - true.provenance.r2))
    return {
        "cross pairs, largest difference": float(max(cross)),
        "effects of players, largest difference": float(max(first)),
        "standard errors, median difference": float(np.median(np.concatenate(errors))),
        "standard errors, 95 % differ by less than": float(np.quantile(np.concatenate(errors), 0.95)),
        "R2, largest difference": float(max(r2)),
    }


def cross_errors(explanation: Explanation) -> np.ndarray:
    """Standard errors of the cross pairs, [n_image, words]."""
    n = explanation.players.n_image
    assert explanation.stderr is not None
    return explanation.stderr.second_order[:n, n:]


@cache
def coverage(settings: Settings) -> Figures:
    """The share of converged values within 1.96 standard errors, widened by the errors that those still have."""
    index, converged = some(settings), some(settings, converged=True)
    captions = [scene.caption for scene in short_scenes(SOME, len(index) + QUERIES)]
    texts = [captions[k : k + QUERIES] for k in range(len(index))]
    shares = []
    for (_, row, query), (_, sure, same) in zip(queried(index, texts), queried(converged, texts), strict=True):
        one, true = query.hit(row).explanation(), same.hit(sure).explanation()
        assert one.stderr is not None
        assert true.stderr is not None
        n, widths = len(one.cross), np.hypot(cross_errors(one), cross_errors(true))
        within = np.abs(one.cross - true.cross) <= 1.96 * widths
        widths = np.hypot(one.stderr.first_order, true.stderr.first_order)
        patches = (np.abs(one.first_order - true.first_order) <= 1.96 * widths)[:n]
        strongest = within.ravel()[np.argsort(-np.abs(true.cross).ravel())[:10]]
        shares.append([within.mean(), within.mean(), patches.mean(), strongest.mean()])
    names = ("cross pairs, at least", "cross pairs, at most", "effects of patches", "the ten strongest pairs")
    return dict(zip(names, np.mean(shares, axis=0).tolist(), strict=True))


@cache
def grounding(settings: Settings) -> Figures:
    """PGE of every object of unseen scenes, through the index and explained."""
    index, scenes = many(settings), [make_scene(MANY + k) for k in range(1 if settings.quick else 200)]
    call: dict[str, Any] = {"model": index.encoder, "image_masks": index.facts.image_masks} | CROSS
    both = []
    for k, row, query in queried(index, [[scene.caption] for scene in scenes]):
        true = fixlip.explain(scenes[k].image, scenes[k].caption, **call)
        both += list(zip(pge(query.hit(row).explanation(), scenes[k]), pge(true, scenes[k]), strict=True))
    through, explained = np.nanmedian(both, axis=0).tolist()
    return {
        "median PGE through the index": through,
        "median PGE of explain": explained,
        "difference of the medians": abs(through - explained),
        "largest difference of an object": float(np.nanmax(np.abs(np.diff(both)))),
    }


def pge(explanation: Explanation, scene: Scene) -> list[float]:
    """PGE of each object of a scene."""
    boxes = [[tuple(edge / scene.image.width for edge in thing.box)] for thing in scene.objects]
    return [one.pge for one in grounded(explanation, [thing.span for thing in scene.objects], boxes)]  # type: ignore[arg-type]
