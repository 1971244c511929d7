"""The worst-grounded objects, and whether the three published kinds of failures explain them.

Source: Moeller et al., Explaining Caption-Image Interactions in CLIP Models with Second-Order Attributions, TMLR 2025,
which names object coverage, unusual scenes and correlated contexts. The measures of each kind are this module's own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fixlip.evaluation.metric import numbers
from fixlip.evaluation.records import ExplainedRow, PictureRow, Row
from fixlip.evaluation.report.columns import Table, grounded
from fixlip.evaluation.report.resampling import draws
from fixlip.evaluation.rows import as_written
from fixlip.runtime.threads import without_warnings

COVERAGE, UNUSUAL, CONTEXT = KINDS = ("object coverage", "unusual scenes", "correlated contexts")
FEWEST = 20  # pictures among which one can be called unusual
NEIGHBOURS = 20
TOGETHER = 3  # pictures that two classes share at least, to be called correlated
SIMILAR = 0.3  # pictures with both classes, as a part of the geometric mean of those with each


@dataclass(frozen=True)
class Failures:
    """Results of `failures`; tables are lists of rows, in types of JSON.

    Attributes:
        thresholds: what counts as a failure, as tiny, as unusual; in sentences by kind.
        shares: for each model, estimator and kind (and "none of these"): its share among the failures and among all
            objects, the difference with an interval (95 % bootstrap over items), and whether it is clear: whether the
            kind is found more often among failures than elsewhere.
        clusters: the classes that are found together, cluster by cluster.
        objects: the failures, worst first within each model and estimator: item, index, caption, object (name and
            place among the objects of its row), PGE, area, kinds, and the object that its words light up instead.
        missing: for a kind that cannot be judged here, why.
    """

    thresholds: dict[str, str]
    shares: Table
    clusters: list[list[str]]
    objects: Table
    missing: dict[str, str] = field(default_factory=dict)

    def examples(self, model: str, estimator: str, kind: str, n: int) -> Table:
        """The worst failures of a kind, each of another item."""
        worst: dict[str, dict[str, Any]] = {}
        for thing in self.objects:
            if (thing["model"], thing["estimator"]) == (model, estimator) and kind in thing["kinds"]:
                worst.setdefault(thing["item"], thing)
        return list(worst.values())[:n]


@as_written()
def failures(rows: Iterable[Row], *, worst: float = 0.1, tiny: float = 0.02, unusual: float = 0.1) -> Failures | None:
    """Group the worst-grounded objects into the published kinds; an object may be of several, or of none.

    - *object coverage*: the object is cut off, or tiny: at most `tiny` of the picture (one patch of a 7 x 7 grid), or
      among the smallest tenth.
    - *unusual scenes*: the picture is an outlier among the picture embeddings of its model (local outlier factor).
    - *correlated contexts*: the words put more onto the box of another object than onto their own, and the classes of
      the two are often found together (same cluster of classes by their shared pictures).

    The first two kinds know nothing of the attribution; a larger share among failures than among all objects says that
    the kind explains failures. The third describes where the attribution went, and is compared in the same way.

    Args:
        rows: what `fixlip.evaluation.rows.read` gives.
        worst: the share of objects with the lowest PGE that count as failures, for each model and estimator; an object
            for which nothing is positive has PGE 0.
        tiny: share of the picture.
        unusual: share of the pictures that count as unusual.

    Returns:
        None where grounding was not measured.

    Raises:
        InputError: a row with metrics that are not as they are written.
    """
    rows = list(rows)
    explained = [row for row in rows if isinstance(row, ExplainedRow)]
    objects = [thing for row in explained for thing in _objects(row)]
    if not objects:
        return None
    small = max(tiny, float(np.quantile([thing["area"] for thing in objects], 0.1)))
    clusters, (outliers, missing) = _clusters(explained), _unusual(rows, unusual)
    cluster_of = {name: k for k, names in enumerate(clusters) for name in names}
    for thing in objects:
        if thing["cut"] or thing["area"] <= tiny or thing["area"] < small:
            thing["kinds"].append(COVERAGE)
        if thing["item"] in outliers.get(thing["model"], ()):
            thing["kinds"].append(UNUSUAL)
        rival = thing["instead"]
        if rival and thing["object"] in cluster_of and cluster_of[thing["object"]] == cluster_of.get(rival):
            thing["kinds"].append(CONTEXT)
    absent = {} if outliers else {UNUSUAL: missing}
    if not clusters:
        absent[CONTEXT] = f"No two kinds of objects are found together in {TOGETHER} pictures and often enough."
    shares, failed = [], []
    for method in sorted({(thing["model"], thing["estimator"]) for thing in objects}):
        of_method = [thing for thing in objects if (thing["model"], thing["estimator"]) == method]
        of_method.sort(key=lambda thing: (thing["pge"], thing["index"], thing["place"]))
        bad = of_method[: max(1, round(worst * len(of_method)))]
        judged = [kind for kind in KINDS if kind not in absent and (kind != UNUSUAL or method[0] in outliers)]
        shares += [_share(method, kind, of_method, bad) for kind in (*judged, "none of these")]
        failed += bad
    return Failures(
        thresholds={
            "failures": f"the {worst:.0%} of objects with the lowest PGE, for each model and estimator",
            COVERAGE: f"cut off by the border, or at most {small:.1%} of the picture",
            UNUSUAL: f"the {unusual:.0%} of pictures with the largest local outlier factor among the model's picture "
            "embeddings",
            CONTEXT: "words put more onto the box of an object of a correlated kind than onto their own; kinds are "
            f"correlated when they share at least {TOGETHER} pictures and cluster at a cosine of {SIMILAR:g}",
        },
        shares=shares,
        clusters=clusters,
        objects=failed,
        missing=absent | ({UNUSUAL: missing} if missing else {}),
    )


def _objects(row: ExplainedRow) -> Table:
    """Facts of each grounded object of a row."""
    objects, facts = grounded(row), []
    for k, thing in enumerate(objects):
        own_box, others = numbers(thing.get("own")), thing.get("others") or []
        if not own_box:
            continue
        names = [other["name"] for j, other in enumerate(objects) if j != k]
        rivals = [(v, name) for v, name in zip(others, names, strict=False) if v is not None and v > max(*own_box, 0.0)]
        facts.append(
            {
                **{name: getattr(row, name) for name in ("item", "index", "model", "estimator", "caption")},
                "object": thing["name"],
                "place": k,
                "pge": (numbers(thing.get("pge")) or [0.0])[0],
                "area": (numbers(thing.get("area")) or [1.0])[0],
                "cut": bool(thing.get("cut")),
                "instead": max(rivals)[1] if len(others) == len(names) and rivals else "",
                "kinds": [],
            }
        )
    return facts


def _share(method: tuple[str, str], kind: str, everything: Table, bad: Table) -> dict[str, Any]:
    """The share of a kind among failures and among all objects, with an interval of the difference."""

    def is_of(thing: dict[str, Any]) -> bool:
        return kind in thing["kinds"] if kind in KINDS else not thing["kinds"]

    failed = {id(thing) for thing in bad}
    items, places = np.unique([thing["item"] for thing in everything], return_inverse=True)
    fails, of_kind = (
        np.array([test(thing) for thing in everything]) for test in (lambda thing: id(thing) in failed, is_of)
    )
    counts = np.zeros((len(items), 4))  # failures of the kind, failures, objects of the kind, objects
    np.add.at(counts, places, np.column_stack([fails & of_kind, fails, of_kind, np.ones(len(fails))]))

    def difference(counts: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return counts[..., 0] / counts[..., 1] - counts[..., 2] / counts[..., 3]

    low, high = np.nanquantile(difference(draws(len(items)) @ counts), [0.025, 0.975])
    total = counts.sum(0)
    return {
        "model": method[0],
        "estimator": method[1],
        "kind": kind,
        "failures": int(total[1]),
        "objects": int(total[3]),
        "share_of_failures": float(total[0] / total[1]),
        "share_of_objects": float(total[2] / total[3]),
        "difference": float(difference(total)),
        "low": float(low),
        "high": float(high),
        "clear": bool(low > 0),
    }


def _unusual(rows: list[Row], share: float) -> tuple[dict[str, set[str]], str]:
    """The items with an unusual picture for each model; and why there are none for a model."""
    from sklearn.neighbors import LocalOutlierFactor

    unusual: dict[str, set[str]] = {}
    why = []
    for model in sorted({row.model for row in rows if row.model}):
        pictures = {
            row.item: embedding
            for row in rows
            if isinstance(row, PictureRow) and row.model == model
            if (embedding := (row.metrics.get("picture") or {}).get("embedding"))
        }
        vectors = np.array(list(pictures.values()) or np.empty((0, 1)))
        different, of = np.unique(vectors, axis=0, return_inverse=True)
        if len(different) < FEWEST:
            why.append(f"{model} has embeddings of {len(different)} different pictures, {FEWEST} are needed.")
            continue
        with without_warnings("Duplicate values"):  # nearly the same pictures
            judge = LocalOutlierFactor(min(NEIGHBOURS, len(different) - 1)).fit(different)
        oddness = -judge.negative_outlier_factor_[of.ravel()]
        odd = np.argsort(-oddness, kind="stable")[: max(1, round(share * len(pictures)))]
        items = list(pictures)
        unusual[model] = {items[k] for k in odd}
    return unusual, " ".join(why)


def _clusters(rows: list[ExplainedRow]) -> list[list[str]]:
    """Classes that are found together, two or more in each cluster: average linkage of the cosine of their pictures."""
    from sklearn.cluster import AgglomerativeClustering

    pictures: dict[str, set[str]] = {}
    for row in rows:
        for thing in grounded(row):
            pictures.setdefault(thing["name"], set()).add(row.item)
    names, items = sorted(pictures), sorted(set().union(*pictures.values()))
    if len(names) < 2:
        return []
    present = np.array([[item in pictures[name] for item in items] for name in names], dtype=float)
    together = present @ present.T
    cosine = together / np.sqrt(np.outer(np.diag(together), np.diag(together)))
    distance = 1 - np.where(together >= TOGETHER, cosine, 0.0)
    np.fill_diagonal(distance, 0.0)
    judge = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=1 - SIMILAR)
    labels = judge.fit_predict(distance)
    groups = [[name for name, k in zip(names, labels, strict=True) if k == group] for group in range(labels.max() + 1)]
    return sorted(group for group in groups if len(group) > 1)
