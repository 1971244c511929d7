"""Weighted Banzhaf interactions (FIxLIP)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np

from fixlip.errors import InputError, OptionError
from fixlip.estimator import AXIOMS, Capabilities, Estimator
from fixlip.fitting.joint_masks import joint_budget, most_passes
from fixlip.fitting.moments import Embed, tower_moments
from fixlip.fitting.regression import CHUNK, Fit, fit_grid, fit_joint, n_terms
from fixlip.fitting.sampling import Design, make_design
from fixlip.fitting.surrogate import Surrogate, remarks
from fixlip.fitting.tower_fits import PER_TERM, Rules, TowerPlan
from fixlip.fitting.tower_gp import nearness, tower_process
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.results.explanation import Explanation

ALL_PAIRS_UP_TO = 64  # image players; above, interactions="auto" keeps to cross pairs


@dataclass(frozen=True)
class Banzhaf(Estimator):
    """Weighted Banzhaf interactions: the best second-order fit when each player is present with probability p.

    Minimises over e the expectation, with every player independently present with probability p, of
    ``(v(M) - e_0 - sum_{i in M} e_i - sum_{ij in M} e_ij)^2``. p = 0.5 gives faithful Banzhaf interactions; a larger p
    stays closer to the unmasked input (published: 0.3, 0.5, 0.7).

    With ``chi_i = (x_i - p) / s`` and ``s^2 = p (1 - p)`` the solution is ``e_ij = c_ij / s^2``, ``c_A = E[v chi_A]``.
    For an image player i and a text player k it factorises into the coefficients of the embeddings of each tower alone:
    ``c_ik = scale * <F_i, G_k>``. These are regressed on the features of their own tower, so the grid of game values is
    never built. What keeps the coefficients from being exact is the interactions of higher order; a Gaussian process
    models the likeliest of them too, and so needs fewer masks for the same accuracy (benchmarks/results/passes.md).

    Options:
        p: probability of a player to be present, in (0, 1).
        order: 2, or 1 for weighted Banzhaf values.
        interactions: "cross" for pairs of a patch and a word, "all" also inside each modality. "auto" is "all" for up
            to 64 image players where there are as many masks as terms (two for each with least squares), as there are
            by default, else "cross".
        sampling: of masks that are not enumerated: "paired" (blocks of randomised Hadamard rows, each row with its
            complement) or "independent". "auto" is paired for p = 0.5 and at least one whole block, but independent for
            all pairs where least squares or `ridge` are asked for. "joint" draws masks of all players together, for any
            game, as in the published code.
        fit: of a tower that is not enumerated: "gaussian-process" (`fixlip.fitting.tower_gp`) or "least-squares" on the
            terms alone, as published (all pairs: of both towers at once, on the grid of their masks). "auto" is the
            process up to 4,096 paired masks (2,048 independent ones), four times as many where these are fewer than
            four for each term, else least squares; with `ridge`, and for p below 0.25 or
            above 0.75, always least squares.
        ridge: penalty on the coefficients of the embeddings, in units of their variance; 0 for none.

    Error: none where both towers are enumerated. The process gives a posterior mean, which is drawn towards 0, and the
    standard errors of the posterior, which hold that bias. Least squares are without bias where the masks are drawn
    independently and many; their standard errors are those of a leave-one-group-out jackknife over the draws of each
    tower, scaled by the share of draws left over by the terms. Either way the variances of the towers add up.

    Cost: image masks + text masks forward passes ("joint": one of each tower for each mask), and one more of each for
    the empty and the full input.

    Source: Baniecki et al., Explaining Similarity in Vision-Language Encoders with Weighted Banzhaf Interactions,
    NeurIPS 2025. Departures: the process, which fits each tower by itself and takes in higher orders, complete designs
    instead of independent masks, and true weights where sizes are enumerated.

    Example:
        >>> from fixlip.games import CallableGame
        >>> game = CallableGame(lambda s: s @ np.eye(3), lambda t: t @ np.ones((2, 3)), 3, 2)
        >>> Banzhaf(p=0.7).explain(game).cross.round(6).tolist()
        [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """

    p: float = 0.5
    order: Literal[1, 2] = 2
    interactions: Literal["auto", "cross", "all"] = "auto"
    sampling: Literal["auto", "paired", "independent", "joint"] = "auto"
    fit: Literal["auto", "gaussian-process", "least-squares"] = "auto"
    ridge: float = 0.0

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="banzhaf",
        summary="weighted Banzhaf interactions, the best fit at masking rate 1 - p",
        index=("FWBII", "WBV"),
        orders=(1, 2),
        cross=True,
        within=True,
        sampled=True,
        stderr=True,
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
        if self.sampling == "joint" and (self.ridge or self.fit != "auto"):
            raise OptionError("ridge and fit are about the coefficients of a tower; joint masks have none.")
        if self.ridge and self.fit == "gaussian-process":
            raise OptionError("A Gaussian process learns its own penalties; give fit='gaussian-process' or ridge.")
        if self.sampling == "paired" and self.p != 0.5:
            raise OptionError(f"Paired sampling draws complements, which is right for p = 0.5 only, got p = {self.p}.")

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """See `Estimator.passes`."""
        if self.sampling == "joint":
            joint = self._joint_masks(self._joint_surrogate(n_image, n_text), request)
            return most_passes(joint, n_image, n_text, request, CHUNK)
        _, (image, text) = self._plan(n_image, n_text, request)
        return image.masks + 2, text.masks + 2

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """See `Estimator.explain`."""
        if self.sampling == "joint":
            return self._estimate_joint(game, request)
        if not game.separable:
            raise InputError("banzhaf takes the masks of two towers; for joint values give sampling='joint'.")
        within, plans = self._plan(game.n_image, game.n_text, request)
        surrogate = self._surrogate(game.n_image, game.n_text, within, game.scale, game.bias)
        players, embeds = (game.n_image, game.n_text), (game.image_embeddings, game.text_embeddings)
        image, text = (plan.design(n, self.p, request.seed) for plan, n in zip(plans, players, strict=True))
        towers = list(zip(plans, (image, text), embeds, strict=True))
        options = {"interactions": "all" if within else "cross"}
        options["sampling"] = "; ".join(plan.described(design) for plan, design, _ in towers)
        sampled = {plan.fit for plan, design, _ in towers if not design.exact}
        if within and not self.ridge and sampled == {"least-squares"}:
            kernel = np.ones((game.n_image + 1, game.n_text + 1))  # the weights are those of the masks alone
            found = fit_grid(embeds, (image, text), kernel, surrogate)
        else:
            key, grid = (self, within, request.seed), game.players.grid
            fits = [
                game.keep(plan.side, (*key, plan), partial(self._fit, plan, design, embed, surrogate, grid))
                for plan, design, embed in towers
            ]
            found = self._combined(surrogate, *fits)
        return self._explained(
            game, found, plans[0].masks, options, also=[r for plan, d, _ in towers for r in plan.hidden(d, self.p)]
        )

    def _fit(
        self,
        plan: TowerPlan,
        design: Design,
        embed: Embed,
        surrogate: Surrogate,
        grid: tuple[int, int] | None,
    ) -> Any:
        """The coefficients of the embeddings of one tower, F_i and those of the other features."""
        order = surrogate.feature_order
        if plan.fit == "least-squares":
            return tower_moments(embed, design, p=self.p, order=order, batch_size=CHUNK)
        near = nearness(grid) if grid is not None and plan.side == "image" else None
        return tower_process(embed, design, p=self.p, order=order, near=near)

    def _combined(self, surrogate: Surrogate, image: Any, text: Any) -> Fit:
        """The inner products of both towers' coefficients, ``c_ik = scale * <F_i, G_k>``, as effects."""
        coefficients = image.coefficients(self.ridge), text.coefficients(self.ridge)
        theta = surrogate.theta(*coefficients)
        stderr = surrogate.standard_errors(surrogate.deviations(image, text, *coefficients))
        return Fit(surrogate.effects(theta), stderr, surrogate.r2(image, text, theta))

    def _estimate_joint(self, game: CountedGame, request: Request) -> Explanation:
        surrogate, n = self._joint_surrogate(game.n_image, game.n_text), game.n_image + game.n_text
        masks = self._joint_masks(surrogate, request)
        design = make_design(n, masks, self.p, "independent", np.random.default_rng(request.seed))
        options = {"interactions": "all" if surrogate.within else "cross"}
        return self._explained(game, fit_joint(game.values, design, surrogate), masks, options, word="budget")

    def _explained(
        self,
        game: CountedGame,
        fit: Fit,
        masks: int,
        options: dict[str, Any],
        word: str = "image_masks",
        also: Sequence[str] = (),
    ) -> Explanation:
        cross = fit.effects.second_order[: game.n_image, game.n_image :]
        return game.explanation(
            *fit.effects,
            index=self._index,
            stderr=fit.stderr,
            r2=fit.r2,
            remarks=[*remarks(cross, fit.stderr, fit.r2, masks, word=word), *also],
            options=options,
        )

    def _joint_masks(self, surrogate: Surrogate, request: Request) -> int:
        terms, n = n_terms(surrogate), surrogate.n_image + surrogate.n_text
        return joint_budget(
            request, n, default=PER_TERM["least-squares"][self.order] * terms, needed=terms, name="banzhaf"
        )

    @property
    def _index(self) -> str:
        return f"{'FWBII' if self.order == 2 else 'WBV'}(p={self.p:g})"

    def _joint_surrogate(self, n_image: int, n_text: int) -> Surrogate:
        few = n_image <= ALL_PAIRS_UP_TO and self.interactions == "auto"
        return self._surrogate(n_image, n_text, self.order == 2 and (few or self.interactions == "all"))

    def _surrogate(self, n_image: int, n_text: int, within: bool, scale: float = 1.0, bias: float = 0.0) -> Surrogate:
        return Surrogate(n_image, n_text, self.p, scale, bias, self.order, within, self.ridge)

    def _plan(self, n_image: int, n_text: int, request: Request) -> tuple[bool, tuple[TowerPlan, TowerPlan]]:
        """Decide on pairs within the modalities, and on the masks of each tower."""
        choices = [self.order == 2 and self.interactions == "all"]
        if self.order == 2 and self.interactions == "auto" and n_image <= ALL_PAIRS_UP_TO:
            choices = [True, False]
        rules = Rules(self.p, self.sampling, self.fit, self.ridge)
        for within in choices:
            surrogate = self._surrogate(n_image, n_text, within)
            masks = rules.masks(surrogate, request)
            if rules.suffice(surrogate, masks):
                break
        return within, rules.towers(surrogate, masks)
