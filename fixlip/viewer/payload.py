"""The data of the page for JSON."""

import base64
import io
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import takewhile
from typing import Any

import numpy as np
from PIL import Image

from fixlip.errors import InputError
from fixlip.players.base import Players
from fixlip.players.outlines import boxes_of, centres, outlines, reduced
from fixlip.plots import colours
from fixlip.results.additive import REST
from fixlip.results.comparison import Comparison
from fixlip.results.contrast import Contrast
from fixlip.results.explanation import Explanation
from fixlip.results.gallery import Gallery
from fixlip.results.hits import NO_WORDS, TOGETHER, Hits
from fixlip.results.provenance import Provenance
from fixlip.viewer.curves import curves_payload
from fixlip.viewer.numbers import packed, with_minus
from fixlip.viewer.orders import orders_payload

PLACE = ("patches", "width", "height", "grid", "noun", "picture")  # the parts that panels can share
SIDE_BY_SIDE = 3  # explanations; if there are more, the page shows one at a time at first
QUALITY = 88  # of an embedded WebP picture, used if PNG would be larger
LONGEST = 224  # pixels: larger label maps are reduced to this size
MOST = 120_000  # characters of outlines: label maps with longer outlines are reduced further


def payload(result: Explanation | Comparison | Contrast | Gallery | Hits) -> dict[str, Any]:
    """Return the data of the page: one explanation, or several panels and the words that they share.

    Panels with the same players in the same picture share an entry of ``places``.
    """
    makers: dict[type, Callable[[Any], dict[str, Any]]] = {
        Explanation: _explanation,
        Comparison: _comparison,
        Contrast: _contrast,
        Gallery: _gallery,
        Hits: _hits,
    }
    data = makers[type(result)](result)
    for part in (data, *data.get("panels", [])):
        if "answer" in part:
            part["answer"] = with_minus(part["answer"])
    places: list[dict[str, Any]] = []
    for panel in data.get("panels", [data]):
        place = {name: panel.pop(name) for name in PLACE}
        if place not in places:
            places.append(place)
        panel["place"] = places.index(place)
    return {**data, "places": places, "colours": {"negative": colours.NEGATIVE, "positive": colours.POSITIVE}}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    words, panels = comparison.words(), []
    for k, (label, explanation) in enumerate(comparison):
        shared = [0] * explanation.players.n_text
        for number, word in enumerate(words):
            for i in word.players[k]:
                shared[i] = number
        panels.append({**_explanation(explanation, shared), "title": label})
    return {
        "caption": comparison.explanations[0].players.caption,
        "about": f"{len(comparison)} explanations of one caption",
        "answer": comparison.summary(),
        "shared": "Choosing a word selects it in all explanations.",
        "layout": "side" if len(comparison) <= SIDE_BY_SIDE else "tabs",
        "panels": panels,
    }


def _gallery(gallery: Gallery) -> dict[str, Any]:
    """Return the data of a gallery; equal words count as one word, in the order of their occurrence in each caption."""
    numbers: dict[tuple[str, int], int] = {}
    panels = []
    for label, explanation in gallery:
        names = [p.label.casefold() for p in explanation.players.text]
        keys = [(name, names[:i].count(name)) for i, name in enumerate(names)]
        shared = [numbers.setdefault(key, len(numbers)) for key in keys]
        panels.append({**_explanation(explanation, shared), "title": label})
    models = list(filter(None, dict.fromkeys(e.provenance.model for e in gallery.explanations)))
    return {
        "caption": gallery.title,
        "about": ", ".join(models) if len(models) > 1 else "",  # one that all share is there already
        "shared": "Choosing a word selects it wherever it occurs.",
        "layout": "tabs",
        "list": True,
        "apart": True,
        "scale": "shared" if gallery.shared_scale else "own",
        "panels": panels,
    }


def _hits(hits: Hits) -> dict[str, Any]:
    """Return the data of hits: panels with what each word contributed, under one line of the words of the query.

    Raises:
        InputError: there are none.
    """
    if not hits:
        raise InputError(f"There is no hit to show: {hits.summary()}")
    panels = [
        {
            **_explanation(hit.explanation(), range(len(hits.words))),
            "title": title,
            "score": _number(hit.similarity),
            "gains": [_number(value) for value in hit.contributions],
            "gainErrors": [_number(error) for error in hit.contribution_errors],
            "others": [(NO_WORDS, _number(hit.no_words)), (TOGETHER, _number(hit.together))],
            "sum": (_number(hit.similarity), "similarity"),
        }
        for hit, title in zip(hits, _without_folder([hit.name for hit in hits]), strict=True)
    ]
    return {
        "caption": hits.query,
        "about": "Pictures that match",
        "answer": hits.summary(),
        "notes": list(hits.notes),
        "shared": "The number at a word is what the word adds to the similarity of the picture.",
        "layout": "tiles",
        "list": True,
        "query": list(hits.words),
        "panels": panels,
    }


def _without_folder(names: list[str]) -> list[str]:
    """Leave out the folders that all names share."""
    parts = [name.split("/") for name in names]
    alike = (len(set(level)) == 1 for level in zip(*(path[:-1] for path in parts), strict=False))
    shared = sum(takewhile(bool, alike))
    return ["/".join(path[shared:]) for path in parts]


def _contrast(contrast: Contrast) -> dict[str, Any]:
    """Return the data of both explanations and their difference, in which aligned words count as one word."""
    parts, rows, one, other = contrast.parts(), contrast.rows(), contrast.first, contrast.second
    places: list[dict[int | None, int]] = [
        {part.first: k for k, part in enumerate(parts)},
        {part.second: k for k, part in enumerate(parts)},
    ]
    panels = [
        {**_explanation(e, [place[i] for i in range(e.players.n_text)]), "title": e.players.caption}
        for e, place in zip((one, other), places, strict=True)
    ]
    panels.append({**_explanation(contrast.aligned, range(len(parts)), "difference"), "title": "difference"})
    for panel, column in zip(panels, ("first", "second", "difference"), strict=True):
        gains = [_number(getattr(rows[k], column)) for k in panel["shared"]]
        panel.update(gains=gains, adds=None, addsError=None, others=None)  # as in the table
    table = [
        {
            "part": row.part,
            "kind": row.kind,
            "word": k if k < len(parts) else None,
            **{name: _number(getattr(row, name)) for name in ("first", "second", "difference")},
            "cross": _number(row.cross if k < len(parts) else float("nan")),
            "error": _number(row.stderr),
            "where": row.where,
        }
        for k, row in enumerate(rows)
    ]
    total = [_number(value) for value in (one.full_value, other.full_value, one.full_value - other.full_value)]
    return {
        "caption": f"“{contrast.captions[0]}” rather than “{contrast.captions[1]}”",
        "about": "Why one caption and not the other",
        "answer": contrast.summary(captions=False),  # they are the title
        "shared": "Choosing a word selects it in all explanations. The number at a word counts all of its interactions "
        "with the picture, as the table does; the page of a single explanation gives half of them to the picture.",
        "layout": "side",
        "panels": panels,
        "contrast": {"rows": table, "total": total, "unit": one.value_unit},
    }


def _explanation(
    explanation: Explanation, shared: Iterable[int] | None = None, value: str = "similarity"
) -> dict[str, Any]:
    """Return the data of a panel; `shared` are the numbers that all panels use for its words."""
    players, stderr, picture = explanation.players, explanation.stderr, explanation.players.picture
    return {
        "caption": players.caption,
        "answer": explanation.summary() if value == "similarity" else "",
        "model": explanation.provenance.model,
        "index": explanation.index,
        "unit": explanation.unit,
        "status": explanation.provenance.status,
        "words": [{"label": p.label} for p in players.text],
        **_places(players),
        "grid": players.grid,
        "noun": _noun(players),
        "first": packed(explanation.first_order),
        "firstError": None if stderr is None else packed(stderr.first_order),
        "cross": packed(explanation.cross.T),
        "crossError": None if stderr is None else packed(explanation.cross_stderr.T),
        "totals": [
            (value, _number(explanation.full_value)),
            ("nothing shown", _number(explanation.empty_value)),
            ("fit R²", _number(explanation.provenance.r2)),
        ],
        **_adds(explanation),
        "provenance": [(name.replace("_", " "), value) for name, value in _facts(explanation.provenance)],
        "curves": curves_payload(explanation),
        **orders_payload(explanation, shared),
        **({} if shared is None else {"shared": list(shared)}),
        "picture": None if picture is None else _data_uri(picture.tobytes(), picture.shape),
    }


def _adds(explanation: Explanation) -> dict[str, Any]:
    """Return what each player adds, and what else adds up to the sum; nothing for a ranking, which has no sum."""
    if explanation.unit == "relevance":
        return {"adds": None, "addsError": None, "others": None}
    additive, many = explanation.additive(), _noun(explanation.players)["many"]
    errors = packed(additive.stderr) if np.isfinite(additive.stderr).any() else None
    return {
        "adds": packed(additive.values),
        "addsError": errors,
        "others": [(f"the {many} themselves", _number(additive.picture)), (REST, _number(additive.rest))],
        "sum": (_number(additive.total), "against nothing shown"),
    }


def _noun(players: Players) -> dict[str, str]:
    return {"one": "patch", "many": "patches"} if players.grid else {"one": "region", "many": "regions"}


def _places(players: Players) -> dict[str, Any]:
    """Return the image players with their places, and the width and height of their coordinates.

    Patches and boxes are given in fractions, regions by their outlines on a label map of moderate size.
    """
    labels, regions = [p.label for p in players.image], players.regions
    if regions is None:
        height, width = (1000, 1000) if players.picture is None else players.picture.shape[:2]
        patches = [{"label": label, "box": box} for label, box in zip(labels, boxes_of(players), strict=True)]
        return {"patches": patches, "width": width, "height": height}
    longest = LONGEST
    while True:
        small = reduced(regions, longest)
        paths = ["".join(map(_path, lines)) for lines in outlines(small, len(labels))]
        if sum(map(len, paths)) <= MOST or longest <= 32:
            break
        longest = longest * 3 // 4
    middles = centres(small, len(labels)).round(4).tolist()
    patches = [{"label": x, "path": p, "centre": c} for x, p, c in zip(labels, paths, middles, strict=True)]
    return {"patches": patches, "width": small.shape[1], "height": small.shape[0]}


def _path(corners: np.ndarray) -> str:
    """Return a closed line along the sides of pixels as an SVG path."""
    steps = np.diff(corners, axis=0).tolist()
    return f"M{corners[0][0]} {corners[0][1]}" + "".join(f"h{x}" if x else f"v{y}" for x, y in steps) + "z"


def _facts(provenance: Provenance) -> list[tuple[str, str]]:
    """Return the provenance as text, without the parts that the page shows elsewhere."""

    def text(value: Any) -> str:
        if isinstance(value, dict):
            return ", ".join(f"{k.replace('_', ' ')} {text(v)}" for k, v in value.items())
        return f"{value:.3g}" if isinstance(value, float) else str(value)

    left_out = ("status", "r2")
    facts = ((k, v) for k, v in vars(provenance).items() if k not in left_out and v not in (None, "", {}))
    return [(k, text(v)) for k, v in facts if v == v]  # not NaN


def _number(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None


@lru_cache(maxsize=8)
def _data_uri(pixels: bytes, shape: tuple[int, ...]) -> str:
    """Return the picture as PNG or WebP, whichever is smaller; it is encoded once for all panels."""
    image = Image.fromarray(np.frombuffer(pixels, dtype=np.uint8).reshape(shape))
    options: dict[str, dict[str, Any]] = {"PNG": {}, "WEBP": {"quality": QUALITY}}
    encoded = {}
    for name, settings in options.items():
        buffer = io.BytesIO()
        image.save(buffer, name, **settings)
        encoded[name] = buffer.getvalue()
    best = min(encoded, key=lambda name: len(encoded[name]))
    return f"data:image/{best.lower()};base64,{base64.b64encode(encoded[best]).decode()}"
