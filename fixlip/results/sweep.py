"""Explanations that differ in one option, measured against a reference."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.errors import InputError
from fixlip.results.comparison import Comparison
from fixlip.results.explanation import Explanation
from fixlip.results.presentation import Displayed
from fixlip.results.tables import Tabular, frame

if TYPE_CHECKING:
    import pandas

HEADINGS = {
    "correlation": "correlation",
    "error": "relative error",
    "stderr": "standard error",
    "r2": "R²",
}


@dataclass(frozen=True)
class Sweep(Displayed, Tabular):
    """Explanations of one picture and caption that differ in one option, measured against a reference.

    Attributes:
        option: the option that was varied.
        values: its values, in the order in which they were asked for.
        explanations: an explanation for each value.
        reference: the explanation that they are measured against.
        reference_name: name of the reference.
    """

    option: str
    values: tuple[Any, ...]
    explanations: tuple[Explanation, ...]
    reference: Explanation
    reference_name: str

    def __post_init__(self) -> None:
        for e in self.explanations:
            if (e.players.caption, e.players.labels) != (self.reference.players.caption, self.reference.players.labels):
                raise InputError(
                    f"The reference has other players: {self.reference.players.n_image} + "
                    f"{self.reference.players.n_text} of {self.reference.players.caption!r}, the sweep has "
                    f"{e.players.n_image} + {e.players.n_text} of {e.players.caption!r}."
                )

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, value: Any) -> Explanation:
        return self.explanations[self.values.index(value)]

    @property
    def measured(self) -> str:
        """The numbers compared: "cross pairs", or "first-order effects" where one of the explanations has no pairs."""
        every = (*self.explanations, self.reference)
        return "cross pairs" if all(np.isfinite(e.cross).any() for e in every) else "first-order effects"

    @property
    def comparison(self) -> Comparison:
        """The explanations as a `Comparison`: maps side by side, agreement of each with each."""
        return Comparison(self.explanations, tuple(f"{self.option} = {label(value)}" for value in self.values))

    def table(self) -> list[dict[str, Any]]:
        """Return one row for each value.

        Returns:
            Rows with the same keys: `value`; `reference` (whether it is the reference); `passes`, `image_passes`,
            `text_passes`; `seconds`; `correlation` (Pearson, with the reference, see `measured`); `error`
            (norm of the difference from the reference over the norm of the reference; NaN between different units);
            `stderr` (mean standard error, in the unit of the explanation); `r2`; `status`; and all numbers in
            `Provenance.details`. NaN stands for numbers that an estimator does not give; pairs that were not estimated
            are left out.
        """
        return [
            {
                "value": value,
                "reference": e is self.reference,
                "passes": e.provenance.image_passes + e.provenance.text_passes,
                "image_passes": e.provenance.image_passes,
                "text_passes": e.provenance.text_passes,
                "seconds": e.provenance.seconds,
                **self._against_reference(e),
                "r2": e.provenance.r2,
                "status": e.provenance.status,
                **{name: e.provenance.details.get(name, float("nan")) for name in self._details},
            }
            for value, e in zip(self.values, self.explanations, strict=True)
        ]

    def to_pandas(self) -> "pandas.DataFrame":
        """Return `table` as a table of pandas.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame(self.table())

    @property
    def _details(self) -> list[str]:
        return list(dict.fromkeys(name for e in self.explanations for name in e.provenance.details))

    def _against_reference(self, e: Explanation) -> dict[str, float]:
        pairs = self.measured == "cross pairs"
        values, truth = (x.cross.ravel() if pairs else x.first_order for x in (e, self.reference))
        errors = e.cross_stderr.ravel() if pairs or e.stderr is None else e.stderr.first_order
        both = np.isfinite(values) & np.isfinite(truth)
        values, truth, errors = values[both], truth[both], errors[np.isfinite(errors)]
        varied = len(truth) > 1 and np.ptp(values) > 0 and np.ptp(truth) > 0
        size = np.linalg.norm(truth) if e.unit == self.reference.unit else 0.0
        return {
            "correlation": float(np.corrcoef(values, truth)[0, 1]) if varied else float("nan"),
            "error": float(np.linalg.norm(values - truth) / size) if size else float("nan"),
            "stderr": float(errors.mean()) if len(errors) else float("nan"),
        }

    def summary(self) -> list[dict[str, str]]:
        """Return the table as it is printed, without columns that are empty in all rows; * marks the reference."""
        rows = self.table()
        given = [k for k in HEADINGS if any(np.isfinite(row[k]) for row in rows)]
        return [
            {
                self.option: label(row["value"]) + (" *" if row["reference"] else ""),
                "image + text passes": f"{row['image_passes']:,} + {row['text_passes']:,}",
                "seconds": f"{row['seconds']:.2f}",
                **{HEADINGS[k]: _number(row[k]) for k in given},
            }
            for row in rows
        ]

    def details(self) -> list[dict[str, str]]:
        """Return the numbers of `Provenance.details` as they are printed; no rows where there are none."""
        if not self._details:
            return []
        return [
            {self.option: label(row["value"])} | {name.replace("_", " "): _number(row[name]) for name in self._details}
            for row in self.table()
        ]

    def __repr__(self) -> str:
        values = ", ".join(map(label, self.values))
        return f"Sweep({self.option} = {values}; {self.measured}, reference: {self.reference_name})"


def label(value: Any) -> str:
    """Write the value of an option in words.

    Example:
        >>> label(0.30), label({"image": "drop"}), label({}), label(None)
        ('0.3', 'image drop', 'default', 'default')
    """
    if isinstance(value, dict):
        return ", ".join(f"{side} {name}" for side, name in value.items()) or "default"
    if isinstance(value, float):
        return f"{value:g}"
    return "default" if value is None else str(value)


def _number(value: float) -> str:
    return (
        "–"
        if not np.isfinite(value)
        else "0"
        if value == 0
        else f"{value:.4f}"
        if abs(value) >= 1e-3
        else f"{value:.1e}"
    )
