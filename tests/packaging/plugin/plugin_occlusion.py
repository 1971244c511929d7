"""A package of somebody else's: one estimator, registered by its entry point alone."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fixlip.estimator import Capabilities, Estimator
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.results.explanation import Explanation


@dataclass(frozen=True)
class Occlusion(Estimator):
    """The loss of the whole input without a player: ``v(N) - v(N without i)``.

    Cost: one pass for each player, and one of each tower for the whole input; and for the two ends of the game.

    Source: Zeiler and Fergus, ECCV 2014.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="plugin-occlusion",
        summary="what the whole input loses without a player",
        index=("occlusion",),
        orders=(1,),
        exact=True,
        axioms=("additive", "null player", "symmetry", "linearity"),
        cost="one for each player, forward",
        source="Zeiler and Fergus, ECCV 2014",
    )

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Return the passes of each tower, as `Estimator.passes` defines them."""
        return (n_image + n_text + 2,) * 2 if request.joint else (n_image + 3, n_text + 3)

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Compute the explanation for `Estimator.explain`."""
        full = game.ends[1]
        losses = full - game.values(~np.eye(game.n_image + game.n_text, dtype=bool))
        return game.explanation(full - losses.sum(), losses, None, index="occlusion")
