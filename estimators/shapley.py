"""Faithful Shapley interactions, cross-modal."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from fixlip.errors import BudgetError, InputError, OptionError
from fixlip.estimator import AXIOMS, Capabilities, Estimator
from fixlip.fitting.joint_masks import joint_budget, most_passes
from fixlip.fitting.regression import CHUNK, fit_grid, fit_joint, n_terms
from fixlip.fitting.sampling import allocate, by_size
from fixlip.fitting.surrogate import Surrogate, remarks
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.results.explanation import Explanation

PER_TERM = {1: 10, 2: 3}  # default masks for each term, by order


@dataclass(frozen=True)
class Shapley(Estimator):
    """Faithful Shapley interactions (FSII), the best fit under the Shapley kernel; for order 1 Shapley values.

    Minimises over e the sum over all masks M but the empty and the full one of
    ``mu(|M|) (v(M) - e_0 - sum_{i in M} e_i - sum_{ij in M} e_ij)^2``, ``mu(t) = 1 / (C(n, t) t (n - t))``, with the
    fit equal to v on the empty and on the full mask.

    The masks of an image and of a text tower form a grid, and mu couples the two only through the sum of their sizes:
    ``mu(|S| + |T|)`` is a small matrix of sizes, whose singular value decomposition turns the sums over the grid into a
    few sums of an image part times a text part (the quadrature over masking rates, with nodes that leave no error).
    So FSII costs m_I + m_T passes instead of m_I * m_T.

    Options:
        order: 2, or 1 for Shapley values.
        sampling: "grid" of image masks and text masks, or "joint" masks as in the published code, for any game.
        interactions: "all" only; leaving pairs inside a modality out of a Shapley fit would change the other pairs.

    Error: the estimate is a ratio of means, so its bias falls faster than its noise. Standard errors come from the
    infinitesimal jackknife over groups of draws, widened by the share of masks that the terms use up. Exact where all
    masks are enumerated.

    Cost: image masks + text masks forward passes ("grid"), or one of each tower for each joint mask ("joint"), and one
    more for the empty and the full input. The regression has 1 + n + n (n - 1) / 2 terms: up to about 140 players.

    Source: Tsai, Yeh, Ravikumar, Faith-Shap, JMLR 2023; for dual encoders Baniecki et al., NeurIPS 2025 (joint masks).
    Departures: the grid; equality at both ends instead of large weights; weights that are right where sizes are
    enumerated.

    Example:
        >>> from fixlip.games import CallableGame
        >>> game = CallableGame(lambda s: s @ np.eye(3), lambda t: t @ np.ones((2, 3)), 3, 2)
        >>> Shapley().explain(game).cross.round(6).tolist()
        [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """

    order: Literal[1, 2] = 2
    sampling: Literal["grid", "joint"] = "grid"
    interactions: Literal["all", "cross"] = "all"

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="shapley",
        summary="faithful Shapley interactions (FSII), or Shapley values; adds up to the similarity",
        index=("FSII", "SV"),
        orders=(1, 2),
        cross=True,
        within=True,
        sampled=True,
        stderr=True,
        exact=True,
        axioms=AXIOMS,
        cost="image masks + text masks, forward",
        source="Tsai et al., JMLR 2023",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.interactions == "cross":
            raise OptionError(
                "A fit of cross-modal pairs alone would not be FSII, since the Shapley kernel does not factorise over "
                "players; take shapley-owen for cross-modal pairs of SII, or banzhaf, where it makes no difference."
            )

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        if self.sampling == "grid":
            image, text = self._grid(n_image, n_text, request)
            return image + 2, text + 2
        return most_passes(self._joint(n_image, n_text, request), n_image, n_text, request, CHUNK)

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        surrogate = self._surrogate(game.n_image, game.n_text, game.scale, game.bias)
        mass = _kernel_by_size(game.n_image, game.n_text)
        if self.sampling == "grid" and not game.separable:
            raise InputError("shapley takes a grid of two towers; for joint values give sampling='joint'.")
        if self.sampling == "joint":
            masks = self._joint(game.n_image, game.n_text, request)
            sizes = _kernel_of_sizes(game.n_image + game.n_text)
            paired = self.order == 1  # complements tell pairs nothing new
            design = by_size(len(game.players), masks, sizes, np.random.default_rng(request.seed), paired=paired)
            fit = fit_joint(game.values, design, surrogate, game.ends)
        else:
            masks, text = self._grid(game.n_image, game.n_text, request)
            marginals = mass.sum(1), mass.sum(0)
            image_design = by_size(game.n_image, masks, marginals[0], np.random.default_rng([request.seed, False]))
            text_design = by_size(game.n_text, text, marginals[1], np.random.default_rng([request.seed, True]))
            kernel = mass / np.outer(*marginals)
            towers = game.image_embeddings, game.text_embeddings
            fit = fit_grid(towers, (image_design, text_design), kernel, surrogate, game.ends)
        effects = fit.effects
        return game.explanation(
            *effects,
            index="FSII" if self.order == 2 else "SV",
            stderr=fit.stderr,
            r2=fit.r2,
            remarks=remarks(
                effects.second_order[: game.n_image, game.n_image :],
                fit.stderr,
                fit.r2,
                masks,
                word="budget" if self.sampling == "joint" else "image_masks",
            ),
        )

    def _surrogate(self, n_image: int, n_text: int, scale: float = 1.0, bias: float = 0.0) -> Surrogate:
        return Surrogate(n_image, n_text, 0.5, scale, bias, self.order, self.order == 2, 0.0)

    def _joint(self, n_image: int, n_text: int, request: Request) -> int:
        """Return the number of joint masks."""
        terms = n_terms(self._surrogate(n_image, n_text))
        return joint_budget(
            request, n_image + n_text, default=PER_TERM[self.order] * terms, needed=terms, name="shapley"
        )

    def _grid(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Return the numbers of masks of each tower."""
        surrogate, players = self._surrogate(n_image, n_text), (n_image, n_text)
        masks = allocate(
            request.budget,
            request.image_masks,
            request.text_masks,
            players=players,
            terms=surrogate.terms,
            per_term=PER_TERM[self.order],
        )
        for side, m, f, n in zip(("image", "text"), masks, surrogate.terms, players, strict=True):
            needed = min(f, 2**n)
            if m < needed:
                raise BudgetError(
                    f"{m} {side} masks cannot determine the {f} terms of {n} {side} players: at least {needed} are "
                    f"needed. Give {side}_masks={needed} or a larger budget, or take shapley-owen, whose cross pairs "
                    "need far fewer."
                )
        return masks


def _kernel_of_sizes(n: int) -> np.ndarray:
    """Return the share of the Shapley kernel that all masks of each size have together, [n + 1]; 0 at the ends."""
    t = np.arange(1, n)
    inner = 1 / (t * (n - t))
    return np.concatenate([[0.0], inner / inner.sum(), [0.0]])


def _kernel_by_size(n_image: int, n_text: int) -> np.ndarray:
    """Return the same for the sizes of an image and of a text mask, [n_image + 1, n_text + 1]."""
    from scipy.special import gammaln, logsumexp

    def log_choose(n: int, k: np.ndarray) -> np.ndarray:
        return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)

    n, s, t = n_image + n_text, np.arange(n_image + 1)[:, None], np.arange(n_text + 1)
    size = s + t
    inner = (size > 0) & (size < n)
    size = np.where(inner, size, 1)
    log = log_choose(n_image, s) + log_choose(n_text, t) - log_choose(n, size) - np.log(size * (n - size))
    return np.where(inner, np.exp(log - logsumexp(log[inner])), 0.0)
