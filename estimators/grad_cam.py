"""Grad-CAM on the tokens of a layer."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from fixlip.errors import OptionError
from fixlip.estimator import Capabilities, Estimator
from fixlip.games.base import TowerLayers
from fixlip.games.counted import CountedGame
from fixlip.gradients.views import array, first_order, gradients, look
from fixlip.request import Request
from fixlip.results.explanation import Explanation


@dataclass(frozen=True)
class GradCam(Estimator):
    """Grad-CAM: the features of a layer, each channel weighted by its mean gradient.

    With x_i the state of token i in a layer and w the gradient of the cosine there, averaged over the tokens:
    ``map_i = relu(sum over channels of w * x_i)``. Text is explained in the same way by the states of its tokens.
    Tokens of one player add up. On CLIP's class-token towers this is known to favour the background.

    Options:
        layer: counted from the end, in both towers: 0 is the place before the head, 1 before the last block, and so on.
            None takes the last layer whose tokens all reach the embedding: 1 where one token is read (CLIP's class
            token and end of text), else 0 (SigLIP's pooling head, ResNet).
        weights: "mean" over the tokens, or "own" for each token's own gradient (HiResCAM: gradient times state).

    Returns non-negative first-order scores (unit "relevance") and no pairs.

    Error: no sampling error; whether the map shows what the model does is another question.

    Cost: one forward and one backward pass of each tower, and two more for the empty and the full input.

    Source: Selvaraju et al., Grad-CAM, ICCV 2017; Draelos and Carin, HiResCAM, arXiv 2011.08891. Reading taken: the
    mean gradient is over the tokens that belong to players (the places of the feature map), without class token and
    padding.
    """

    layer: int | None = None
    weights: Literal["mean", "own"] = "mean"

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="grad-cam",
        summary="features of a layer weighted by their mean gradient",
        index=("Grad-CAM",),
        orders=(1,),
        gradients=True,
        separable=True,
        cost="1 forward + 1 backward of each tower",
        source="Selvaraju et al., ICCV 2017",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layer is not None and self.layer < 0:
            raise OptionError(f"layer is a whole number counted from the end (0: before the head), got {self.layer!r}.")

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        return 4, 4

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        layers = [self._layer(side, game.layers(side)) for side in ("image", "text")]
        image, text, cosine = look(game, self.capabilities.name, layers, gradients=True, attention=False)
        maps = []
        for view, gradient in zip((image, text), gradients(cosine, [image.states, text.states]), strict=True):
            weight = array(gradient)[0]
            if self.weights == "mean":
                weight = weight[view.owners >= 0].mean(0)
            maps.append(np.maximum((array(view.states)[0] * weight).sum(1), 0))
        game.count(image=1, text=1)
        return game.explanation(
            0.0,
            first_order(game, image, text, *maps),
            None,
            index="Grad-CAM",
            unit="relevance",
            options={"layer": f"image {layers[0]}, text {layers[1]} from the end"},
        )

    def _layer(self, side: str, tower: TowerLayers) -> int:
        if self.layer is None:
            return 0 if tower.reads is None else 1
        if self.layer > tower.depth:
            raise OptionError(f"layer={self.layer}: the {side} tower has layers 0 (before its head) to {tower.depth}.")
        return self.layer
