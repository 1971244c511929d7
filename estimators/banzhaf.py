"""Weighted Banzhaf interactions (FIxLIP)."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import numpy as np

from fixlip.errors import BudgetError, InputError, OptionError
from fixlip.estimator import AXIOMS, Capabilities, Estimator, Request
from fixlip.explanation import Explanation
from fixlip.games.counted import CountedGame
from fixlip.joint import joint_budget, most_passes
from fixlip.moments import tower_moments
from fixlip.regression import CHUNK, fit_joint, n_terms
from fixlip.sampling import Sampling, allocate, fewest, make_design
from fixlip.surrogate import Surrogate, remarks

ALL_PAIRS_UP_TO = 64  # image players; above, interactions="auto" keeps to cross pairs
PER_TERM = {1: 10, 2: 3}  # default masks for each term, by order of the features


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
            independent. "joint" draws masks of all players together, for any game, as in the published code.
        ridge: penalty on the coefficients of the embeddings, in units of their variance; 0 for none.

    Error: without bias where the masks are drawn independently and many; the standard errors are those of a
    leave-one-group-out jackknife over the draws of each tower, scaled by the share of draws left over by the terms.
    Exact where both towers are enumerated.

    Cost: image masks + text masks forward passes ("joint": one of each tower for each mask), and one more of each for
    the empty and the full input.

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
    sampling: Literal["auto", "folded", "independent", "joint"] = "auto"
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
        if self.sampling == "joint" and self.ridge:
            raise OptionError("ridge is a penalty on the coefficients of a tower; joint masks have none.")
        if self.sampling == "folded" and self.p != 0.5:
            raise OptionError(f"Folded sampling pairs complements, which is right for p = 0.5 only, got p = {self.p}.")

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """See `Estimator.passes`."""
        if self.sampling == "joint":
            joint = self._joint_masks(self._joint_surrogate(n_image, n_text), request)
            return most_passes(joint, n_image, n_text, request, CHUNK)
        _, masks = self._plan(n_image, n_text, request)
        return masks[0] + 2, masks[1] + 2

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """See `Estimator.explain`."""
        if self.sampling == "joint":
            return self._estimate_joint(game, request)
        if not game.separable:
            raise InputError("banzhaf takes the masks of two towers; for joint values give sampling='joint'.")
        within, masks = self._plan(game.n_image, game.n_text, request)
        surrogate = self._surrogate(game.n_image, game.n_text, within, game.scale, game.bias)
        designs = [
            make_design(n, m, self.p, self._sampling(surrogate.feature_order, n, m), np.random.default_rng(seed))
            for n, m, seed in zip(
                (game.n_image, game.n_text), masks, ([request.seed, False], [request.seed, True]), strict=True
            )
        ]
        moments = partial(tower_moments, p=self.p, order=surrogate.feature_order, batch_size=game.batch_size)
        image, text = (
            game.keep(side, (self, within, m, request.seed), partial(moments, embed, design))
            for side, embed, design, m in zip(
                ("image", "text"), (game.image_embeddings, game.text_embeddings), designs, masks, strict=True
            )
        )
        coefficients = image.coefficients(self.ridge), text.coefficients(self.ridge)
        theta = surrogate.theta(*coefficients)
        stderr = surrogate.standard_errors(image, text, *coefficients)
        r2, effects = surrogate.r2(image, text, theta), surrogate.effects(theta)
        return game.explanation(
            *effects,
            index=self._index,
            stderr=stderr,
            r2=r2,
            remarks=remarks(effects.second_order[: game.n_image, game.n_image :], stderr, r2, masks[0]),
            options={
                "interactions": "all" if within else "cross",
                "sampling": f"image {designs[0].kind}, text {designs[1].kind}",
            },
        )

    def _estimate_joint(self, game: CountedGame, request: Request) -> Explanation:
        surrogate, n = self._joint_surrogate(game.n_image, game.n_text), game.n_image + game.n_text
        masks = self._joint_masks(surrogate, request)
        design = make_design(n, masks, self.p, "independent", np.random.default_rng(request.seed))
        fit = fit_joint(game.values, design, surrogate)
        cross = fit.effects.second_order[: game.n_image, game.n_image :]
        return game.explanation(
            *fit.effects,
            index=self._index,
            stderr=fit.stderr,
            r2=fit.r2,
            remarks=remarks(cross, fit.stderr, fit.r2, masks, word="budget"),
            options={"interactions": "all" if surrogate.within else "cross"},
        )

    def _joint_masks(self, surrogate: Surrogate, request: Request) -> int:
        terms, n = n_terms(surrogate), surrogate.n_image + surrogate.n_text
        return joint_budget(request, n, default=PER_TERM[self.order] * terms, needed=terms, name="banzhaf")

    @property
    def _index(self) -> str:
        return f"{'FWBII' if self.order == 2 else 'WBV'}(p={self.p:g})"

    def _joint_surrogate(self, n_image: int, n_text: int) -> Surrogate:
        few = n_image <= ALL_PAIRS_UP_TO and self.interactions == "auto"
        return self._surrogate(n_image, n_text, self.order == 2 and (few or self.interactions == "all"))

    def _surrogate(self, n_image: int, n_text: int, within: bool, scale: float = 1.0, bias: float = 0.0) -> Surrogate:
        return Surrogate(n_image, n_text, self.p, scale, bias, self.order, within, self.ridge)

    def _plan(self, n_image: int, n_text: int, request: Request) -> tuple[bool, list[int]]:
        """Decide on pairs within the modalities, and on the masks of each tower."""
        choices = [self.order == 2 and self.interactions == "all"]
        if self.order == 2 and self.interactions == "auto" and n_image <= ALL_PAIRS_UP_TO:
            choices = [True, False]
        players = (n_image, n_text)
        for within in choices:
            surrogate = self._surrogate(*players, within)
            terms, per_term = surrogate.terms, PER_TERM[surrogate.feature_order]
            masks = allocate(
                request.budget, request.image_masks, request.text_masks, players=players, terms=terms, per_term=per_term
            )
            if all(m >= min(2 * f, 2**n) for m, f, n in zip(masks, terms, players, strict=True)):
                break
        used = []
        for side, m, f, n in zip(("image", "text"), masks, terms, players, strict=True):
            sampling = self._sampling(surrogate.feature_order, n, m)
            needed = fewest(n, f, sampling)
            if m < needed and not self.ridge:
                raise BudgetError(
                    f"{m} {side} masks cannot determine the {f} terms of {n} {side} players "
                    f"({'all' if within else 'cross'} pairs, {sampling} masks): at least {needed} are needed. Give "
                    f"{side}_masks={needed} or a larger budget, or ask for ridge= regularisation."
                )
            used.append(m - m % 2 if sampling == "folded" and m < 2 ** min(n, 62) else m)
        return within, used

    def _sampling(self, feature_order: int, n: int, m: int) -> Sampling:
        if self.sampling in ("folded", "independent"):
            return self.sampling  # type: ignore[return-value]
        whole_block = m >= fewest(n, 0, "folded")
        return "folded" if self.p == 0.5 and feature_order == 1 and whole_block else "independent"
