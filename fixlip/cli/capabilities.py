"""The registry as rows: what each estimator answers, needs and costs. The table of the docs uses them too."""

import re
from dataclasses import asdict, fields
from typing import Any, NamedTuple

from fixlip.cli.console import between
from fixlip.errors import FixlipError
from fixlip.estimator import AXIOMS
from fixlip.registry import estimator_class, get_estimator
from fixlip.request import Request

SHORT = (  # patterns of error messages, and short forms for a table
    (r"up to (\d+) players", "more than {} players"),
    (r"(?:budget=|budget of at least |at least )([\d,]+)", "budget of {} or more"),
)


class Row(NamedTuple):
    """One estimator, in words; the headings of the table are the names of the fields."""

    name: str
    answers: str
    indices: str
    orders: str
    pairs: str
    needs: str
    exact: str
    passes: str
    axioms: str
    source: str


HEADINGS = Row._fields


UNCOUNTED = "≤ budget"  # passes of a member of a family, where they are not counted


def row(name: str, n_image: int, n_text: int, budget: int | None = None, *, count: bool = True) -> Row:
    """Describe an estimator, with its passes on the image and the text tower for that many players.

    Args:
        name: of the estimator.
        n_image, n_text: players.
        budget: game values; None for the estimator's default.
        count: whether passes of a member of a family are counted, which runs the other library.
    """
    c = estimator_class(name).capabilities
    return Row(
        name=name,
        answers=c.summary,
        indices=", ".join(c.index),
        orders=", ".join(map(str, c.orders)),
        pairs={(True, True): "cross, within", (True, False): "cross", (False, True): "within"}.get(
            (c.cross, c.within), "–"
        ),
        needs="gradients" if c.gradients else "two towers" if c.separable else "–",
        exact="yes" if c.exact else "–",
        passes=passes(name, n_image, n_text, budget) if count or ":" not in name else UNCOUNTED,
        axioms="all" if set(c.axioms) == set(AXIOMS) else ", ".join(c.axioms) or "–",
        source=c.source,
    )


def passes(name: str, n_image: int, n_text: int, budget: int | None = None, *, whole: bool = False) -> str:
    """Return ``image + text``, or the reason why the size is not possible: a short form, or the whole message."""
    try:
        towers = zip(*get_estimator(name).passes_between(n_image, n_text, Request(budget)), strict=True)
    except FixlipError as error:
        if whole:
            return str(error)
        matches = ((re.search(pattern, str(error)), words) for pattern, words in SHORT)
        return next((words.format(m[1]) for m, words in matches if m), re.split(r"[;:.] ", str(error))[0])
    return " + ".join(between(least, most) for least, most in towers)


def entry(name: str, n_image: int, n_text: int, budget: int | None = None) -> dict[str, Any]:
    """Return the capabilities, options and passes of an estimator; passes are None if it refuses the size."""
    try:
        spent = get_estimator(name).passes(n_image, n_text, Request(budget))
        image, text, refusal = *spent, None
    except FixlipError as error:
        image, text, refusal = None, None, str(error)
    counts = {"image_passes": image, "text_passes": text, "refusal": refusal, "options": options(name)}
    return {**asdict(estimator_class(name).capabilities), "name": name, **counts}


def groups(names: list[str]) -> tuple[list[str], list[str]]:
    """Split names into single estimators and members of a family (``shapiq:...``)."""
    return [n for n in names if ":" not in n], [n for n in names if ":" in n]


def options(name: str) -> dict[str, object]:
    """Return the options of an estimator and their defaults."""
    return {f.name: f.default for f in fields(estimator_class(name))}  # type: ignore[arg-type]


def markdown(rows: list[Row], columns: list[str]) -> str:
    """Return a table for the docs."""
    cells = [[getattr(r, c).replace("|", "\\|") for c in columns] for r in rows]
    for line in cells:
        line[0] = f"`{line[0]}`"
    return "".join("| " + " | ".join(line) + " |\n" for line in [columns, ["---"] * len(columns), *cells])
