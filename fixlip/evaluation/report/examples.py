"""Example explanations of a report: which rows they are of, and how they are shown."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fixlip.errors import FixlipError, InputError
from fixlip.evaluation.metric import numbers
from fixlip.evaluation.records import ExplainedRow, Row
from fixlip.evaluation.report.blocks import Example, number, slug
from fixlip.evaluation.report.columns import grounded, measured
from fixlip.evaluation.report.failures import KINDS, Failures
from fixlip.evaluation.report.figures import explanation_figure
from fixlip.evaluation.report.sections import Shown
from fixlip.evaluation.report.summary import Summary
from fixlip.evaluation.rows import key
from fixlip.players.base import Box

if TYPE_CHECKING:
    from fixlip.evaluation.again import Again
    from fixlip.evaluation.plan import Plan
    from fixlip.results.explanation import Explanation


class Shot(NamedTuple):
    """An explanation to show, and the object in it: its words and boxes, and the boxes of others; None for none."""

    explanation: "Explanation"
    span: tuple[int, int] | None
    boxes: Sequence[Box]
    others: Sequence[Box]


Explain = Callable[[ExplainedRow, int | None], Shot | None]  # a row, and which of its objects; None: left out
Method = tuple[str, str]  # model, estimator
Choice = tuple[ExplainedRow, int | None, dict[str, Any] | None]  # a row, which of its objects, the failure


class Shots:
    """Explains rows of a run again, and says where their objects are.

    Args:
        run: as for `fixlip.evaluation.again.Again`; read when the first row comes.
    """

    def __init__(self, run: "Plan | str | Path") -> None:
        self.run = run
        self.again: Again | None = None

    def __call__(self, row: ExplainedRow, place: int | None) -> Shot:
        """The explanation of a row.

        Raises:
            FixlipError: the data or the model are not at hand, or not those of the run.
        """
        from fixlip.evaluation.again import Again
        from fixlip.evaluation.case import seen_objects

        self.again = self.again or Again(self.run)
        explanation, (item, at) = self.again.explanation(row), self.again.item(row)
        if place is None:
            return Shot(explanation, None, (), ())
        visible = self.again.worker.encoder(row.model).image_input(item.open()).visible
        objects = [o for o in seen_objects(item.captions[at].objects, visible) if _is_read(explanation, o.span)]
        others = [box for k, thing in enumerate(objects) if k != place for box in thing.boxes]
        return Shot(explanation, objects[place].span, objects[place].boxes, others)


def _is_read(explanation: "Explanation", span: tuple[int, int]) -> bool:
    try:
        return bool(explanation.players.find_text(span))
    except InputError:
        return False


def chosen(
    rows: Sequence[Row], summary: Summary, failures: Failures | None, n: int
) -> dict[Method, dict[str, list[Choice]]]:
    """For each model, with its best estimator: a typical row, and the worst failures of each kind.

    Args:
        rows, summary, failures: of the run.
        n: failures of each kind; nothing at all for 0.
    """
    choices: dict[Method, dict[str, list[Choice]]] = {}
    by_key = {key(row): row for row in rows if isinstance(row, ExplainedRow)}
    for model in dict.fromkeys(m["model"] for m in summary.methods) if n else ():
        metric = next((h["metric"] for h in summary.headlines if h["model"] == model and h["main"]), "")
        best = summary.best(model, "grounding") or summary.best(model, metric)
        if best is None:
            continue
        method = model, best["estimator"]
        typical = _typical([row for (m, e, _), row in by_key.items() if (m, e) == method], best)
        choices[method] = {"typical": [(*typical, None)]}
        for kind in KINDS if failures else ():
            failed = failures.examples(*method, kind, n) if failures else []
            choices[method][kind] = [(by_key[(*method, thing["item"])], thing["place"], thing) for thing in failed]
    return choices


def examples(
    rows: Sequence[Row],
    summary: Summary,
    failures: Failures | None,
    n: int,
    explain: Explain,
    names: Mapping[str, str],
) -> Shown:
    """The examples of `chosen`.

    Args:
        rows, summary, failures, n: as for `chosen`.
        explain: what makes the explanation of a row, or gives None to leave it out; where it fails, a sentence stands
            in its place.
        names: of estimators, as they are printed.
    """
    shown: Shown = {}
    for method, kinds in chosen(rows, summary, failures, n).items():
        for kind, choices in kinds.items():
            made = [_example(row, place, kind, explain, names, failure) for row, place, failure in choices]
            shown[(*method, kind)] = [example for example in made if example is not None]
    return shown


def _typical(rows: Sequence[ExplainedRow], best: dict[str, Any]) -> tuple[ExplainedRow, int | None]:
    """The row (and object) in the middle by the figure that chose the estimator."""
    if best["metric"] == "grounding":
        scored = [
            (value, row.index, k, row)
            for row in rows
            for k, thing in enumerate(grounded(row))
            for value in numbers(thing.get("pge"))
        ]
        *_, place, row = sorted(scored, key=lambda v: v[:3])[len(scored) // 2]
        return row, place
    values = [
        (float(np.mean(several)), row.index, row)
        for row in rows
        for figure, setting, measurements in measured(row)
        if (figure.metric, figure.name, setting) == (best["metric"], best["figure"], best["setting"])
        and (several := numbers(figure.read(measurements)))
    ]
    return sorted(values, key=lambda v: v[:2])[len(values) // 2][2], None


def _example(
    row: ExplainedRow,
    place: int | None,
    kind: str,
    explain: Explain,
    names: Mapping[str, str],
    failure: dict[str, Any] | None,
) -> Example | None:
    facts, name = [f"{row.model} · {names[row.estimator]}", row.item], ""
    if place is not None:
        thing = grounded(row)[place]
        name = thing["name"]
        size = f"{thing['area']:.1%} of the picture" if numbers(thing.get("area")) else ""
        measures = (f"“{name}”: PGE {number(thing.get('pge'))}", size, "cut" if thing.get("cut") else "")
        facts.append(", ".join(filter(None, measures)))
    if failure and failure["instead"]:
        facts.append(f"its words are more on “{failure['instead']}”")
    try:
        shot = explain(row, place)
        if shot is None:
            return None
        image = explanation_figure(
            shot.explanation, shot.span, shot.boxes, shot.others,
            name=slug(kind, row.model, row.item, place),
            about=f"{name or 'all words'}: {row.caption}",
        )  # fmt: skip
        label = f"{kind[0].upper()}{kind[1:]}: {f'“{name}”, ' if name else ''}{row.item}, {row.model}"
        return Example(image, "", _marked(row.caption, shot.span), facts, shot.explanation, label)
    except FixlipError as error:
        sentence = f"Not shown: {error}"
    except Exception as error:  # whatever the model at hand does, the report goes on
        sentence = f"Not shown: {type(error).__name__}: {error}"
    return Example(None, sentence, [(row.caption, False)], facts)


def _marked(caption: str, span: tuple[int, int] | None) -> list[tuple[str, bool]]:
    """The caption in pieces, the words of the object marked."""
    if span is None:
        return [(caption, False)]
    start, end = span
    return [
        piece for piece in ((caption[:start], False), (caption[start:end], True), (caption[end:], False)) if piece[0]
    ]
