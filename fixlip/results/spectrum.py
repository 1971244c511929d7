"""The variance of a similarity by orders, in shares."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fixlip.results.equality import ByValue
from fixlip.results.tables import Tabular, frame, percent

if TYPE_CHECKING:
    import pandas


SHOWN = 3  # orders of each modality in a square, from 0


class Part(NamedTuple):
    """A part of the variance: so many patches with so many words; None and None for all that is left."""

    patches: int | None
    words: int | None
    share: float
    stderr: float


@dataclass(frozen=True, eq=False)
class Spectrum(ByValue, Tabular):
    """Shares of a similarity's variance, as parts come and go, by the number of patches and of words that make them.

    The variance is that under the measure of the index: every player is present with probability p. The part of one
    patch with one word is that of all such interactions, once the effects of lower orders are taken out. All parts and
    `rest` add up to 1. What an explanation of pairs cannot tell is `beyond(2)`.

    Attributes:
        variances: [a, b], the variance made by a patches with b words, [0, 0] being 0; in squares of the unit. All
            orders of a tower whose masks were enumerated, else 0 to 2.
        errors: [a, b], their standard errors.
        total: variance of the similarity.

    Source: Hoeffding, A Class of Statistics with Asymptotically Normal Distribution, 1948 (the decomposition).

    Example:
        >>> import fixlip
        >>> from fixlip.games.closed_form import bilinear
        >>> game = bilinear(np.eye(2), np.array([[1.0, 0.0]]))
        >>> found = fixlip.get_estimator("exact").explain(game).spectrum()
        >>> round(found[1, 1], 3), round(found[0, 1], 3), round(found[2, 1], 3)
        (0.333, 0.333, 0.0)
    """

    variances: np.ndarray
    errors: np.ndarray
    total: float

    def __getitem__(self, orders: tuple[int, int]) -> float:
        """Return the share that so many patches make with so many words; 0 beyond what was estimated."""
        a, b = orders
        inside = 0 <= a < self.variances.shape[0] and 0 <= b < self.variances.shape[1]
        return float(self.shares[a, b]) if inside else 0.0

    def __repr__(self) -> str:
        return f"Spectrum({self.summary()})"

    def __str__(self) -> str:
        return self.summary()

    @property
    def shares(self) -> np.ndarray:
        """Shares of the variance, [a, b]."""
        shares: np.ndarray = self.variances / self.total
        return shares

    @property
    def stderr(self) -> np.ndarray:
        """Standard errors of `shares`, [a, b]."""
        stderr: np.ndarray = self.errors / self.total
        return stderr

    @property
    def rest(self) -> float:
        """The share of all higher orders, which `variances` do not have."""
        return float(1.0 - self.shares.sum())

    def scaled(self, factor: float) -> "Spectrum":
        """Return that of a similarity which is so many times as large."""
        return Spectrum(factor**2 * self.variances, factor**2 * self.errors, factor**2 * self.total)

    def beyond(self, order: int) -> float:
        """Return the share that more than `order` players make together: what an explanation of that order misses."""
        a, b = np.indices(self.variances.shape)
        return float(1.0 - self.shares[a + b <= order].sum())

    def beyond_stderr(self, order: int) -> float:
        """Return the standard error of `beyond`, those of its parts taken as independent."""
        a, b = np.indices(self.variances.shape)
        return float(np.sqrt(np.square(self.stderr[a + b <= order]).sum()))

    def summary(self) -> str:
        """Say how much single players, pairs and more make."""
        single, pairs = self.beyond(0) - self.beyond(1), self.beyond(1) - self.beyond(2)
        more, error = self.beyond(2), self.beyond_stderr(2)
        return (
            f"{single:.0%} of the variance is that of single patches and words, {pairs:.0%} of pairs, and "
            f"{max(more, 0.0):.0%}{f' ± {error:.0%}' if error >= 0.005 else ''} of three or more together, which no "
            "explanation by pairs can show."
        )

    def square(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the shares of no, one or two patches with no, one or two words, [3, 3], and their standard errors."""
        padded = np.zeros((2, SHOWN, SHOWN))
        for a, b in np.ndindex(*np.minimum(self.variances.shape, SHOWN)):
            padded[:, a, b] = self.shares[a, b], self.stderr[a, b]
        return padded[0], padded[1]

    def caption(self) -> str:
        """Return `summary`, and how much is not in the cells of `square`."""
        return f"{self.summary()} {percent(max(1 - float(self.square()[0].sum()), 0.0))} lies beyond these cells."

    def parts(self) -> list[Part]:
        """Return the share of each part, by number of patches and of words, and at last that of all that is left."""
        numbers = [
            Part(int(a), int(b), float(self.shares[a, b]), float(self.stderr[a, b]))
            for a, b in np.ndindex(self.variances.shape)
            if (a, b) != (0, 0)
        ]
        error = float(np.sqrt(np.square(self.stderr).sum()))
        return [*numbers, Part(None, None, self.rest, error)]

    def to_pandas(self) -> "pandas.DataFrame":
        """Return `parts` as a table of pandas.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame(self.parts())
