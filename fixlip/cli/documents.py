"""The documents that `--json` prints; their ``schema`` names a kind and version, see docs/command_line.md.

Within a version keys are added, never renamed or removed. Numbers are not rounded; those that are not finite are null.
"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.errors import InputError
from fixlip.io.files import plain

if TYPE_CHECKING:
    from fixlip.api.cost import Cost
    from fixlip.cli.output import Result
    from fixlip.evaluation import Outcome
    from fixlip.evaluation.report import Report
    from fixlip.results.comparison import Comparison
    from fixlip.results.contrast import Contrast
    from fixlip.results.explanation import Explanation
    from fixlip.results.gallery import Gallery
    from fixlip.results.hits import Hit, Hits
    from fixlip.results.ranking import Ranking
    from fixlip.results.sweep import Sweep

VERSION = 1
Document = dict[str, Any]


def emit(document: Document) -> None:
    """Print a document on one line of standard output."""
    print(json.dumps(plain(document), allow_nan=False))


def document(kind: str, **content: Any) -> Document:
    """Return content with the name of its schema, ``fixlip/KIND/VERSION``."""
    return {"schema": f"fixlip/{kind}/{VERSION}", **content}


def of(result: "Result", top: int = 10, ranking: "Ranking | None" = None) -> Document:
    """Return the document of a result of any kind."""
    from fixlip.results.comparison import Comparison
    from fixlip.results.contrast import Contrast
    from fixlip.results.explanation import Explanation

    if isinstance(result, Explanation):
        return explanation(result, top)
    if isinstance(result, Comparison):
        return comparison(result, top)
    return contrast(result, ranking, top) if isinstance(result, Contrast) else gallery(result, top)


def explanation(result: "Explanation", top: int = 10) -> Document:
    """Return a ``fixlip/explanation/1``."""
    players = result.players
    return document(
        "explanation",
        summary=result.summary(),
        caption=players.caption,
        similarity=result.full_value,
        empty=result.empty_value,
        value_unit=result.value_unit,
        index=result.index,
        unit=result.unit,
        share=result.share(),
        grid=players.grid,
        image=[{"label": p.label, "box": p.box} for p in players.image],
        text=[{"label": p.label, "span": p.span} for p in players.text],
        **_values(result.baseline, result.first_order, result.second_order, players.n_image),
        stderr=result.stderr
        and _values(result.stderr.baseline, result.stderr.first_order, result.stderr.second_order, players.n_image),
        top_pairs=[pair._asdict() for pair in result.top_pairs(top)],
        curves=result.curves,
        provenance=asdict(result.provenance),
    )


def _values(baseline: float, first: np.ndarray, pairs: np.ndarray, n: int) -> Document:
    within = {
        side: None if np.isnan(block[~np.eye(len(block), dtype=bool)]).all() else block
        for side, block in (("image", pairs[:n, :n]), ("text", pairs[n:, n:]))
    }
    cross = pairs[:n, n:]
    return {
        "baseline": baseline,
        "first_order": {"image": first[:n], "text": first[n:]},
        "cross": None if np.isnan(cross).all() else cross,
        "within": within,
    }


def comparison(result: "Comparison", top: int = 10) -> Document:
    """Return a ``fixlip/comparison/1``."""
    try:
        agreement = result.agreement()
    except InputError:  # other players
        agreement = None
    return document(
        "comparison",
        caption=result.explanations[0].players.caption,
        labels=result.labels,
        table=result.table(),
        differences=result.differences(),
        agreement=agreement,
        explanations=[explanation(e, top) for e in result.explanations],
    )


def contrast(result: "Contrast", ranking: "Ranking | None" = None, top: int = 10) -> Document:
    """Return a ``fixlip/contrast/1``."""
    parts = {name: explanation(getattr(result, name), top) for name in ("first", "second", "difference")}
    order = None if ranking is None else ranked(ranking)
    return document(
        "contrast", captions=result.captions, ranking=order, rows=[r._asdict() for r in result.rows()], **parts
    )


def ranked(result: "Ranking") -> Document:
    """Return the part of a document that ranks captions."""
    return {"measure": result.measure, "captions": [caption._asdict() for caption in result.captions]}


def gallery(result: "Gallery", top: int = 10) -> Document:
    """Return a ``fixlip/gallery/1``."""
    each = [explanation(e, top) for e in result.explanations]
    return document("gallery", title=result.title, labels=result.labels, table=result.table(), explanations=each)


def cost(result: "Cost", call: dict[str, Any], ranking: "Ranking | None" = None) -> Document:
    """Return a ``fixlip/cost/1``."""
    names = {"model": call["model"].name, "estimator": call["estimator"].capabilities.name}
    order = None if ranking is None else ranked(ranking)
    return document("cost", **names, **plain(result), seconds=result.seconds, ranking=order)


def sweep(result: "Sweep") -> Document:
    """Return a ``fixlip/sweep/1``."""
    names = {name: getattr(result, name) for name in ("option", "measured", "reference_name")}
    return document("sweep", caption=result.reference.players.caption, **names, table=result.table())


def evaluation(result: "Outcome") -> Document:
    """Return a ``fixlip/evaluation/1``."""
    return document("evaluation", **plain(result), throughput=result.throughput)


def index(pictures: int, size: int, facts: Document, failed: dict[str, str], done: Document | None) -> Document:
    """Return a ``fixlip/index/1``: numbers of pictures and bytes, facts, and after a build what was done."""
    return document("index", pictures=pictures, bytes=size, facts=facts, failed=failed, changes=done)


def search(result: "Hits") -> Document:
    """Return a ``fixlip/search/1``."""
    return document(
        "search",
        query=result.query,
        words=[{"label": p.label, "span": p.span} for p in result.players.text],
        searched=result.searched,
        exact=result.exact,
        notes=result.notes,
        hits=[_hit(one) for one in result],
        failures=[one and {"picture": one.name, "similarity": one.similarity} for one in result.failures],
    )


def _hit(one: "Hit") -> Document:
    names = ("similarity", "contributions", "contribution_errors", "no_words", "together", "cross")
    return {
        "picture": one.name,
        **{name: getattr(one, name) for name in names},
        "cross_stderr": one.stderr and one.stderr.second_order,
        "grid": one.players.grid,
        "image": [{"label": p.label, "box": p.box} for p in one.players.image],
        "provenance": asdict(one.provenance),
    }


def report(result: "Report") -> Document:
    """Return a ``fixlip/report/1``."""
    return document("report", title=result.title, lead=result.lead, **plain(result.summary), failures=result.failures)
