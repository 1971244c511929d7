"""Several explanations of one picture and caption, on one scale."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fixlip.errors import InputError
from fixlip.explanation import Explanation


@dataclass(frozen=True)
class Comparison:
    """Explanations of the same picture and caption by several models or estimators.

    Attributes:
        explanations: in the order in which they were asked for.
        labels: what sets them apart: model, estimator, or both.
    """

    explanations: tuple[Explanation, ...]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.explanations or len(self.explanations) != len(self.labels):
            raise InputError(f"{len(self.explanations)} explanations with {len(self.labels)} labels; give one each.")

    def __len__(self) -> int:
        return len(self.explanations)

    def __iter__(self) -> Iterator[tuple[str, Explanation]]:
        return iter(zip(self.labels, self.explanations, strict=True))

    def __getitem__(self, label: str | int) -> Explanation:
        return self.explanations[self.labels.index(label) if isinstance(label, str) else label]

    def limit(self, words: Any = None) -> float:
        """The largest absolute value of all heatmaps of these words: the end of a scale that they can share."""
        return max(float(np.nanmax(np.abs(e.heatmap(words)), initial=0.0)) for e in self.explanations)

    def table(self) -> list[dict[str, Any]]:
        """One row for each explanation: similarity, fit R2, shares of the effects, passes, seconds."""
        return [
            {
                "label": label,
                "index": e.index,
                "similarity": e.full_value,
                "empty": e.empty_value,
                "unit": e.unit,
                "r2": e.provenance.r2,
                **{f"share_{part}": value for part, value in e.share().items()},
                "image_passes": e.provenance.image_passes,
                "text_passes": e.provenance.text_passes,
                "seconds": e.provenance.seconds,
                "status": e.provenance.status,
            }
            for label, e in self
        ]
