"""MaskCLIP: the values of the last attention, compared with the other embedding."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fixlip.estimator import Capabilities, Estimator
from fixlip.games.counted import CountedGame
from fixlip.gradients.views import array, look, projected
from fixlip.request import Request
from fixlip.results.explanation import Explanation


@dataclass(frozen=True)
class MaskClip(Estimator):
    """MaskCLIP: the cosine of each patch's projected value with the text, and of each word's with the image.

    In the last block each token attends to itself alone, so that its own value takes the place of the attention; the
    rest of the block (output projection, residual, MLP) and the head then carry each token into the joint space. A
    tower with a pooling head (SigLIP's) keeps its blocks, and it is in the head that each token is alone. The mean
    over the tokens of a player.

    Returns signed first-order scores which are cosines but do not add up to that of the model (so unit "relevance"),
    and no pairs.

    Error: no sampling error; whether the map shows what the model does is another question.

    Cost: two forward passes of each tower, and two more for the empty and the full input.

    Source: Zhou et al., Extract Free Dense Labels from CLIP, ECCV 2022. Reading taken: residual and MLP stay, as in the
    authors' code and in that of Grad-ECLIP; the refinements (key smoothing, prompt denoising) are left out. The text is
    treated like the image, which the paper does not do.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="mask-clip",
        summary="projected values of the last attention against the other embedding",
        index=("MaskCLIP",),
        orders=(1,),
        gradients=True,
        separable=True,
        cost="2 forwards of each tower",
        source="Zhou et al., ECCV 2022",
    )

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        return 4, 4

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        image, text, _ = look(game, self.capabilities.name, (1, 1), gradients=False)
        scores = [
            projected(game, view.side, values=view.head is None) @ array(other.embedding)
            for view, other in ((image, text), (text, image))
        ]
        return game.explanation(0.0, np.concatenate(scores), None, index="MaskCLIP", unit="relevance")
