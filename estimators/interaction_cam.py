"""Interaction-CAM: Grad-CAM's weighted features of both towers, multiplied."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fixlip.estimator import Capabilities, Estimator
from fixlip.games.counted import CountedGame
from fixlip.gradients.views import array, by_player, cross_only, gradients, look
from fixlip.request import Request
from fixlip.results.explanation import Explanation


@dataclass(frozen=True)
class InteractionCam(Estimator):
    """Interaction-CAM: features of both towers, each channel weighted by its gradient, multiplied pair by pair.

    With P_i a patch and Q_k a token of the text, each by itself in the joint space, and a, b the positive parts of the
    gradients of the cosine at the features of the image and of the text:
    ``e_ik = sum over channels of (a * P_i) * (b * Q_k)``. Pairs of the tokens of two players add up.

    Returns cross-modal pairs (unit "relevance"); first-order effects are 0, pairs inside a modality NaN.

    Error: no sampling error; whether the pairs show what the model does is another question. The class token is
    trained for the joint space, the patches are not.

    Cost: one forward pass of each tower, and two more for the empty and the full input; the gradient is that of the
    cosine alone.

    Source: Sammani et al., Visualizing and Understanding Contrastive Learning, arXiv 2206.09753. Reading taken: there,
    two pictures go through one network and a map of each is ``sum over channels of F * relu(gradient) * joint weight``,
    the joint weight being the product of both pooled features. Two towers share no channels before the joint space, so
    that is where the features are taken; and a pair gets its own value when the pooled features give way to
    those of the single tokens.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="interaction-cam",
        summary="products of both towers' projected features, weighted by their gradients",
        index=("Interaction-CAM",),
        orders=(2,),
        cross=True,
        gradients=True,
        separable=True,
        cost="1 forward of each tower",
        source="Sammani et al., arXiv 2206.09753",
    )

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        return 3, 3

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        image, text, cosine = look(game, self.capabilities.name, (0, 0), gradients=True, attention=False)
        weighted = []
        for view, gradient, n in zip(
            (image, text),
            gradients(cosine, [image.features, text.features]),
            (game.n_image, game.n_text),
            strict=True,
        ):
            tokens = array(view.tower.project(view.states))[0]
            weighted.append(by_player(tokens * np.maximum(array(gradient), 0), view.owners, n))
        return game.explanation(
            0.0,
            np.zeros(game.n_image + game.n_text),
            cross_only(weighted[0] @ weighted[1].T),
            index="Interaction-CAM",
            unit="relevance",
        )
