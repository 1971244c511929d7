"""Indexes of scenes that the measurements of the search share; they stay in ``runs/search``, so that a run goes on."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fixlip
from benchmarks.output import ROOT
from benchmarks.runs import Settings
from benchmarks.subjects import load
from fixlip.datasets.scenes import Scene, make_scene
from fixlip.index import Index
from fixlip.index.query import Query, make_query
from fixlip.index.schema import Row

Figures = dict[str, float]
MANY, SOME, OTHERS = 4_000_000, 4_100_000, 4_200_000  # first seeds of three sets of scenes
MASKS = 64  # of each of the 2,000 pictures


@cache
def trial() -> TemporaryDirectory[str]:
    """The indexes of a trial, which go when the program ends."""
    return TemporaryDirectory()


def indexed(settings: Settings, name: str, images: Any, model: str = "demo-clip", **options: Any) -> Index:
    """An index, built as far as it is not there yet."""
    out = (Path(trial().name) if settings.quick else ROOT / "runs" / "search") / name
    out.parent.mkdir(parents=True, exist_ok=True)
    return fixlip.build_index(images, out, model=load(model, settings.device), progress=False, **options)


@cache
def many(settings: Settings) -> Index:
    """The index of 2,000 scenes."""
    number = 12 if settings.quick else 2000
    return indexed(settings, "many", (make_scene(MANY + k).image for k in range(number)), image_masks=MASKS)


def some(settings: Settings, *, converged: bool = False) -> Index:
    """The index of 20 scenes with 256 masks each, or with 4,096 others in float32."""
    few, masks, most = (2, MASKS, 256) if settings.quick else (20, 256, 4096)
    images = [make_scene(SOME + k).image for k in range(few)]
    if converged:
        return indexed(settings, "converged", images, image_masks=most, seed=1000, dtype="float32")
    return indexed(settings, "some", images, image_masks=masks)


def short_scenes(seed: int, number: int) -> list[Scene]:
    """Scenes from this seed on whose captions have at most eight words, so that all of their masks are encoded."""
    return list(islice((s for s in map(make_scene, range(seed, seed + 1000)) if len(s.caption.split()) <= 8), number))


def queried(index: Index, texts: Sequence[Sequence[str]]) -> Iterator[tuple[int, Row, Query]]:
    """The first pictures of an index, each with its queries, which are encoded once."""
    rows = {int(row["id"]): row for row in index.store.rows(range(len(index))).values()}
    made = {text: make_query(index.encoder, index.facts, text) for text in {t for some in texts for t in some}}
    for k, of_picture in enumerate(texts):
        yield from ((k, rows[k], made[text]) for text in of_picture)
