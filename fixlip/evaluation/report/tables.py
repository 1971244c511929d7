"""The tables of a summary as blocks of a report."""

from typing import Any

from fixlip.evaluation.metric import goodness
from fixlip.evaluation.metrics import get_metric
from fixlip.evaluation.report.blocks import Cell, Heading, Strip, Table, count, interval, number
from fixlip.evaluation.report.failures import KINDS, Failures
from fixlip.evaluation.report.summary import Summary

Rows = list[dict[str, Any]]
ARROWS = {"higher": "↑", "lower": "↓", "zero": "→0"}
ESTIMATOR = Heading("estimator", number=False)
MOST, WORST = 24, 10  # kinds of objects in one table; of more the worst, and all in a folded one


def headline_tables(summary: Summary) -> list[tuple[str, list[Table]]]:
    """For each metric its tables, one for each setting; a metric of a single figure has its settings side by side."""
    tables: dict[str, list[Table]] = {}
    for metric in dict.fromkeys(h["metric"] for h in summary.headlines):
        rows = [h for h in summary.headlines if h["metric"] == metric]
        settings = list(dict.fromkeys(h["setting"] for h in rows))
        together = len({h["figure"] for h in rows}) == 1
        groups = [(", ".join(filter(None, settings)), rows)] if together else []
        groups = groups or [(s, [h for h in rows if h["setting"] == s]) for s in settings]
        for setting, group in groups:
            title = get_metric(metric).title + (f" ({setting})" if setting and not together else "")
            tables.setdefault(metric, []).append(_headline_table(summary, title, group))
    return list(tables.items())


def _headline_table(summary: Summary, title: str, rows: Rows) -> Table:
    columns = list(dict.fromkeys((h["figure"], h["setting"]) for h in rows))
    one_setting = len({setting for _, setting in columns}) == 1
    cells = {(h["model"], h["estimator"], h["figure"], h["setting"]): h for h in rows}
    of = {column: [h for h in rows if (h["figure"], h["setting"]) == column] for column in columns}
    scales = {column: _scale(column_cells) for column, column_cells in of.items()}
    main = next((column for column in columns if of[column][0]["main"]), columns[0])
    headings = [ESTIMATOR]
    for figure, setting in columns:
        column_cells = of[figure, setting]
        name = figure if one_setting else f"{figure} {setting}"
        headings.append(Heading(f"{name} {ARROWS[column_cells[0]['better']]}", _against(column_cells)))
    lines = {}
    for model, estimator in _ranked(of[main], {(h["model"], h["estimator"]) for h in rows}):
        line = [Cell(estimator)]
        for column in columns:
            h = cells.get((model, estimator, *column))
            line.append(_value(h, scales[column], _mark(summary, of[column], h), of[column]) if h else Cell("–"))
        items = {cells[model, estimator, *c]["items"] for c in columns if (model, estimator, *c) in cells}
        lines[model, estimator] = [*line, Cell(_range(items))]
    notes = {m: [_against(several, m) for several in of.values()] for m in dict.fromkeys(model for model, _ in lines)}
    return Table([*headings, Heading("items")], by_model(lines, notes), title, _about(rows))


def by_model(lines: dict[tuple[str, str], list[Cell]], notes: dict[str, list[str]] | None = None) -> list[list[Cell]]:
    """Rows below those of their models, which may have notes for the columns."""
    body = []
    for model in dict.fromkeys(model for model, _ in lines):
        group = [line for (m, _), line in lines.items() if m == model]
        cells = (notes or {}).get(model, [])
        body += [[Cell(model, mark="group"), *(Cell("", note) for note in cells)], *group]
        body[-len(group) - 1] += [Cell("")] * (len(group[0]) - 1 - len(cells))
    return body


def _range(numbers: set[int]) -> str:
    return f"{min(numbers)}" if len(numbers) == 1 else f"{min(numbers)}–{max(numbers)}"


def _ranked(main: Rows, methods: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Methods model by model, the best of the main figure first."""
    value = {(h["model"], h["estimator"]): -goodness(h["better"], h["value"]) for h in main}
    return sorted(methods, key=lambda method: (method[0], value.get(method, float("inf")), method[1]))


def _scale(rows: Rows) -> tuple[float, float]:
    """The ends of the scale of a column."""
    named = ("value", "low", "high", "chance", "ceiling")
    values = [h[name] for h in rows for name in named if h[name] is not None]
    low, high = min(values), max(values)
    bounded = all(h["ceiling"] is not None for h in rows)
    low = 0.0 if low >= -0.02 else max(low, -1.0) if bounded else low
    return low, (1.0 if low >= -1 and high <= 1 else high) if high > low else low + 1.0


def _place(value: float, scale: tuple[float, float]) -> float:
    return round(100 * min(max((value - scale[0]) / (scale[1] - scale[0]), 0.0), 1.0), 2)


def strip(
    scale: tuple[float, float], value: float, low: float | None, high: float | None, **marks: float | None
) -> Strip:
    """A value on a scale."""
    kept = tuple((name, _place(at, scale)) for name, at in marks.items() if at is not None)
    ends = [None if end is None else _place(end, scale) for end in (low, high)]
    return Strip(_place(value, scale), ends[0], ends[1], kept)


def _value(h: dict[str, Any], scale: tuple[float, float], mark: str, column: Rows) -> Cell:
    peers = [peer for peer in column if peer["model"] == h["model"]]
    against = [f"{_called(h, name)} {number(h[name])}" for name in ("chance", "ceiling") if _varies(peers, name)]
    digits = _digits(column)
    note = " · ".join(filter(None, [interval(h["low"], h["high"], digits), *against]))
    return Cell(
        number(h["value"], digits),
        note,
        mark,
        strip(scale, h["value"], h["low"], h["high"], chance=h["chance"], ceiling=h["ceiling"]),
    )


def _digits(rows: Rows) -> int:
    """Digits after the point: more where all values of a column are small."""
    largest = max(abs(h["value"]) for h in rows)
    return 2 if largest >= 0.1 else 3 if largest >= 0.01 else 4


def _called(h: dict[str, Any], name: str) -> str:
    figures = get_metric(h["metric"]).figures if name == "ceiling" else ()
    return next((figure.ceiling_name for figure in figures if figure.name == h["figure"]), name)


def _varies(rows: Rows, name: str) -> bool:
    """Return whether chance or ceiling differ between the methods of a column, as printed."""
    return len({number(h[name]) for h in rows}) > 1


def _against(rows: Rows, model: str = "") -> str:
    """Chance and ceiling that all methods of a column share; a ceiling of 1 goes without saying.

    With a model those that its methods share, where not all models do.
    """
    values = []
    for name in ("chance", "ceiling"):
        peers = [h for h in rows if h["model"] == model] if model and _varies(rows, name) else [] if model else rows
        value = peers[0][name] if peers and not _varies(peers, name) else None
        if value is not None and (name, value) != ("ceiling", 1):
            values.append(f"{_called(peers[0], name)} {number(value)}")
    return ", ".join(values)


def _mark(summary: Summary, column: Rows, h: dict[str, Any] | None) -> str:
    """Return whether it is the best of its model in a column, or not clearly worse than that one."""
    if h is None or not h["main"] or h["better"] == "zero":
        return ""
    peers = [peer for peer in column if peer["model"] == h["model"]]
    if len(peers) < 2:
        return ""
    best = max(peers, key=lambda peer: goodness(peer["better"], peer["value"]))
    if best["estimator"] == h["estimator"]:
        return "best"
    place = ("metric", "figure", "setting")
    for d in summary.differences:
        same = d["between"] == "estimators" and d["within"] == h["model"] and all(d[name] == h[name] for name in place)
        if same and {d["first"], d["second"]} == {h["estimator"], best["estimator"]}:
            return "" if d["clear"] or d["low"] is None else "close"
    return ""


def _about(rows: Rows) -> str:
    shown = {h["figure"] for h in rows}
    return " ".join(
        f"{figure.name}: {figure.about}{' (median)' if figure.statistic == 'median' else ''}."
        for figure in get_metric(rows[0]["metric"]).figures
        if figure.name in shown
    )


def glance_table(summary: Summary) -> Table:
    """For each main figure and model the best estimator."""
    models = list(dict.fromkeys(h["model"] for h in summary.headlines))
    main = [h for h in summary.headlines if h["main"] and h["better"] != "zero"]
    rows = []
    for metric, figure, setting in dict.fromkeys((h["metric"], h["figure"], h["setting"]) for h in main):
        column = [h for h in main if (h["metric"], h["figure"], h["setting"]) == (metric, figure, setting)]
        several = len({h["setting"] for h in main if (h["metric"], h["figure"]) == (metric, figure)}) > 1
        name = f"{figure} {setting}" if several else figure
        line = [
            Cell(
                f"{name} {ARROWS[column[0]['better']]}",
                " · ".join(filter(None, (get_metric(metric).title, _against(column)))),
            )
        ]
        for model in models:
            peers = [h for h in column if h["model"] == model]
            if not peers:
                line.append(Cell("–"))
                continue
            best = max(peers, key=lambda h: goodness(h["better"], h["value"]))
            cell = _value(best, _scale(column), "", column)
            line.append(Cell(cell.text, f"{best['estimator']} · {interval(best['low'], best['high'])}", "", cell.strip))
        rows.append(line)
    return Table([Heading("best estimator", number=False), *map(Heading, models)], rows)


def model_tables(summary: Summary) -> list[Table]:
    """Paired differences of each two models: estimators by main figures."""
    of = [d for d in summary.differences if d["between"] == "models" and d["main"]]
    tables = []
    for names in dict.fromkeys((d["first"], d["second"]) for d in of):
        lines = [(d["within"], d) for d in of if (d["first"], d["second"]) == names]
        note = f"Orange where {names[1]} is clearly better, blue where {names[0]} is."
        tables.append(_difference_table(lines, f"{names[1]} minus {names[0]}", ESTIMATOR, note))
    return tables


def estimator_tables(summary: Summary) -> list[Table]:
    """Paired differences of estimators, for each model; folded. Of many estimators each is held against the best."""
    of = [d for d in summary.differences if d["between"] == "estimators"]
    tables = []
    for model in dict.fromkeys(d["within"] for d in of):
        lines = [d for d in of if d["within"] == model]
        figures = {(d["metric"], d["figure"], d["setting"], d["first"]) for d in lines}
        if len({f[:3] for f in figures}) == len(figures) and len(lines) > len(figures):
            rows = [(d["second"], d) for d in lines]
            title, note = f"{model}: each minus the best", "Blue where the best is clearly better."
            tables.append(_difference_table(rows, title, ESTIMATOR, note, folded=True, against=True))
            continue
        rows = [(f"{d['second']} minus {d['first']}", d) for d in lines]
        title, heading = f"{model}: {count(len({name for name, _ in rows}), 'pair')}", Heading("pair", number=False)
        note = "Orange where the one named first is clearly better, blue where the other is."
        tables.append(_difference_table(rows, title, heading, note, folded=True))
    return tables


def _difference_table(
    rows: list[tuple[str, dict[str, Any]]],
    title: str,
    first: Heading,
    note: str,
    *,
    folded: bool = False,
    against: bool = False,
) -> Table:
    """Names of rows and their differences, a column for each figure; `against`: its heading names the first."""
    columns = list(dict.fromkeys((d["metric"], d["figure"], d["setting"], d["better_when"]) for _, d in rows))
    figures = [figure for _, figure in dict.fromkeys((metric, figure) for metric, figure, _, _ in columns)]
    headings = [first]
    for metric, figure, setting, better in columns:
        best = next(
            d["first"] for _, d in rows if (d["metric"], d["figure"], d["setting"]) == (metric, figure, setting)
        )
        about = (
            get_metric(metric).title.lower() if figures.count(figure) > 1 else "",
            setting,
            best if against else "",
        )
        headings.append(Heading(f"{figure} {ARROWS[better]}", ", ".join(filter(None, about))))
    cells = {(name, d["metric"], d["figure"], d["setting"]): d for name, d in rows}
    body = []
    for name in dict.fromkeys(name for name, _ in rows):
        line, items = [Cell(name)], set()
        for metric, figure, setting, _ in columns:
            d = cells.get((name, metric, figure, setting))
            if d is None:
                line.append(Cell("–"))
                continue
            items.add(d["items"])
            column = [c for _, c in rows if (c["metric"], c["figure"], c["setting"]) == (metric, figure, setting)]
            end = max(abs(c[k]) for c in column for k in ("low", "high", "difference") if c[k] is not None) or 1.0
            line.append(
                Cell(
                    number(d["difference"], 3, sign=True),
                    interval(d["low"], d["high"], 3, sign=True),
                    ("gain" if d["better"] == d["second"] else "loss") if d["clear"] else "",
                    strip((-end, end), d["difference"], d["low"], d["high"], zero=0.0),
                )
            )
        body.append([*line, Cell(_range(items))])
    return Table([*headings, Heading("common items")], body, title, note, folded)


def class_tables(summary: Summary) -> list[Table]:
    """Median PGE by kind of object, for the best-grounding estimator of each model; the worst first.

    Of many kinds the worst, and all in a folded table.
    """
    best = {model: summary.best(model) for model in dict.fromkeys(c["model"] for c in summary.classes)}
    methods = [(model, h["estimator"]) for model, h in best.items() if h]
    by_class = {
        (c["model"], c["estimator"], c["name"]): c for c in summary.classes if (c["model"], c["estimator"]) in methods
    }
    if not by_class:
        return []

    def worst(name: str) -> tuple[float, str]:
        values = [by_class[m, e, name]["pge"] for m, e in methods if (m, e, name) in by_class]
        return min((v for v in values if v is not None), default=2.0), name

    rows = []
    for name in sorted({name for _, _, name in by_class}, key=worst):
        line, objects = [Cell(name)], []
        for method in methods:
            c = by_class.get((*method, name))
            if c is None or c["pge"] is None:
                line += [Cell("–"), Cell("–")]
                continue
            objects.append(c["objects"])
            mark = strip((0.0, 1.0), c["pge"], c["low"], c["high"], chance=c["chance"])
            line += [Cell(number(c["pge"]), interval(c["low"], c["high"]), "", mark), Cell(number(c["pga"]))]
        rows.append([*line, Cell(str(max(objects, default=0)))])
    headings = [Heading("kind", number=False)]
    for model, estimator in methods:
        headings += [Heading(f"PGE {model}", estimator), Heading("PGA")]
    headings.append(Heading("objects"))
    if len(rows) <= MOST:
        return [Table(headings, rows)]
    return [
        Table(headings, rows[:WORST], f"The worst {WORST}"),
        Table(headings, rows, f"All {len(rows)}", folded=True),
    ]


def failure_table(failures: Failures) -> Table:
    """The share of each kind among failures and among all objects."""
    judged = {s["kind"] for s in failures.shares}
    kinds = [kind for kind in (*KINDS, "none of these") if kind in judged]
    cells = {(s["model"], s["estimator"], s["kind"]): s for s in failures.shares}
    lines = {}
    for model, estimator in dict.fromkeys((s["model"], s["estimator"]) for s in failures.shares):
        shares = [cells.get((model, estimator, kind)) for kind in kinds]
        line = [Cell(estimator)]
        for s in shares:
            if s is None:
                line.append(Cell("–"))
                continue
            mark = strip((0.0, 1.0), s["share_of_failures"], None, None, everything=s["share_of_objects"])
            note = f"of all objects {s['share_of_objects']:.0%}"
            line.append(
                Cell(f"{s['share_of_failures']:.0%}", note, "clear" if s["clear"] and s["kind"] in KINDS else "", mark)
            )
        whole = cells[model, estimator, "none of these"]
        lines[model, estimator] = [*line, Cell(f"{whole['failures']}", f"of {whole['objects']}")]
    return Table([ESTIMATOR, *map(Heading, kinds), Heading("failures")], by_model(lines))


def method_table(summary: Summary) -> Table:
    """Passes and seconds of each method."""
    seconds = {(t["model"], t["estimator"]): t for t in summary.times}
    lines = {}
    for m in summary.methods:
        t = seconds.get((m["model"], m["estimator"]))
        order = {1: "one map", 2: "pairs"}.get(m["order"], "–")
        numbers = [number(m["image_passes"], 0), number(m["text_passes"], 0), number(m["r2"]), str(m["items"])]
        cells = [m["estimator"], order, *numbers, number(t["seconds"]) if t else "–"]
        lines[m["model"], m["estimator"]] = [*map(Cell, cells)]
    names = ("image passes", "text passes", "fit R²", "items", "seconds")
    return Table([ESTIMATOR, Heading("gives", number=False), *map(Heading, names)], by_model(lines))
