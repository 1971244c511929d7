"""Image-text similarity map: every projected patch against every projected token."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fixlip.estimator import Capabilities, Estimator
from fixlip.games.counted import CountedGame
from fixlip.gradients.views import cross_only, projected
from fixlip.request import Request
from fixlip.results.explanation import Explanation


@dataclass(frozen=True)
class Itsm(Estimator):
    """Image-text similarity map: the cosine of every projected patch with every projected token of the text.

    The states that leave the last block go through the head (norm, projection, SigLIP's pooling head) one by one, as if
    each were the one that is read. ``e_ik = cos(P_i, Q_k)``; the mean over the tokens of two players.

    Returns cross-modal pairs, which are cosines but do not add up to that of the model (so unit "relevance");
    first-order effects are 0, pairs inside a modality NaN.

    Error: no sampling error; whether the pairs show what the model does is another question. The paper itself found
    that CLIP's map prefers the background.

    Cost: one forward pass of each tower, and two more for the empty and the full input.

    Source: Li et al., Exploring Visual Interpretability for Contrastive Language-Image Pre-training, arXiv 2209.07046.
    Reading taken: the paper compares patches with the embedding of a whole text; as a second-order method its tokens
    take the place of the text (so in the comparisons of Moeller et al., TMLR 2025).
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="itsm",
        summary="cosine of every projected patch with every projected token",
        index=("ITSM",),
        orders=(2,),
        cross=True,
        gradients=True,
        separable=True,
        cost="1 forward of each tower",
        source="Li et al., arXiv 2209.07046",
    )

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        return 3, 3

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        image, text = (projected(game, side) for side in ("image", "text"))
        return game.explanation(
            0.0,
            np.zeros(game.n_image + game.n_text),
            cross_only(image @ text.T),
            index="ITSM",
            unit="relevance",
        )
