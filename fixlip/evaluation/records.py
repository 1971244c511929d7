"""Records of an evaluation: what one line of its results holds, a class for each kind of line.

Later versions may add fields; those that are not known here are left out.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from pydantic import StrictFloat, StrictInt

from fixlip.io.schema import checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of results; the fields of all kinds, in the order in which they are written.

    Attributes:
        item, index: name of the item, and its place in the data set.
        model, estimator: their labels; "" for a row that is of none.
        status: "bad" where something could not be done.
    """

    item: str
    index: StrictInt
    model: str
    estimator: str
    status: Literal["ok", "bad"]

    def as_json(self) -> dict[str, Any]:
        """The fields by name; those that do not apply are left out."""
        values = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: value for name, value in values if value is not None and value != {}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedRow(Row):
    """An explanation, measured.

    Attributes:
        caption: what was explained.
        similarity, order: of the explanation: its full value in logits, and 1 for one map or 2 for pairs.
        metrics: label of each metric -> its numbers; None where the item does not allow it, or where it failed.
        failed: label of each metric that failed -> the reason.
        seconds, provenance: how long it took, and what it was made with.
    """

    status: Literal["ok"] = "ok"
    caption: str = ""
    similarity: StrictFloat | None = None
    order: StrictInt | None = None
    metrics: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    seconds: StrictFloat | None = None
    provenance: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRow(Row):
    """Facts of a picture for one model, whatever the estimator; `metrics` as in an `ExplainedRow`."""

    status: Literal["ok"] = "ok"
    caption: str = ""
    metrics: dict[str, dict[str, Any] | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoresRow(Row):
    """The similarity of a picture and each of its captions, in logits; None for one that is no number."""

    status: Literal["ok"] = "ok"
    scores: list[StrictFloat | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow(Row):
    """A fault: of an item (no model), of its picture (no estimator), or of an explanation.

    Attributes:
        caption: what was to be explained.
        fault, reason: the kind of fault, and what is wrong, in a sentence.
    """

    status: Literal["bad"] = "bad"
    caption: str | None = None
    fault: str
    reason: str


def record(value: Any) -> Row:
    """The record of a parsed line; the values in it are not copied.

    Raises:
        ValueError: the line is of no kind of row; a short sentence says what is wrong with it.
    """
    kind: type[Row] = Row
    if isinstance(value, dict) and "status" in value:
        if value["status"] == "bad":
            kind = BadRow
        elif "scores" in value:
            kind = ScoresRow
        else:
            kind = ExplainedRow if value.get("estimator") else PictureRow
    return checked(value, kind)
