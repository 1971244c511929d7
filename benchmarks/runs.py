"""Measurements made of cases: each is written as soon as it is done, and not made again by a run that goes on.

A measurement is a module with the `TITLE` of its table; its `TARGETS`, for a column how its values should compare, and
in which cases: ``("<=", 1.1, "")``; and `cases`, which gives for the `Settings` a function for each row by the row's
name. A row whose function raises a `BudgetError` (so few passes are not enough for the method) is left out.
A module may have `compared`, which gives the rows with the columns that follow from other rows.
"""

import json
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.clock import T, in_child
from benchmarks.output import machine, show, write
from fixlip.errors import BudgetError

Row = dict[str, Any]
Cases = dict[str, Callable[[], Row]]
Targets = dict[str, tuple[str, float, str]]


@dataclass(frozen=True)
class Settings:
    """Settings of a measurement: its device, and whether it is only a quick try."""

    device: str = "cpu"
    quick: bool = False

    def apart(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function of a module in a process of its own, for its memory; in this one where it is only tried."""
        return function(*args) if self.quick else in_child(function, *args)


def carry_out(
    name: str, measurement: Any, settings: Settings, folder: Path | None, *, again: bool = False, only: str = ""
) -> list[str]:
    """Measure what has not been measured yet, and publish; returns the names of the cases that failed.

    Args:
        name, folder: write NAME.json and NAME.md there; None prints only.
        measurement, settings: what, and how.
        again: measure anew what is there.
        only: the cases with this in their names.
    """
    path = folder / name if folder else None
    cases, compared = measurement.cases(settings), getattr(measurement, "compared", list)
    done = {} if path is None else rows_before(path.with_suffix(".json"), settings)
    wanted = [case for case in cases if only in case]
    rows, failed = {case: done[case] for case in cases if case in done and not (again and case in wanted)}, []

    def table() -> tuple[list[Row], list[str]]:
        ordered = compared([rows[case] for case in cases if case in rows])
        return ordered, [] if settings.quick else judged(measurement.TARGETS, ordered)

    for case in [case for case in wanted if case not in rows]:
        print(f"{name}: {case}", flush=True)
        try:
            rows[case] = {"case": case, **cases[case]()}
        except BudgetError as error:
            print(f"left out: {error}", flush=True)
            continue
        except Exception:  # the others go on; the caller is told
            traceback.print_exc()
            failed.append(f"{name}: {case}")
            continue
        if path:
            write(measurement.TITLE, *table(), path, device=settings.device, settings=asdict(settings))
    if rows:
        show(measurement.TITLE, *table())
    return failed


def rows_before(path: Path, settings: Settings) -> dict[str, Row]:
    """The rows of a file that was measured in the same way on the same machine, by case."""
    if not path.exists():
        return {}
    document = json.loads(path.read_text("utf-8"))
    if document.get("settings") != asdict(settings) or document["machine"] != machine(settings.device):
        return {}
    return {row["case"]: row for row in document["rows"] if "case" in row}


def judged(targets: Targets, rows: list[Row]) -> list[str]:
    """A sentence for each target."""
    sentences = []
    for column, (sign, goal, which) in targets.items():
        chosen = [row for row in rows if which in row["case"] and isinstance(row.get(column), int | float)]
        missed = [row for row in chosen if not (row[column] <= goal if sign == "<=" else row[column] >= goal)]
        verdict = "; ".join(f"missed by {row['case']}, {row[column]:.3g}" for row in missed) or "met"
        if chosen:
            sentences.append(f"Target: {column} {sign} {goal:g}{f' ({which})' if which else ''}: {verdict}.")
    return sentences
