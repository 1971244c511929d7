"""Examples on disk: explanations that a run stores for its reports, which compute nothing."""

import json
import warnings
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from fixlip.datasets.reading import within
from fixlip.errors import FixlipError, InputError
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.records import ExplainedRow
from fixlip.evaluation.report.examples import Shot, Shots, chosen
from fixlip.evaluation.report.failures import failures
from fixlip.evaluation.report.summary import summarise
from fixlip.evaluation.rows import key, read
from fixlip.io.files import read_bytes, write_atomically
from fixlip.io.schema import Four, Pair, checked, parsed
from fixlip.results.explanation import Explanation

FOLDER = "examples"  # in that of a run
MOST, ROOM = 100, 1 << 28  # examples of one report, and bytes of their files and pictures
LONGEST = 1 << 16  # bytes of a file of places


@dataclass(frozen=True)
class Places:
    """The places of an example's object: its words, its boxes, and the boxes of other objects."""

    span: Pair | None
    boxes: list[Four]
    others: list[Four]


def store(plan: Plan, folder: str | Path, n: int) -> None:
    """Explain the examples of a report once more, by the plan, and keep them in the folder of the run.

    An example that cannot be explained is left out, with a warning.

    Args:
        plan: of the run; rows of models and estimators that are not in it are passed over.
        folder: of the run.
        n: failures of each kind.
    """
    rows, explain, folder = read(folder), Shots(plan), Path(folder)
    lost: list[str] = []
    for (model, estimator), kinds in chosen(rows, summarise(rows), failures(rows), n).items():
        if model not in plan.encoders or estimator not in plan.methods:
            continue
        for row, place, _ in (choice for choices in kinds.values() for choice in choices):
            try:
                shot = explain(row, place)
                _write(folder / FOLDER, _name(row, place), shot)
            except FixlipError as error:
                lost.append(f"{row.item}: {error}")
    if lost:
        warnings.warn(f"{len(lost)} of the examples are not stored; {lost[0]}", stacklevel=3)


def _write(folder: Path, name: str, shot: Shot) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot make the folder {str(folder)!r}: {error.strerror or error}.") from error
    shot.explanation.save(folder / f"{name}.fixlip")
    places = Places(shot.span, list(shot.boxes), list(shot.others))
    write_atomically(folder / f"{name}.json", json.dumps(asdict(places)).encode())


def _name(row: ExplainedRow, place: int | None) -> str:
    return sha256(json.dumps([*key(row), place]).encode()).hexdigest()[:32]


class Stored:
    """Reads the examples that a run has stored; None for others.

    Args:
        folder: of the run. It may be hostile: what is read lies in it, and is limited in number and size.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder, self.left, self.room = Path(folder), MOST, ROOM

    def __call__(self, row: ExplainedRow, place: int | None) -> Shot | None:
        """The explanation of a row.

        Raises:
            InputError: it is damaged, or the report has too many examples or too large ones.
        """
        name = _name(row, place)
        saved, places = (within(self.folder, FOLDER, f"{name}.{end}") for end in ("fixlip", "json"))
        if not (saved.is_file() and places.is_file()):
            return None
        self.left -= 1
        self.room -= saved.stat().st_size
        if min(self.left, self.room) < 0:
            raise InputError(f"the examples of a report are at most {MOST}, of {ROOM:,} bytes.")
        explanation = Explanation.load(saved)
        if explanation.players.picture is not None:
            self.room -= explanation.players.picture.nbytes
        try:
            where = checked(parsed(read_bytes(places, LONGEST)), Places)
        except InputError:
            raise
        except ValueError as error:
            raise InputError(f"{str(places)!r} does not hold the places of an example: {error}.") from error
        return Shot(explanation, where.span, where.boxes, where.others)
