"""Weighted Banzhaf interactions (FIxLIP)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from fixlip.errors import InputError, OptionError
from fixlip.estimator import AXIOMS, Capabilities, Estimator
from fixlip.fitting.joint_masks import joint_budget, most_passes
from fixlip.fitting.powers import spectrum
from fixlip.fitting.regression import CHUNK, Fit, fit_grid, fit_joint, n_terms
from fixlip.fitting.sampling import block_size, make_design
from fixlip.fitting.stopping import Goal
from fixlip.fitting.surrogate import Surrogate, TowerFit, remarks
from fixlip.fitting.tower_fits import ALL_PAIRS_UP_TO, PER_TERM, Rules
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.results.explanation import Explanation

SETTLED = 0.1  # standard errors relative to the cross-modal pairs, at which the default stops
MOST = 2048  # image masks by default, or four for each player in blocks


@dataclass(frozen=True)
class Banzhaf(Estimator):
    """Weighted Banzhaf interactions: the best fit of second order when each player is present with probability p.

    Minimises over e the expectation, with every player independently present with probability p, of
    ``(v(M) - e_0 - sum_{i in M} e_i - sum_{ij in M} e_ij)^2``. p = 0.5 gives faithful Banzhaf interactions; a larger p
    stays closer to the unmasked input (published: 0.3, 0.5, 0.7).

    With ``chi_i = (x_i - p) / s`` and ``s^2 = p (1 - p)`` the solution is ``e_ij = c_ij / s^2``, ``c_A = E[v chi_A]``.
    For an image player i and a text player k it factorises into coefficients of the embeddings of the two towers,
    ``e_ik = scale * <F_i, G_k> / (p (1 - p))``. F is regressed on the features of the image masks alone, G on those of
    the text masks, so the grid of game values is never built. The error of the coefficients comes from interactions of
    higher order; a Gaussian process models the likeliest of these too, and so needs fewer masks for the same accuracy
    (benchmarks/results/passes.md).

    Options:
        p: probability of a player to be present, in (0, 1).
        order: 2; 1 for weighted Banzhaf values; or 3 for interactions of a patch with two words and of two patches with
            a word, too (`Explanation.third_order`). They take no more passes, and effects of lower orders are then
            those of the best fit with them.
        interactions: "cross" for cross-modal pairs only, "all" for pairs inside each modality too. "auto" is "all" for
            up to 64 image players by default, or if there are as many masks as terms (twice as many for least squares);
            else "cross". At order 3 there are always pairs of words; "auto" has those of up to 64 patches whatever the
            number of masks, and "cross" leaves them out.
        sampling: the draw of masks that are not enumerated. "paired" draws blocks of randomised Hadamard rows, each row
            with its complement (antithetic); "independent" draws each mask by itself. "auto" is "paired" for p = 0.5
            and at least one whole block, but "independent" for all pairs where least squares or `ridge` are asked for.
            "joint" draws masks of all players together, for any game, as in the published code.
        fit: the fit of a tower that is not enumerated. "gaussian-process" is `fixlip.fitting.tower_gp`; "least-squares"
            fits the terms alone, as published (for all pairs both towers at once, on the grid of their masks). "auto"
            is the process up to 8,192 paired masks (4,096 independent masks), or up to twice as many if there are
            fewer than four for each term, and least squares above, which are less accurate but faster to compute; with
            `ridge`, and for p below 0.25 or above 0.75, always least squares.
        ridge: penalty on the coefficients of the embeddings, in units of their variance; 0 for none.

    Error: none where both towers are enumerated. The process gives a posterior mean, which is drawn towards 0; its
    standard errors include that bias, and come from draws of the terms and a bootstrap of the errors on masks left out
    (`fixlip.fitting.gaussian_process`). Least squares have no bias for many independent masks; their standard errors
    come from a leave-one-group-out jackknife over the draws of each tower, scaled by the share of draws that the terms
    leave over. Either way the variances of the two towers add up.

    Cost: image masks + text masks forward passes ("joint": one pass of each tower for each mask), and two more of each
    tower for the empty and the full input. By default 128 image masks, and twice as many again until the standard
    errors of the cross-modal pairs are at most a tenth of their size (root mean squares) and there is nothing to warn
    of, at most 2,048 (4,096 for more than 512 patches). Pairs within the picture need more: ask for image_masks.

    Source: Baniecki et al., Explaining Similarity in Vision-Language Encoders with Weighted Banzhaf Interactions,
    NeurIPS 2025. Departures: the process, which fits each tower by itself and models higher orders too; paired masks
    instead of independent ones; and true weights where sizes are enumerated.

    Example:
        >>> from fixlip.games import CallableGame
        >>> game = CallableGame(lambda s: s @ np.eye(3), lambda t: t @ np.ones((2, 3)), 3, 2)
        >>> Banzhaf(p=0.7).explain(game).cross.round(6).tolist()
        [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """

    p: float = 0.5
    order: Literal[1, 2, 3] = 2
    interactions: Literal["auto", "cross", "all"] = "auto"
    sampling: Literal["auto", "paired", "independent", "joint"] = "auto"
    fit: Literal["auto", "gaussian-process", "least-squares"] = "auto"
    ridge: float = 0.0

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="banzhaf",
        summary="weighted Banzhaf interactions, the best fit at masking rate 1 - p",
        index=("FWBII", "WBV"),
        orders=(1, 2, 3),
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
        if self.sampling == "joint" and self.order == 3:
            raise OptionError("Joint masks are fitted up to order 2; order 3 needs the masks of two towers.")
        if self.ridge and self.fit == "gaussian-process":
            raise OptionError("A Gaussian process learns its own penalties; give fit='gaussian-process' or ridge.")
        if self.sampling == "paired" and self.p != 0.5:
            raise OptionError(f"Paired sampling draws complements, which is right for p = 0.5 only, got p = {self.p}.")

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        if self.sampling == "joint":
            joint = self._joint_masks(self._rules.joint_surrogate(n_image, n_text), request)
            return most_passes(joint, n_image, n_text, request, CHUNK)
        plan = self._rules.plan(n_image, n_text, request)
        return plan.image.masks + 2, plan.text.masks + 2

    def by_default(self, n_image: int) -> tuple["Banzhaf", Goal | None]:
        """Ask for all pairs where they are few, and for errors of a tenth; see `Estimator.by_default`."""
        if not self._rules.is_process:
            return self, None
        every = self.order > 1 and self.interactions == "auto" and n_image <= ALL_PAIRS_UP_TO
        goal = Goal(SETTLED, asked=False, most=max(MOST, 4 * block_size(n_image)))
        return replace(self, interactions="all") if every else self, goal

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Draw masks, fit the coefficients of each tower and multiply them; see `Estimator.explain`."""
        if self.sampling == "joint":
            return self._estimate_joint(game, request)
        if not game.separable:
            raise InputError("banzhaf takes the masks of two towers; for joint values give sampling='joint'.")
        plan = self._rules.plan(game.n_image, game.n_text, request)  # which terms, how many masks, which fit
        surrogate = replace(plan.surrogate, scale=game.scale, bias=game.bias)
        masks = plan.draw(request.seed)  # of each tower, every player present with probability p
        towers: Sequence[TowerFit] = ()
        if plan.on_the_grid(masks):  # all pairs by least squares, as published
            kernel = np.ones((game.n_image + 1, game.n_text + 1))  # the weights are those of the masks alone
            fit = fit_grid((game.image_embeddings, game.text_embeddings), masks, kernel, surrogate)
        else:
            towers = image, text = plan.fit(game, masks, request.seed)  # the embeddings on 1, chi_i (and chi_i chi_j)
            F, G = image.coefficients(self.ridge), text.coefficients(self.ridge)
            c = surrogate.cut(game.scale * F @ G.T)  # c_ik = scale * <F_i, G_k>, c_ikl = scale * <F_i, G_kl>
            c[0, 0] += game.bias
            effects = surrogate.effects(c)  # e_ik = c_ik / (p (1 - p)) = scale * <F_i, G_k> / (p (1 - p))
            stderr = surrogate.standard_errors(surrogate.deviations(image, text, F, G))
            fit = Fit(effects, stderr, surrogate.r2(image, text))
        notes = plan.remarks(masks, towers)
        return self._explained(game, fit, plan.image.masks, plan.described(masks), also=notes, towers=towers)

    def _estimate_joint(self, game: CountedGame, request: Request) -> Explanation:
        """Regress the values of joint masks on all terms at once, as in the published code."""
        n = game.n_image + game.n_text
        surrogate = self._rules.joint_surrogate(game.n_image, game.n_text)
        masks = self._joint_masks(surrogate, request)
        design = make_design(n, masks, self.p, "independent", np.random.default_rng(request.seed))
        options = {"interactions": "all" if surrogate.within else "cross"}
        return self._explained(game, fit_joint(game.values, design, surrogate), masks, options, word="budget")

    def _explained(
        self,
        game: CountedGame,
        fit: Fit,
        masks: int,
        options: dict[str, str],
        word: str = "image_masks",
        also: Sequence[str] = (),
        towers: Sequence[TowerFit] = (),
    ) -> Explanation:
        known = fit.stderr is not None and not self.ridge  # how noisy they are; and what a penalty shrinks is too small
        powers = [tower.powers for tower in towers] if known else []
        cross = fit.effects.second_order[: game.n_image, game.n_image :]
        return game.explanation(
            *fit.effects,
            index=self._index,
            stderr=fit.stderr,
            r2=fit.r2,
            power=spectrum(powers, game.scale) if powers else None,
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
        return f"{'WBV' if self.order == 1 else 'FWBII'}(p={self.p:g})"

    @property
    def _rules(self) -> Rules:
        return Rules(self.p, self.order, self.interactions, self.sampling, self.fit, self.ridge)
