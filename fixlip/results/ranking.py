"""Captions of one picture, ranked by their similarity to it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from fixlip.results.tables import Tabular, frame, percent

if TYPE_CHECKING:
    import pandas


class Ranked(NamedTuple):
    """A caption with its similarity (logit), its probability (see `Ranking`), and notes on it."""

    caption: str
    similarity: float
    probability: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Ranking(Tabular):
    """Captions of one picture, the most similar first.

    Attributes:
        captions: the captions, in that order.
        measure: how the model turns similarities into probabilities: "softmax" over these captions (CLIP), or "sigmoid"
            of each by itself (SigLIP, whose similarity has a bias).
    """

    captions: tuple[Ranked, ...]
    measure: Literal["softmax", "sigmoid"]

    def __repr__(self) -> str:
        captions = ", ".join(f"{ranked.caption!r} {percent(ranked.probability)}" for ranked in self.captions)
        return f"Ranking({self.measure}: {captions})"

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Say which caption comes first, how sure the model is of it, and which one is next."""
        first, *others = self.captions
        among = f"among {len(self.captions)} captions" if self.measure == "softmax" else "by itself"
        said = f"“{first.caption}” fits best, with a probability of {percent(first.probability)} {among}"
        return (
            f"{said}; “{others[0].caption}” is next, with {percent(others[0].probability)}." if others else f"{said}."
        )

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the captions, in their order, as a table of pandas.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame(self.captions)
