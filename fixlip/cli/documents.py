"""What `--json` prints: one document, whose ``schema`` names its kind and version; see docs/command_line.md.

Within a version keys are added, never renamed or removed. Numbers are not rounded; what is not finite is null.
"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.errors import InputError
from fixlip.io.files import plain

if TYPE_CHECKING:
    from fixlip.api.cost import Cost
    from fixlip.cli.output import Found
    from fixlip.evaluation import Outcome
    from fixlip.evaluation.report import Report
    from fixlip.results.comparison import Comparison
    from fixlip.results.contrast import Contrast
    from fixlip.results.explanation import Explanation
    from fixlip.results.gallery import Gallery
    from fixlip.results.ranking import Ranking
    from fixlip.results.sweep import Sweep

VERSION = 1
Document = dict[str, Any]


def emit(document: Document) -> None:
    """Print a document on one line of standard output."""
    print(json.dumps(plain(document), allow_nan=False))


def document(kind: str, **content: Any) -> Document:
    """Content under the name of its schema, ``fixlip/KIND/VERSION``."""
    return {"schema": f"fixlip/{kind}/{VERSION}", **content}


def of(found: "Found", top: int = 10, ranking: "Ranking | None" = None) -> Document:
    """Of whatever was found."""
    from fixlip.results.comparison import Comparison
    from fixlip.results.contrast import Contrast
    from fixlip.results.explanation import Explanation

    if isinstance(found, Explanation):
        return explanation(found, top)
    if isinstance(found, Comparison):
        return comparison(found, top)
    return contrast(found, ranking, top) if isinstance(found, Contrast) else gallery(found, top)


def explanation(found: "Explanation", top: int = 10) -> Document:
    """``fixlip/explanation/1``."""
    players = found.players
    return document(
        "explanation",
        caption=players.caption,
        similarity=found.full_value,
        empty=found.empty_value,
        value_unit=found.value_unit,
        index=found.index,
        unit=found.unit,
        share=found.share(),
        grid=players.grid,
        image=[{"label": p.label, "box": p.box} for p in players.image],
        text=[{"label": p.label, "span": p.span} for p in players.text],
        **_values(found.baseline, found.first_order, found.second_order, players.n_image),
        stderr=found.stderr
        and _values(found.stderr.baseline, found.stderr.first_order, found.stderr.second_order, players.n_image),
        top_pairs=[
            {"word": players.text[p.text].label, "patch": players.image[p.image].label, **p._asdict()}
            for p in found.top_pairs(top)
        ],
        curves=found.curves,
        provenance=asdict(found.provenance),
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


def comparison(found: "Comparison", top: int = 10) -> Document:
    """``fixlip/comparison/1``."""
    try:
        agreement = found.agreement()
    except InputError:  # other players
        agreement = None
    return document(
        "comparison",
        caption=found.explanations[0].players.caption,
        labels=found.labels,
        table=found.table(),
        differences=found.differences(),
        agreement=agreement,
        explanations=[explanation(e, top) for e in found.explanations],
    )


def contrast(found: "Contrast", ranking: "Ranking | None" = None, top: int = 10) -> Document:
    """``fixlip/contrast/1``."""
    parts = {name: explanation(getattr(found, name), top) for name in ("first", "second", "difference")}
    told = {"ranking": None if ranking is None else ranked(ranking)}
    return document("contrast", captions=found.captions, **told, rows=[r._asdict() for r in found.rows()], **parts)


def ranked(found: "Ranking") -> Document:
    """How a model ranks captions."""
    return {"measure": found.measure, "captions": [one._asdict() for one in found.captions]}


def gallery(found: "Gallery", top: int = 10) -> Document:
    """``fixlip/gallery/1``."""
    each = [explanation(e, top) for e in found.explanations]
    return document("gallery", title=found.title, labels=found.labels, table=found.table(), explanations=each)


def cost(found: "Cost", call: dict[str, Any], ranking: "Ranking | None" = None) -> Document:
    """``fixlip/cost/1``."""
    names = {"model": call["model"].name, "estimator": call["estimator"].capabilities.name}
    told = None if ranking is None else ranked(ranking)
    return document("cost", **names, **plain(found), seconds=found.seconds, ranking=told)


def sweep(found: "Sweep") -> Document:
    """``fixlip/sweep/1``."""
    names = {name: getattr(found, name) for name in ("option", "measured", "reference_name")}
    return document("sweep", caption=found.reference.players.caption, **names, table=found.table())


def evaluation(found: "Outcome") -> Document:
    """``fixlip/evaluation/1``."""
    return document("evaluation", **plain(found), throughput=found.throughput)


def report(found: "Report") -> Document:
    """``fixlip/report/1``."""
    return document("report", title=found.title, lead=found.lead, **plain(found.summary), failures=found.failures)
