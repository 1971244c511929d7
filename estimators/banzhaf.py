"""Weighted Banzhaf interactions (FIxLIP)."""

from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import ClassVar, Literal

import numpy as np

from fixlip.errors import BudgetError, OptionError
from fixlip.estimator import AXIOMS, Capabilities, Estimator, Progress, tracking, versions
from fixlip.explanation import Explanation, Provenance, StandardErrors
from fixlip.games.base import SeparableGame
from fixlip.moments import TowerMoments, n_features, tower_moments
from fixlip.sampling import Design, Sampling, allocate, fewest, make_design

ALL_PAIRS_UP_TO = 64  # image players; above, interactions="auto" keeps to cross pairs
PER_TERM = {1: 10, 2: 3}  # default masks for each term, by order of the features
Values = tuple[float, np.ndarray, np.ndarray]  # baseline, first order [n], second order [n, n]


@dataclass(frozen=True)
class Banzhaf(Estimator):
    """Weighted Banzhaf interactions: the best second-order fit when each player is present with probability p.

    Minimises over e the expectation, with every player independently present with probability p, of
    ``(v(M) - e_0 - sum_{i in M} e_i - sum_{ij in M} e_ij)^2``. p = 0.5 gives faithful Banzhaf interactions; a larger p
    stays closer to the unmasked input (published: 0.3, 0.5, 0.7).

    With ``chi_i = (x_i - p) / s`` and ``s^2 = p (1 - p)`` the solution is ``e_ij = c_ij / s^2``, ``c_A = E[v chi_A]``.
    For an image player i and a text player k it factorises into the coefficients of the embeddings of each tower alone:
    ``c_ik = scale * <F_i, G_k>``. These are regressed on the features of their own tower, so the grid of game values is
    never built.

    Options:
        p: probability of a player to be present, in (0, 1).
        order: 2, or 1 for weighted Banzhaf values.
        interactions: "cross" for pairs of a patch and a word, "all" also inside each modality. "auto" is "all" for up
            to 64 image players where there are two masks for each term (as there are by default), else "cross".
        sampling: of masks that are not enumerated: "folded" (blocks of randomised Hadamard rows, each row with its
            complement) or "independent". "auto" is folded for p = 0.5, cross pairs and at least one whole block, else
            independent.
        ridge: penalty on the coefficients of the embeddings, in units of their variance; 0 for none.

    Error: without bias where the masks are drawn independently and many; the standard errors are those of a
    leave-one-group-out jackknife over the draws of each tower, scaled by the share of draws left over by the terms.
    Exact where both towers are enumerated.

    Cost: image masks + text masks forward passes, and one more of each for the empty and the full input.

    Source: Baniecki et al., Explaining Similarity in Vision-Language Encoders with Weighted Banzhaf Interactions,
    NeurIPS 2025. Departures: the regression of each tower instead of the joint one (the same for cross pairs), complete
    designs instead of independent masks, and true weights where sizes are enumerated.

    Example:
        >>> from fixlip.games import CallableGame
        >>> game = CallableGame(lambda s: s @ np.eye(3), lambda t: t @ np.ones((2, 3)), 3, 2)
        >>> Banzhaf(p=0.7).explain(game).cross.round(6).tolist()
        [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """

    p: float = 0.5
    order: Literal[1, 2] = 2
    interactions: Literal["auto", "cross", "all"] = "auto"
    sampling: Literal["auto", "folded", "independent"] = "auto"
    ridge: float = 0.0

    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="weighted Banzhaf interactions, the best fit at masking rate 1 - p",
        index=("FWBII", "WBV"),
        orders=(1, 2),
        cross=True,
        within=True,
        gradients=False,
        separable=True,
        exact=True,
        axioms=AXIOMS,
        cost="image masks + text masks, forward",
        source="Baniecki et al., NeurIPS 2025",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.p < 1:
            raise OptionError(f"p must be between 0 and 1, got {self.p}.")
        if self.ridge < 0:
            raise OptionError(f"ridge must not be negative, got {self.ridge}.")
        if self.sampling == "folded" and self.p != 0.5:
            raise OptionError(f"Folded sampling pairs complements, which is right for p = 0.5 only, got p = {self.p}.")

    def explain(
        self,
        game: SeparableGame,
        *,
        budget: int | None = None,
        image_masks: int | None = None,
        text_masks: int | None = None,
        seed: int = 0,
        progress: Progress = None,
    ) -> Explanation:
        """See `Estimator.explain`.

        Raises:
            BudgetError: the masks do not determine the terms; the message names the minimum.
        """
        start = perf_counter()
        plan = self._plan(game, budget, image_masks, text_masks, seed)
        ends = np.array([[False], [True]])
        passes = len(plan.image.masks) + len(plan.text.masks)
        with tracking(progress, passes, "banzhaf") as tick:
            moments = partial(tower_moments, p=self.p, order=plan.order, batch_size=game.batch_size, tick=tick)
            text, image = moments(game.text_embeddings, plan.text), moments(game.image_embeddings, plan.image)
        empty, full = game.values(np.repeat(ends, game.n_image + game.n_text, axis=1))
        theta = self._theta(game, image.coefficients(self.ridge), text.coefficients(self.ridge), plan)
        baseline, first, second = self._values(game, theta, plan)
        stderr = self._stderr(game, image, text, plan)
        r2 = fit_r2(game, image, text, theta)
        return Explanation(
            baseline,
            first,
            second,
            float(empty),
            float(full),
            index=f"{'FWBII' if self.order == 2 else 'WBV'}(p={self.p:g})",
            players=game.players,
            stderr=stderr,
            provenance=Provenance(
                model=game.source.model,
                weights=game.source.weights,
                removal=game.source.removal,
                estimator="banzhaf",
                options=self.options() | {"interactions": plan.interactions, "sampling": plan.sampling},
                budget=budget,
                image_passes=len(plan.image.masks) + 2,
                text_passes=len(plan.text.masks) + 2,
                seed=seed,
                seconds=perf_counter() - start,
                r2=r2,
                status=self._status(game, second, stderr, r2, plan),
                versions=versions(),
            ),
        )

    def _plan(
        self, game: SeparableGame, budget: int | None, image_masks: int | None, text_masks: int | None, seed: int
    ) -> "Plan":
        """Decide the terms, the passes of each tower, and the masks."""
        choices = ["cross"] if self.order == 1 or self.interactions == "cross" else ["all"]
        if self.order == 2 and self.interactions == "auto":
            choices = ["all", "cross"] if game.n_image <= ALL_PAIRS_UP_TO else ["cross"]
        players = (game.n_image, game.n_text)
        for interactions in choices:
            order: Literal[1, 2] = 2 if interactions == "all" else 1
            terms = (n_features(players[0], order), n_features(players[1], order))
            masks = allocate(budget, image_masks, text_masks, players=players, terms=terms, per_term=PER_TERM[order])
            if all(m >= min(2 * t, 2**n) for m, t, n in zip(masks, terms, players, strict=True)):
                break
        designs = []
        for side, m, f, n in zip(("image", "text"), masks, terms, players, strict=True):
            sampling = self._sampling(order, n, m)
            needed = fewest(n, f, sampling)
            if m < needed and not self.ridge:
                raise BudgetError(
                    f"{m} {side} masks cannot determine the {f} terms of {n} {side} players ({interactions} pairs, "
                    f"{sampling} masks): at least {needed} are needed. Give {side}_masks={needed} or a larger budget, "
                    "or ask for ridge= regularisation."
                )
            designs.append(make_design(n, m, self.p, sampling, np.random.default_rng([seed, side == "text"])))
        return Plan(designs[0], designs[1], order, interactions)

    def _sampling(self, order: int, n: int, m: int) -> Sampling:
        if self.sampling != "auto":
            return self.sampling
        return "folded" if self.p == 0.5 and order == 1 and m >= fewest(n, 0, "folded") else "independent"

    def _theta(self, game: SeparableGame, image: np.ndarray, text: np.ndarray, plan: "Plan") -> np.ndarray:
        """Coefficients of the surrogate on products of image and text features, [f_I, f_T]; 0 beyond its order."""
        theta = game.scale * image @ text.T
        theta[0, 0] += game.bias
        one_image, one_text = 1 + game.n_image, 1 + game.n_text
        theta[one_image:, 1:] = theta[1:, one_text:] = 0.0
        if self.order == 1:
            theta[1:, 1:] = 0.0
        return theta

    def _values(self, game: SeparableGame, theta: np.ndarray, plan: "Plan") -> Values:
        """From coefficients on chi to effects of players: ``e_ij = c_ij / s^2, e_i = c_i / s - p sum_j e_ij``."""
        n_image, n_text = game.n_image, game.n_text
        n = n_image + n_text
        variance = self.p * (1 - self.p)
        main = np.concatenate([theta[1 : 1 + n_image, 0], theta[0, 1 : 1 + n_text]]) / np.sqrt(variance)
        pairs = np.zeros((n, n))
        pairs[:n_image, n_image:] = theta[1 : 1 + n_image, 1 : 1 + n_text] / variance
        if plan.interactions == "all":
            pairs[np.triu_indices(n_image, 1)] = theta[1 + n_image :, 0] / variance
            text_pairs = np.triu_indices(n_text, 1)
            pairs[text_pairs[0] + n_image, text_pairs[1] + n_image] = theta[0, 1 + n_text :] / variance
        pairs += pairs.T
        first = main - self.p * pairs.sum(1)
        baseline = theta[0, 0] - self.p * main.sum() + 0.5 * self.p**2 * pairs.sum()
        if plan.interactions == "cross":
            side = np.arange(n) < n_image
            pairs[(side[:, None] == side) | (self.order == 1)] = np.nan
            np.fill_diagonal(pairs, 0.0)
        return float(baseline), first, pairs

    def _stderr(
        self, game: SeparableGame, image: TowerMoments, text: TowerMoments, plan: "Plan"
    ) -> StandardErrors | None:
        """Jackknife over the draws of each tower with the other one as it is; the two variances add up."""
        total: list[np.ndarray] = [np.zeros(()), np.zeros(()), np.zeros(())]
        fixed_image, fixed_text = image.coefficients(self.ridge), text.coefficients(self.ridge)
        for moments in (image, text):
            replicates = []
            for left_out in moments.jackknife(self.ridge):
                pair = (left_out, fixed_text) if moments is image else (fixed_image, left_out)
                replicates.append(self._values(game, self._theta(game, *pair, plan), plan))
            if moments.exact:
                continue
            if len(replicates) < len(moments.weight) - 1:
                return None
            for k, part in enumerate(zip(*replicates, strict=True)):
                total[k] = total[k] + moments.spare * (len(part) - 1) * np.var(np.stack(part), axis=0)
        shapes = self._values(game, self._theta(game, fixed_image, fixed_text, plan), plan)
        baseline, first, second = (np.sqrt(t + 0 * np.asarray(s)) for t, s in zip(total, shapes, strict=True))
        return StandardErrors(float(baseline), first, second)

    def _status(
        self, game: SeparableGame, second: np.ndarray, stderr: StandardErrors | None, r2: float, plan: "Plan"
    ) -> str:
        """What to know before trusting the numbers."""
        remarks = list(game.source.notes)
        more = f"give image_masks={2 * len(plan.image.masks)} or more"
        if stderr is None:
            remarks.append(f"too few masks for standard errors; {more}")
        elif self.order == 2:
            cross = np.s_[: game.n_image, game.n_image :]
            signal, noise = np.sum(second[cross] ** 2), np.sum(stderr.second_order[cross] ** 2)
            if signal > 0 and noise > 0.2 * signal:
                remarks.append(f"noise is {noise / signal:.0%} of the variance of the interactions; {more}")
        if np.isnan(r2):
            remarks.append("the similarity does not depend on which players are present")
        elif r2 < 0.5:
            remarks.append(
                f"the effects explain only {max(r2, 0):.0%} of how the similarity varies; read them as averages"
            )
        return "; ".join(remarks) or "ok"


@dataclass(frozen=True, eq=False)
class Plan:
    """What is estimated, from which masks."""

    image: Design
    text: Design
    order: Literal[1, 2]
    interactions: str

    @property
    def sampling(self) -> str:
        """How the masks of each tower were made."""
        return f"image {self.image.kind}, text {self.text.kind}"


def fit_r2(game: SeparableGame, image: TowerMoments, text: TowerMoments, theta: np.ndarray) -> float:
    """Share of the variance of the game on the grid of masks that the surrogate explains, adjusted for its terms.

    All sums over the grid factorise: with A = sum w phi phi', B = sum w phi F', M = sum w F F' of each tower,
    ``sum v^2 = scale^2 tr(M_I M_T) + ...``, ``sum v vhat = <theta, scale B_I B_T' + ...>``,
    ``sum vhat^2 = tr(theta' A_I theta A_T)``.
    """
    gram_image, gram_text = image.gram.sum(0), text.gram.sum(0)
    rhs_image, rhs_text = image.rhs.sum(0), text.rhs.sum(0)
    mean = game.scale * rhs_image[0] @ rhs_text[0]
    square = game.scale**2 * np.sum(image.second * text.second) + 2 * game.bias * mean + game.bias**2
    product = game.scale * rhs_image @ rhs_text.T + game.bias * np.outer(gram_image[0], gram_text[0])
    residual = square - 2 * np.sum(theta * product) + np.sum((gram_image @ theta @ gram_text) * theta)
    variance = square - (mean + game.bias) ** 2
    if variance <= 1e-12 * max(square, 1e-300):
        return float("nan")
    adjusted = max(residual, 0.0) / max(image.freedom * text.freedom, 1e-12)
    return float(1 - adjusted / variance)
