"""Contributions of each word and each patch to a similarity, in numbers that add up."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fixlip.players.base import Modality, Players
from fixlip.results.equality import ByValue
from fixlip.results.provenance import Unit
from fixlip.results.tables import Tabular, frame, signed
from fixlip.results.third_order import ThirdOrder

if TYPE_CHECKING:
    import pandas

REST = "the rest"


def shares_of(first_order: np.ndarray, second_order: np.ndarray, third_order: ThirdOrder | None) -> np.ndarray:
    """Give each player its effect, half of each of its pairs and a third of each of its threes, [n]."""
    values: np.ndarray = first_order + 0.5 * np.nan_to_num(second_order, nan=0.0).sum(1)
    return values if third_order is None else values + third_order.of_pairs().sum(1) / 6


class Share(NamedTuple):
    """Contribution of one player, with its standard error; `modality` is None for the rest."""

    label: str
    modality: Modality | None
    value: float
    stderr: float

    def __repr__(self) -> str:
        return f"Share({self.label}: {signed(self.value, self.stderr)})"


@dataclass(frozen=True, eq=False)
class Additive(ByValue, Tabular):
    """The difference between the whole input and nothing shown, spread over players: ``values.sum() + rest == total``.

    The values are the Shapley values of the fitted surrogate: of each effect of a player, and half of each of its
    interactions. `rest` is what effects and pairs leave over, such as what three or more parts do together.

    Attributes:
        players: the players.
        values: [n], image players first.
        stderr: [n], standard errors; where only those of effects are known (`StandardErrors.additive`), these are taken
            as independent; NaN where there are none.
        total: the similarity of the whole input minus that of nothing shown.
        rest: the part of `total` that they leave over.
        unit: of all of them.
    """

    players: Players
    values: np.ndarray
    stderr: np.ndarray
    total: float
    rest: float
    unit: Unit

    def __repr__(self) -> str:
        words = ", ".join(f"{share.label} {signed(share.value, share.stderr)}" for share in self.words())
        return (
            f"Additive({words}; picture {signed(self.picture)}; {REST} {signed(self.rest)}: "
            f"{signed(self.total)} {self.unit})"
        )

    @property
    def image(self) -> np.ndarray:
        """Contributions of the image players, [n_image]."""
        return self.values[: self.players.n_image]

    @property
    def text(self) -> np.ndarray:
        """Contributions of the words, [n_text]."""
        return self.values[self.players.n_image :]

    @property
    def picture(self) -> float:
        """Sum of the contributions of all image players."""
        return float(self.image.sum())

    def words(self) -> list[Share]:
        """Return what each word adds, in reading order."""
        return self.shares()[self.players.n_image : -1]

    def shares(self) -> list[Share]:
        """Return what each player adds, image players first, and at last the rest."""
        players = (*self.players.image, *self.players.text)
        numbers = zip(players, self.values.tolist(), self.stderr.tolist(), strict=True)
        rest = Share(REST, None, self.rest, float("nan"))
        return [*(Share(p.label, p.modality, value, error) for p, value, error in numbers), rest]

    def to_pandas(self) -> "pandas.DataFrame":
        """Return `shares` as a table of pandas.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame(self.shares())
