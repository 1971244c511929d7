"""Rows of an evaluation with planted values, as `fixlip evaluate` writes them."""

import json

import numpy as np

from fixlip.evaluation.records import record
from fixlip.evaluation.report import failures as report_failures
from fixlip.evaluation.report import summary
from fixlip.evaluation.rows import line_of

MODELS, ESTIMATORS = ("demo-clip", "demo-siglip"), ("banzhaf", "grad-eclip", "itsm")
GOOD = {"banzhaf": 0.8, "grad-eclip": 0.55, "itsm": 0.3}  # PGE
NAMES = ("dog", "car", "owl", "bus", "cat", "key")
SETTINGS = {
    "fixlip": "0.1.0",
    "items": 32,
    "data": "scenes:32",
    "metrics": ["grounding", "insertion-deletion", "faithfulness"],
    "models": list(MODELS),
    "estimators": list(ESTIMATORS),
    "budget": None,
    "image_masks": 256,
    "seed": 0,
    "removal": {},
}


def grounded_object(name, pge, *, area=0.15, cut=False, own=2.0, others=(-1.0,)):
    return {
        "name": name, "cut": cut, "pge": pge, "pga": pge > 0.5, "ceiling": 0.7, "chance_pge": area,
        "chance_pga": 2 * area, "area": area, "own": own, "others": list(others),
    }  # fmt: skip


def row(item, model, estimator, metrics, **facts):
    return {
        "item": f"scene-{item:03}", "index": item, "model": model, "estimator": estimator, "status": "ok",
        "caption": "a dog and a car", "similarity": 11.0, "order": 1 if estimator == "itsm" else 2, "metrics": metrics,
        "provenance": {"model": model, "image_passes": 258, "text_passes": 34, "r2": 0.9, "status": "ok"},
        "seconds": 0.5 + item % 3,
    } | facts  # fmt: skip


def bad(item, fault="unreadable picture", reason="'x.png' is damaged.", model="", estimator=""):
    return {
        "item": f"scene-{item:03}", "index": item, "model": model, "estimator": estimator, "status": "bad",
        "fault": fault, "reason": reason,
    }  # fmt: skip


def everything(quality, rng, k=1, objects=None):
    """All metrics of one row for a method of that quality in 0..1."""
    x = np.linspace(0, 1, 51)
    up, down = (1 - (1 - x) ** (1 + 4 * quality)), x ** (1 + 4 * quality)
    draw = lambda middle, spread=0.05: float(np.clip(middle + rng.normal(0, spread), -1, 1))  # noqa: E731
    areas = {"image_insertion": draw(0.5 + 0.3 * quality), "image_deletion": draw(0.5 - 0.3 * quality),
             "text_insertion": draw(0.7), "text_deletion": draw(0.3)}  # fmt: skip
    two = [grounded_object("dog", draw(quality)), grounded_object("car", draw(quality))]
    curves = {name: (up if "ins" in name else down).tolist() for name in areas}
    ends = {"insertion": up.tolist(), "deletion": down.tolist(), "fractions": x.tolist()}
    return {
        "grounding": {"objects": objects or two},
        "pointing-game": {"k": k, "right": 1.0, "wrong": 1.0, "pgr": draw(quality), "chance": 0.5, "ceiling": 1.0},
        "insertion-deletion": {"aid": draw(quality), **ends},
        "faithfulness": {"p": 0.5, "spearman": draw(quality), "pearson": draw(quality), "kendall": None, "r2": -3.0,
                         "mse": 0.4},
        "perturbation": {"objects": [{"name": "dog", **areas}], "curves": curves},
        "stability": {"pearson": draw(0.9), "spearman": draw(0.9), "top": 0.8},
        "randomization": {"pearson": draw(0.0), "spearman": draw(0.0)},
        "removal": {"pearson": draw(0.8), "spearman": draw(0.8), "by": {"image blur": 0.9, "text delete": 0.7}},
        "foils": {"accuracy": bool(rng.uniform() < 0.9), "margin": draw(0.4), "lower": True,
                  "found": bool(rng.uniform() < quality), "chance": 0.2},
        "spectrum": {"single": 0.8, "pairs": 0.15, "patch_word": 0.1, "patch_words": 0.01, "patches_word": 0.02,
                     "beyond": draw(0.05), "stderr": 0.01},
    }  # fmt: skip


def records(rows):
    """The rows as they are read."""
    return [record(row) for row in rows]


def summarise(rows):
    """The summary of rows as they are written."""
    return summary.summarise(records(rows))


def failures(rows, **options):
    """The failures among rows as they are written."""
    return report_failures.failures(records(rows), **options)


def rows(n=30, quality=GOOD, better=0.0, seed=0):
    """Two models, three estimators; `better` is what the second model has over the first."""
    found = []
    for item in range(n):
        for model in MODELS:
            for estimator in ESTIMATORS:
                rng = np.random.default_rng([seed, item, ESTIMATORS.index(estimator)])
                gain = better if model == MODELS[1] else 0.0
                found.append(row(item, model, estimator, everything(quality[estimator] + gain, rng, k=item % 4 + 1)))
            rng = np.random.default_rng([seed, item, 99])
            facts = {"picture": {"embedding": rng.normal(size=16).round(4).tolist()}}
            found.append({**bad(item, model=model), "status": "ok", "metrics": facts})
    return [*found, bad(n), bad(n + 1, "duplicate", "the same as scene-000")]


def write(folder, found, settings=SETTINGS):
    """A folder as `fixlip evaluate` leaves it."""
    (folder / "rows-1-of-1.jsonl").write_bytes(b"".join(map(line_of, found)))
    if settings is not None:
        (folder / "run.json").write_text(json.dumps(settings), "utf-8")
    return folder
