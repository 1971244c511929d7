"""KernelSHAP."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fixlip.errors import BudgetError
from fixlip.estimator import Capabilities, Estimator
from fixlip.fitting.joint_masks import JointValues, joint_budget, joint_passes
from fixlip.fitting.sampling import Design, by_size
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.results.explanation import Explanation

DEFAULT = 2048  # and two for each player, as in the package shap


@dataclass(frozen=True)
class KernelShap(Estimator):
    """KernelSHAP: Shapley values of all players, by weighted least squares on joint masks.

    Minimises over e the sum over the masks M but the empty and the full one of
    ``mu(|M|) (v(M) - v(empty) - sum_{i in M} e_i)^2``, ``mu(t) = (n - 1) / (C(n, t) t (n - t))``, with
    ``sum e_i = v(full) - v(empty)`` kept exactly. Masks are drawn by the kernel, each with its complement; sizes that
    would be drawn more often than they have masks are enumerated and carry their true weight.

    Error: the estimate is a ratio of means, so its bias falls faster than its noise. There are no standard errors:
    `shapley` with order=1 gives the same values with standard errors, from far fewer passes of a dual encoder. Exact
    where the budget covers all 2^n masks.

    Cost: one game value for each joint mask, 2048 + 2 n by default; in a game of two towers each masked input is
    encoded once. The empty and the full input take one more pass each.

    Source: Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, NeurIPS 2017; paired sampling:
    Covert and Lee, Improving KernelSHAP, AISTATS 2021.

    Example:
        >>> from fixlip.games import JointGame
        >>> game = JointGame(lambda m: m[:, 0] & m[:, 1], 2, 1)
        >>> KernelShap().explain(game).first_order.round(6).tolist()
        [0.5, 0.5, 0.0]
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="kernel-shap",
        summary="KernelSHAP: Shapley values of all players from joint masks",
        index=("SV",),
        orders=(1,),
        sampled=True,
        exact=True,
        axioms=("additive", "null player", "symmetry", "linearity"),
        cost="a pass of each tower for each game value, at most",
        source="Lundberg and Lee, NeurIPS 2017",
    )

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        return joint_passes(_design(n_image + n_text, request).masks, n_image, request)

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        n = game.n_image + game.n_text
        design, (empty, full) = _design(n, request), game.ends
        x, gain = design.masks.astype(float), JointValues(game)(design.masks) - empty
        features = x[:, :-1] - x[:, -1:]  # the last player takes what the others leave of v(full) - v(empty)
        root = np.sqrt(design.weights)
        solution, _, rank, _ = np.linalg.lstsq(
            root[:, None] * features, root * (gain - x[:, -1] * (full - empty)), rcond=None
        )
        if rank < n - 1:
            raise BudgetError(
                f"The {len(x)} joint masks that were drawn do not determine {n} Shapley values. "
                f"Give budget={2 * len(x) + 2} or more."
            )
        values = np.append(solution, full - empty - solution.sum())
        return game.explanation(empty, values, None, index="SV")


def _design(n: int, request: Request) -> Design:
    """Draw masks other than the empty and the full mask, with their weights."""
    budget = joint_budget(request, n, default=DEFAULT + 2 * n, needed=2 * n + 2, name="kernel-shap")
    sizes = np.arange(1, n)
    mass = np.zeros(n + 1)
    mass[1:-1] = 1 / (sizes * (n - sizes))
    return by_size(n, budget - 2, mass / mass.sum(), np.random.default_rng(request.seed), paired=True)
