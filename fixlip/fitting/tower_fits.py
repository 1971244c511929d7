"""How the masks of each tower are drawn, and how its embeddings are fitted: the rules behind "auto"."""

from dataclasses import dataclass
from math import ceil, log
from typing import Literal

import numpy as np

from fixlip.errors import BudgetError
from fixlip.fitting.moments import n_features
from fixlip.fitting.regression import MOST_TERMS
from fixlip.fitting.sampling import Design, Sampling, allocate, block_size, fewest, make_design
from fixlip.fitting.surrogate import Surrogate
from fixlip.request import Request

FitName = Literal["gaussian-process", "least-squares"]
Order = Literal[1, 2]
PER_TERM: dict[FitName, dict[int, int]] = {  # default masks for each term, by order of the features
    "least-squares": {1: 10, 2: 3},
    "gaussian-process": {1: 10, 2: 1},
}
PROCESS_UP_TO = 2048  # rows, a mask or a mask and its complement; above, fit="auto" is least squares
RATES = (0.25, 0.75)  # of masking, at which a process is as sure as it is right
MOST_FOR_PROCESS = 8192  # rows: matrices of 0.5 GB


def known_rate(p: float) -> bool:
    """Whether players come and go often enough for the standard errors of a Gaussian process to be right."""
    return RATES[0] <= p <= RATES[1]


@dataclass(frozen=True)
class TowerPlan:
    """One tower: its side ("image" or "text"), how many masks, how they are drawn, how the embeddings are fitted."""

    side: str
    masks: int
    sampling: Sampling
    fit: FitName

    def design(self, n: int, p: float, seed: int) -> Design:
        """The masks, of n players.

        Raises:
            BudgetError: a Gaussian process would have to guess at players that are in all of them, or in none.
        """
        design = make_design(n, self.masks, p, self.sampling, np.random.default_rng([seed, self.side == "text"]))
        share = design.masks.mean(0)
        fixed = int(((share == 0) | (share == 1)).sum())
        if fixed and self.fit == "gaussian-process" and not design.exact:
            needed = max(2 * self.masks, ceil(log(20 * n) / min(p, 1 - p)))
            raise BudgetError(
                f"{fixed} of {n} {self.side} players are in all of the {self.masks} masks at p = {p:g}, or in none, so "
                f"nothing is known about them. Give {self.side}_masks={needed}, or a p nearer to 0.5."
            )
        return design

    def hidden(self, design: Design, p: float) -> list[str]:
        """What standard errors do not show.

        In one block of masks, three players together can pass for a single one; and a Gaussian process is too sure of
        itself where players are mostly present or mostly absent.
        """
        if self.fit == "gaussian-process" and not (design.exact or known_rate(p)):
            return [f"at p = {p:g} the standard errors of a Gaussian process are too small; take fit='least-squares'"]
        needed = 4 * block_size(design.masks.shape[1])
        if design.kind != "paired" or self.fit != "least-squares" or self.masks >= needed:
            return []
        return [f"less than two blocks of {self.side} masks hide errors; give {self.side}_masks={needed} or more"]

    def described(self, design: Design) -> str:
        """For the provenance."""
        return f"{self.side} {design.kind}" + ("" if design.exact else f", {self.fit}")


@dataclass(frozen=True)
class Rules:
    """Options of an estimator that say how towers are looked at; see `fixlip.estimators.banzhaf.Banzhaf`."""

    p: float
    sampling: str
    fit: str
    ridge: float

    def masks(self, surrogate: Surrogate, request: Request) -> tuple[int, int]:
        """Image and text masks that a request comes to."""
        order, players = surrogate.feature_order, (surrogate.n_image, surrogate.n_text)
        process = self.fit == "gaussian-process" or (self.fit == "auto" and not self.ridge and known_rate(self.p))
        image, text = allocate(
            request.budget,
            request.image_masks,
            request.text_masks,
            players=players,
            terms=surrogate.terms,
            per_term=PER_TERM["gaussian-process" if process else "least-squares"][order],
            least=1 if process and order == 2 else 4,
        )
        if process and request.budget is None:
            most = PROCESS_UP_TO * (2 if self.p == 0.5 and self.sampling != "independent" else 1)
            image, text = request.image_masks or min(image, most), request.text_masks or min(text, most)
        return min(image, 2 ** min(players[0], 62)), min(text, 2 ** min(players[1], 62))

    def suffice(self, surrogate: Surrogate, masks: tuple[int, int]) -> bool:
        """Whether there are as many masks as terms, two for each with least squares."""
        each = 1 if self.fit_of(surrogate.feature_order, surrogate.n_image, masks[0]) == "gaussian-process" else 2
        players = surrogate.n_image, surrogate.n_text
        return all(m >= min(each * f, 2**n) for m, f, n in zip(masks, surrogate.terms, players, strict=True))

    def towers(self, surrogate: Surrogate, masks: tuple[int, int]) -> tuple[TowerPlan, TowerPlan]:
        """The plan of each tower.

        Raises:
            BudgetError: too few masks to determine the terms, or more than the fit can take.
        """
        players = surrogate.n_image, surrogate.n_text
        sides = zip(("image", "text"), masks, surrogate.terms, players, strict=True)
        image, text = (self._tower(side, m, f, n, surrogate) for side, m, f, n in sides)
        return image, text

    def _tower(self, side: str, m: int, f: int, n: int, surrogate: Surrogate) -> TowerPlan:
        order, pairs = surrogate.feature_order, "all" if surrogate.within else "cross"
        sampling, fit = self.sampling_of(order, n, m), self.fit_of(order, n, m)
        needed = fewest(n, f if fit == "least-squares" else 1 + n, sampling)
        if m < needed and not self.ridge:
            raise BudgetError(
                f"{m} {side} masks cannot determine the {f} terms of {n} {side} players "
                f"({pairs} pairs, {sampling} masks): at least {needed} are needed. Give "
                f"{side}_masks={needed} or a larger budget, or ask for ridge= regularisation."
            )
        rows = m // 2 if sampling == "paired" else m
        if fit == "gaussian-process" and rows > MOST_FOR_PROCESS:
            raise BudgetError(
                f"A Gaussian process takes up to {MOST_FOR_PROCESS} {side} masks, or pairs of complements, got {rows}. "
                "Give fewer, or ask for cross pairs, which least squares can solve for."
            )
        if fit == "least-squares" and f > MOST_TERMS:
            raise BudgetError(
                f"{f} terms of {n} {side} players are more than least squares can solve for ({MOST_TERMS}). Take "
                f"fit='gaussian-process' with up to {MOST_FOR_PROCESS} masks or pairs of complements, or cross pairs."
            )
        return TowerPlan(side, m - m % 2 if sampling == "paired" and m < 2 ** min(n, 62) else m, sampling, fit)

    def fit_of(self, order: Order, n: int, m: int) -> FitName:
        """How the embeddings of m masks of n players are fitted; an enumerated tower needs no model."""
        if m >= 2 ** min(n, 62) or self.ridge:
            return "least-squares"
        if self.fit != "auto":
            return self.fit  # type: ignore[return-value]
        if not known_rate(self.p):
            return "least-squares"
        f = n_features(n, order)
        rows = m // 2 if self.sampling_of(order, n, m) == "paired" else m
        few = rows <= PROCESS_UP_TO or m < 4 * f <= 2 * MOST_FOR_PROCESS or f > MOST_TERMS
        return "gaussian-process" if few else "least-squares"

    def sampling_of(self, order: Order, n: int, m: int) -> Sampling:
        """How m masks of n players are drawn, where they are not enumerated."""
        if self.sampling in ("paired", "independent"):
            return self.sampling  # type: ignore[return-value]
        as_published = order == 2 and (self.fit == "least-squares" or self.ridge > 0)
        whole_block = m >= fewest(n, 0, "paired")
        return "paired" if self.p == 0.5 and whole_block and not as_published else "independent"
