"""The report, section by section."""

from collections.abc import Mapping
from typing import Any

from fixlip.evaluation.report.blocks import (
    Block,
    Bullets,
    Cell,
    Example,
    Examples,
    Figures,
    Heading,
    Image,
    Paragraph,
    Section,
    Table,
    Tiles,
    count,
    interval,
    number,
)
from fixlip.evaluation.report.failures import CONTEXT, KINDS, Failures
from fixlip.evaluation.report.summary import Summary
from fixlip.evaluation.report.tables import (
    class_tables,
    estimator_tables,
    failure_table,
    glance_table,
    headline_tables,
    method_table,
    model_tables,
)
from fixlip.evaluation.rows import damage

HOW_TO_READ = (
    "Numbers have 95 % bootstrap intervals over items. ● is the best estimator of its model, ○ one that is not clearly "
    "worse on the same items. On a strip the strong tick is chance, the value of an uninformed explanation, and the "
    "faint one is the largest value that is possible (for PGE: that of a perfect outline)."
)
Shown = dict[tuple[str, str, str], list[Example]]  # model, estimator, kind


def sections(
    summary: Summary,
    failures: Failures | None,
    settings: Mapping[str, Any],
    figures: Mapping[str, list[Image]],
    shown: Shown,
) -> list[Section]:
    """All sections that have something to say.

    Args:
        summary, failures: what is printed.
        settings: what the run says of itself.
        figures: the curves of each metric.
        shown: example explanations.
    """
    parts = [
        _overview(summary),
        Section("Typical explanations", _typical(shown)),
        Section("Results", _results(summary, figures)),
        Section("Models compared", _compared(summary)),
        Section("Estimators compared", _estimators(summary)),
        Section("Kinds of objects", _classes(summary)),
        Section("Failures", [] if failures is None else _failures(failures, shown)),
        Section("Skipped items and warnings", _left_out(summary)),
        Section("How it was run", _how(summary, settings)),
    ]
    return [section for section in parts if section.blocks]


def title_of(settings: Mapping[str, Any]) -> str:
    """List the data, the models and the methods."""
    data = settings.get("data")
    return str(data.get("spec") or data.get("name") if isinstance(data, Mapping) else data or "Evaluation")


def _overview(summary: Summary) -> Section:
    counts = summary.counts
    skipped = counts["items"] - counts["evaluated"]
    tiles = [
        (f"{counts['evaluated']:,}", "items evaluated"),
        (f"{skipped:,}", "skipped"),
        (f"{len({m['model'] for m in summary.methods})}", "models"),
        (f"{len({m['estimator'] for m in summary.methods})}", "estimators"),
        (f"{counts['explanations']:,}", "explanations"),
    ]
    blocks: list[Block] = [Tiles(tiles)]
    if not summary.headlines:
        return Section("Overview", [*blocks, Paragraph("Nothing could be measured; see below for what was left out.")])
    return Section("Overview", [*blocks, glance_table(summary), Paragraph(HOW_TO_READ, soft=True)])


def _results(summary: Summary, figures: Mapping[str, list[Image]]) -> list[Block]:
    blocks: list[Block] = []
    for metric, tables in headline_tables(summary):
        blocks += tables
        if figures.get(metric):
            blocks.append(Figures(figures[metric], "Mean curves: solid where players come in, dashed where they go."))
    return blocks


def _compared(summary: Summary) -> list[Block]:
    tables = model_tables(summary)
    rows = [d for d in summary.differences if d["between"] == "models" and d["main"] and d["low"] is not None]
    if not tables:
        return []
    clear, chance = sum(d["clear"] for d in rows), round(0.05 * len(rows))
    sentence = (
        f"The same items under two models. In {clear} of {count(len(rows), 'difference')} the 95 % interval excludes 0"
    )
    return [
        Paragraph(f"{sentence}; about {chance} would by chance." if chance else f"{sentence}."),
        *tables,
    ]


def _estimators(summary: Summary) -> list[Block]:
    tables = estimator_tables(summary)
    return [Paragraph("The same items under two estimators of one model.", soft=True), *tables] if tables else []


def _classes(summary: Summary) -> list[Block]:
    tables = class_tables(summary)
    about = "Median PGE by kind of object, worst first, for the best-grounding estimator of each model."
    return [Paragraph(about), *tables] if tables else []


def _failures(failures: Failures, shown: Shown) -> list[Block]:
    thresholds = [f"{name[0].upper()}{name[1:]}: {text}." for name, text in failures.thresholds.items()]
    blocks: list[Block] = [
        Paragraph(
            "Do the three published kinds of failures explain the worst-grounded objects? A kind does where it is "
            "found more often among failures (dot) than among all objects (tick); in bold where that is clear. An "
            "object may be of several kinds."
        ),
        failure_table(failures),
        Bullets(thresholds),
    ]
    blocks += [Paragraph(f"Not judged: {kind}. {why}", soft=True) for kind, why in failures.missing.items()]
    if CONTEXT not in failures.missing:
        groups = "; ".join(", ".join(names) for names in failures.clusters)
        blocks.append(Paragraph(f"Kinds of objects that are found together: {groups}.", soft=True))
    for kind in KINDS:
        examples = [e for (_, _, of), several in shown.items() if of == kind for e in several]
        if examples:
            blocks.append(Examples(kind[0].upper() + kind[1:], examples))
    return blocks


def _typical(shown: Shown) -> list[Block]:
    examples = [e for (_, _, of), several in shown.items() if of == "typical" for e in several]
    about = "For each model, the median explanation by its best estimator, for the marked words."
    return [Paragraph(about, soft=True), Examples("", examples)] if examples else []


def _left_out(summary: Summary) -> list[Block]:
    counts = summary.counts
    blocks: list[Block] = []
    if counts["skipped"]:
        rows = [
            [
                Cell(fault["fault"] or "unknown"),
                Cell(str(fault["items"])),
                Cell("; ".join(f"{e['item']}: {e['reason']}" for e in fault["examples"])),
            ]
            for fault in counts["skipped"]
        ]
        headings = [Heading("fault", number=False), Heading("items"), Heading("such as", number=False)]
        blocks.append(Table(headings, rows, "Items that cannot be used"))
    if counts["failed"]:
        rows = [
            [*map(Cell, (f["model"], f["estimator"], f["fault"] or "unknown", str(f["items"]), f["reason"]))]
            for f in counts["failed"]
        ]
        names = [
            Heading(name, number=name == "items") for name in ("model", "estimator", "fault", "items", "first reason")
        ]
        blocks.append(Table(names, rows, "Explanations that failed"))
    warnings = [
        f"{m['model']}, {m['estimator']}: {w['status']} ({count(w['items'], 'item')})"
        for m in summary.methods
        for w in m["warnings"]
    ]
    if counts["damaged"]:
        lost = "; ".join(damage(*of) for of in counts["damaged"].items())
        blocks.append(Paragraph(f"{lost}; the same `fixlip evaluate` does their items again."))
    if warnings:
        blocks += [Paragraph("What explanations warn of:"), Bullets(warnings)]
    return blocks


def _how(summary: Summary, settings: Mapping[str, Any]) -> list[Block]:
    rows = [[Cell(name.replace("_", " ")), Cell(_text(value))] for name, value in settings.items() if _text(value)]
    headings = [Heading("setting", number=False), Heading("value", number=False)]
    blocks: list[Block] = [Table(headings, rows)] if rows else []
    return [*blocks, *([method_table(summary)] if summary.methods else [])]


def _text(value: Any) -> str:
    """A value of the settings in words; nothing for one that was left open."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k.replace('_', ' ')}: {_text(v)}" for k, v in value.items() if _text(v))
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def lead(summary: Summary) -> str:
    """The answer in sentences: what does best for each model by its first main figure; whether two models differ."""
    measured = [h["metric"] for h in summary.headlines if h["main"]]
    metric = "grounding" if "grounding" in measured else next(iter(measured), "")
    models = dict.fromkeys(h["model"] for h in summary.headlines)
    best = [h for model in models if (h := summary.best(model, metric))]
    several = len({h["estimator"] for h in summary.headlines}) > 1
    sentences = []
    for h in best:
        ends, chance = interval(h["low"], h["high"]), "" if h["chance"] is None else f", chance {number(h['chance'])}"
        value = f"{number(h['value'])}{f' ({ends})' if ends else ''}{chance}"
        figure, best_of = f"{h['statistic']} {h['figure']}", "grounds best" if metric == "grounding" else "does best"
        does = f"{best_of}: {figure}" if several else f"has a {figure} of"
        sentences.append(f"On {h['model']}, {h['estimator']} {does} {value}.")
    if len(best) == 2 and best[0]["estimator"] == best[1]["estimator"]:
        sentences += [_apart(row) for row in summary.differences if _is_between(row, best[0])]
    return " ".join(sentences)


def _is_between(row: Mapping[str, Any], best: Mapping[str, Any]) -> bool:
    """Return whether a difference is that of two models by the figure and estimator of a headline."""
    same = all(row[name] == best[name] for name in ("metric", "figure", "setting"))
    return same and (row["between"], row["within"]) == ("models", best["estimator"])


def _apart(row: Mapping[str, Any]) -> str:
    items = count(row["items"], "item")
    if not row["clear"]:
        return f"The {items} that both have do not tell the two models apart."
    low, high = sorted(abs(row[end]) for end in ("low", "high"))
    return f"On the {items} that both have, {row['better']} is better by {number(low)} to {number(high)}."
