"""Binding: how much more two words mean to a picture together than one by one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fixlip.errors import InputError
from fixlip.players.base import Players
from fixlip.results.equality import ByValue
from fixlip.results.provenance import Unit
from fixlip.results.summary import NORMAL_95, at, place_of
from fixlip.results.tables import signed
from fixlip.results.third_order import ThirdOrder


@dataclass(frozen=True, eq=False)
class Binding(ByValue):
    """The interactions of image players with two words together, over what each word has with them by itself.

    To a bag of words "a yellow dog" is yellow and a dog anywhere; a model that binds the two finds more in a patch that
    shows both. So a positive value says that they belong together there, a negative one that together they are worth
    less than one by one.

    Attributes:
        players: the players.
        words: labels of both words, or of several in the place of one.
        values: [n_image], in `unit`.
        stderr: [n_image], their standard errors; NaN where there are none.
        unit: of the values.
    """

    players: Players
    words: tuple[str, str]
    values: np.ndarray
    stderr: np.ndarray
    unit: Unit

    @property
    def total(self) -> float:
        """The sum over the picture."""
        return float(self.values.sum())

    @property
    def total_stderr(self) -> float:
        """Standard error of `total`, those of the values taken as independent."""
        return float(np.sqrt(np.square(self.stderr).sum()))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of `total`."""
        half = NORMAL_95 * self.total_stderr
        return self.total - half, self.total + half

    def heatmap(self) -> np.ndarray:
        """Put the values in their places; see `Explanation.heatmap`."""
        return self.players.on_picture(self.values)

    def summary(self) -> str:
        """Say whether the words bind, by how much, and where."""
        low, high = self.interval
        one, other = (f"“{word}”" for word in self.words)
        said = signed(self.total, self.total_stderr)
        if low <= 0 <= high:
            return f"Nothing says that {one} and {other} bind: {said} ({self.unit}) together."
        sign = np.sign(self.total)
        where = at(place_of(self.players, sign * self.values))
        more = "more" if sign > 0 else "less"
        return f"{one} and {other} mean {more} together than one by one{where}: {said} ({self.unit})."

    def __repr__(self) -> str:
        return f"Binding({self.summary()})"

    def __str__(self) -> str:
        return self.summary()


def bound(
    players: Players, third: ThirdOrder | None, stderr: ThirdOrder | None, unit: Unit, words: tuple[Any, Any]
) -> Binding:
    """Return the binding of two words; see `Explanation.binding`."""
    if third is None:
        raise InputError('Binding is of order 3; explain with options={"order": 3}.')
    one, other = (np.array(players.find_text(word), dtype=int) for word in words)
    if both := np.intersect1d(one, other).tolist():
        raise InputError(f"Binding is between two different words; {players.text[both[0]].label!r} is on both sides.")
    pairs = np.ix_(np.arange(players.n_image), one, other)
    errors = np.full(players.n_image, np.nan)
    if stderr is not None:
        errors = np.sqrt(np.square(stderr.text_pairs[pairs]).sum((1, 2)))
    first, second = (" ".join(players.text[k].label for k in several) for several in (one, other))
    return Binding(players, (first, second), third.text_pairs[pairs].sum((1, 2)), errors, unit)
