"""The choice of masks and fit for each tower: the rules behind "auto", and the fit itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, log
from typing import Literal

import numpy as np

from fixlip.errors import BudgetError
from fixlip.fitting.moments import Embed, n_features, tower_moments
from fixlip.fitting.regression import CHUNK, MOST_TERMS
from fixlip.fitting.sampling import Design, Sampling, allocate, block_size, fewest, make_design
from fixlip.fitting.surrogate import Surrogate, TowerFit
from fixlip.fitting.tower_gp import TowerProcess, fewest_to_check, nearness, tower_process
from fixlip.games.counted import CountedGame
from fixlip.request import Request

FitName = Literal["gaussian-process", "least-squares"]
Order = Literal[1, 2]
PER_TERM: dict[FitName, dict[int, int]] = {  # default masks for each term, by order of the features
    "least-squares": {1: 10, 2: 3},
    "gaussian-process": {1: 10, 2: 1},
}
ALL_PAIRS_UP_TO = 64  # image players; above, interactions="auto" keeps to cross pairs
PROCESS_UP_TO = 4096  # rows, a mask or a pair of complements; above, fit="auto" is least squares
DEFAULT_UP_TO = 2048  # rows, where nobody says how many
RATES = (0.25, 0.75)  # p between which the standard errors of a process are right
FEWEST_WITNESSES = 20  # masks that make the difference, below which errors are a guess
MOST_FOR_PROCESS = 8192  # rows: matrices of 0.5 GB


def process_is_calibrated(p: float) -> bool:
    """Return whether players come and go often enough for the standard errors of a Gaussian process to be right."""
    return RATES[0] <= p <= RATES[1]


@dataclass(frozen=True)
class TowerPlan:
    """Number of masks of one tower, the way that they are drawn, and the fit of its embeddings.

    Attributes:
        side: "image" or "text".
        n: players.
        p: probability of each player to be present.
        order: of the features: 2 for pairs of players of this side, else 1.
        masks: number of masks.
        sampling, fit: see `fixlip.estimators.banzhaf.Banzhaf`.
    """

    side: str
    n: int
    p: float
    order: Order
    masks: int
    sampling: Sampling
    fit: FitName

    def draw(self, seed: int) -> Design:
        """Draw the masks.

        Raises:
            BudgetError: some players are in all of the masks, or in none, and a Gaussian process would have to guess.
        """
        design = make_design(
            self.n, self.masks, self.p, self.sampling, np.random.default_rng([seed, self.side == "text"])
        )
        share = design.masks.mean(0)
        fixed = int(((share == 0) | (share == 1)).sum())
        if fixed and self.fit == "gaussian-process" and not design.exact:
            needed = max(2 * self.masks, ceil(log(20 * self.n) / min(self.p, 1 - self.p)))
            raise BudgetError(
                f"{fixed} of {self.n} {self.side} players are in all of the {self.masks} masks at p = {self.p:g}, or "
                f"in none, so nothing is known about them. Give {self.side}_masks={needed}, or a p nearer to 0.5."
            )
        return design

    def regress(self, embed: Embed, design: Design, grid: tuple[int, int] | None) -> TowerFit:
        """Fit the embeddings of the masks; `grid` is that of the patches, where there is one."""
        if self.fit == "least-squares":
            return tower_moments(embed, design, p=self.p, order=self.order, batch_size=CHUNK)
        near = nearness(grid) if grid is not None and self.side == "image" else None
        return tower_process(embed, design, p=self.p, order=self.order, near=near)

    def remarks(self, design: Design, fit: TowerFit | None) -> list[str]:
        """Say which errors the standard errors do not show.

        In few masks, such as a single block, several players together can pass for one; where few masks make all of
        the difference, others like them were missed; and a Gaussian process is too sure of itself where players are
        mostly present or mostly absent.
        """
        if design.exact:
            return []
        if self.fit == "gaussian-process" and not process_is_calibrated(self.p):
            return [
                f"at p = {self.p:g} the standard errors of a Gaussian process are too small; take fit='least-squares'"
            ]
        of_blocks = 4 * block_size(self.n) if design.kind == "paired" else 0
        needed = 2 * fewest_to_check(self.n) if self.fit == "gaussian-process" else of_blocks
        notes, more = [], f"give {self.side}_masks="
        if self.masks < needed:
            notes.append(f"so few {self.side} masks hide what several players do together; {more}{needed} or more")
        if isinstance(fit, TowerProcess) and fit.witnesses < FEWEST_WITNESSES:
            notes.append(
                f"{fit.witnesses:.0f} of {self.masks} {self.side} masks make all of the difference, so the errors are "
                f"a guess; {more}{max(2 * self.masks, needed)} or more"
            )
        return notes

    def described(self, design: Design) -> str:
        """Name the design and the fit, for the provenance."""
        return f"{self.side} {design.kind}" + ("" if design.exact else f", {self.fit}")


@dataclass(frozen=True)
class TowerPlans:
    """The plans of both towers, and the terms that they are to determine.

    Attributes:
        surrogate: which terms; with scale 1 and bias 0.
        image, text: the plan of each tower.
    """

    surrogate: Surrogate
    image: TowerPlan
    text: TowerPlan

    def draw(self, seed: int) -> tuple[Design, Design]:
        """Draw the image masks and the text masks; see `TowerPlan.draw`."""
        return self.image.draw(seed), self.text.draw(seed)

    def fit(self, game: CountedGame, masks: tuple[Design, Design], seed: int) -> tuple[TowerFit, TowerFit]:
        """Fit each tower by itself; a tower that was fitted for another pair with the same input is not fitted again.

        Args:
            game: of two towers.
            masks: as `draw` returned them.
            seed: that they were drawn with.
        """
        towers = zip((self.image, self.text), (game.image_embeddings, game.text_embeddings), masks, strict=True)
        image, text = (
            game.keep(plan.side, (plan, seed), partial(plan.regress, embed, design, game.players.grid))
            for plan, embed, design in towers
        )
        return image, text

    def on_the_grid(self, masks: tuple[Design, Design]) -> bool:
        """Return whether both towers are fitted at once on the grid of their masks: all pairs by least squares."""
        sampled = {p.fit for p, d in zip((self.image, self.text), masks, strict=True) if not d.exact}
        all_pairs = self.surrogate.order == 2 and self.surrogate.within
        return all_pairs and not self.surrogate.ridge and sampled == {"least-squares"}

    def described(self, masks: tuple[Design, Design]) -> dict[str, str]:
        """Return the options that were decided here, for the provenance."""
        designs = (plan.described(design) for plan, design in zip((self.image, self.text), masks, strict=True))
        return {"interactions": "all" if self.surrogate.within else "cross", "sampling": "; ".join(designs)}

    def remarks(self, masks: tuple[Design, Design], fits: Sequence[TowerFit]) -> list[str]:
        """Collect the remarks on both towers; see `TowerPlan.remarks`."""
        plans = zip((self.image, self.text), masks, fits or (None, None), strict=True)
        return [note for plan, design, fit in plans for note in plan.remarks(design, fit)]


@dataclass(frozen=True)
class Rules:
    """The options of an estimator that decide on masks and fit; see `fixlip.estimators.banzhaf.Banzhaf`."""

    p: float
    order: Literal[1, 2, 3]
    interactions: str
    sampling: str
    fit: str
    ridge: float

    def plan(self, n_image: int, n_text: int, request: Request) -> TowerPlans:
        """Decide on pairs within the modalities, on the number of masks of each tower, their design and their fit.

        Raises:
            BudgetError: too few masks to determine the terms, or more than the fit can take.
        """
        choices = [self.order > 1 and self.interactions == "all"]
        if self.order > 1 and self.interactions == "auto" and n_image <= ALL_PAIRS_UP_TO:
            choices = [True, False]
        for within in choices:
            surrogate = self._surrogate(n_image, n_text, within)
            masks = self._masks(surrogate, request)
            if (self.order == 3 and self.is_process) or self._suffice(surrogate, masks):
                break
        sides = zip(("image", "text"), masks, surrogate.terms, (n_image, n_text), strict=True)
        image, text = (self._tower(side, m, f, n, surrogate) for side, m, f, n in sides)
        return TowerPlans(surrogate, image, text)

    def alone(self, side: Literal["image", "text"], n: int, masks: int | None = None) -> TowerPlan:
        """Decide on the masks of one tower of n players as `plan` does for cross pairs, whatever the other side is.

        Raises:
            BudgetError: as `plan`.
        """
        if side == "image":
            return replace(self, interactions="cross").plan(n, 1, Request(image_masks=masks)).image
        return replace(self, interactions="cross").plan(1, n, Request(text_masks=masks)).text

    def joint_surrogate(self, n_image: int, n_text: int) -> Surrogate:
        """Return the terms of a fit on joint masks."""
        few = n_image <= ALL_PAIRS_UP_TO and self.interactions == "auto"
        return self._surrogate(n_image, n_text, self.order == 2 and (few or self.interactions == "all"))

    def _surrogate(self, n_image: int, n_text: int, within: bool) -> Surrogate:
        return Surrogate(n_image, n_text, self.p, 1.0, 0.0, self.order, within, self.ridge)

    @property
    def is_process(self) -> bool:
        """Return whether the default numbers of masks are fitted by a Gaussian process."""
        if self.sampling == "joint":
            return False
        calibrated = self.fit == "auto" and not self.ridge and process_is_calibrated(self.p)
        return self.fit == "gaussian-process" or calibrated

    def _masks(self, surrogate: Surrogate, request: Request) -> tuple[int, int]:
        """Return the numbers of image and text masks that a request comes to."""
        order, players = surrogate.feature_orders[0], (surrogate.n_image, surrogate.n_text)
        process = self.is_process
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
            most = DEFAULT_UP_TO * (2 if self.p == 0.5 and self.sampling != "independent" else 1)
            image, text = request.image_masks or min(image, most), request.text_masks or min(text, most)
        return min(image, 2 ** min(players[0], 62)), min(text, 2 ** min(players[1], 62))

    def _suffice(self, surrogate: Surrogate, masks: tuple[int, int]) -> bool:
        """Return whether there is a mask for each term; two with least squares."""
        each = 1 if self._fit_of(surrogate.feature_orders[0], surrogate.n_image, masks[0]) == "gaussian-process" else 2
        players = surrogate.n_image, surrogate.n_text
        return all(m >= min(each * f, 2**n) for m, f, n in zip(masks, surrogate.terms, players, strict=True))

    def _tower(self, side: str, m: int, f: int, n: int, surrogate: Surrogate) -> TowerPlan:
        order = surrogate.feature_orders[side == "text"]
        pairs = "all" if surrogate.within else "cross"
        sampling, fit = self._sampling_of(order, n, m), self._fit_of(order, n, m)
        needed = fewest(n, f if fit == "least-squares" else 1 + n, sampling)
        if m < needed and not self.ridge:
            raise BudgetError(
                f"{m} {side} masks cannot determine the {f} terms of {n} {side} players "
                f"({pairs} pairs, {sampling} masks): at least {needed} are needed. Give "
                f"{side}_masks={needed}, a larger budget, or a penalty such as ridge=0.1."
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
        even = m - m % 2 if sampling == "paired" and m < 2 ** min(n, 62) else m
        return TowerPlan(side, n, self.p, order, even, sampling, fit)

    def _fit_of(self, order: Order, n: int, m: int) -> FitName:
        """Return how the embeddings of m masks of n players are fitted; an enumerated tower needs no model."""
        if m >= 2 ** min(n, 62) or self.ridge:
            return "least-squares"
        if self.fit != "auto":
            return self.fit  # type: ignore[return-value]
        if not process_is_calibrated(self.p):
            return "least-squares"
        f = n_features(n, order)
        rows = m // 2 if self._sampling_of(order, n, m) == "paired" else m
        few = rows <= PROCESS_UP_TO or m < 4 * f <= 2 * MOST_FOR_PROCESS or f > MOST_TERMS
        return "gaussian-process" if few else "least-squares"

    def _sampling_of(self, order: Order, n: int, m: int) -> Sampling:
        """Return how m masks of n players are drawn, where they are not enumerated."""
        if self.sampling in ("paired", "independent"):
            return self.sampling  # type: ignore[return-value]
        as_published = order == 2 and (self.fit == "least-squares" or self.ridge > 0)
        whole_block = m >= fewest(n, 0, "paired")
        return "paired" if self.p == 0.5 and whole_block and not as_published else "independent"
