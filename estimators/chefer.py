"""Chefer et al.: attention times gradient, carried through the blocks (GAME)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from fixlip.estimator import Capabilities, Estimator
from fixlip.games.counted import CountedGame
from fixlip.gradients.views import View, array, first_order, gradients, look
from fixlip.request import Request
from fixlip.results.explanation import Explanation


@dataclass(frozen=True)
class Chefer(Estimator):
    """Relevance that flows with the attention where the gradient wants more of it (called GAME in FIxLIP).

    With A the attention of a block and dA the gradient of the logit at it, ``cam = mean over heads of relu(dA * A)``.
    Starting at the identity, each block adds ``R <- R + cam R``. The map of the image is the row of the class token,
    that of the text the row of the end of text. Tokens of one player add up.

    A pooling head (SigLIP's) comes after the blocks: the map is its own ``cam`` times R. A tower that averages its
    tokens is read as the mean of all rows.

    Options:
        blocks: "last" for the last block alone, as in FIxLIP's runs, or "all".

    Returns non-negative first-order scores (unit "relevance") and no pairs.

    Error: no sampling error; whether the map shows what the model does is another question.

    Cost: one forward and one backward pass of each tower, and two more for the empty and the full input.

    Source: Chefer et al., Generic Attention-model Explainability for Interpreting Bi-Modal and Encoder-Decoder
    Transformers, ICCV 2021, as their code applies it to CLIP: each tower by itself. Reading taken: the gradient is that
    of the logit, as there, which matters wherever cams are multiplied.
    """

    blocks: Literal["last", "all"] = "last"

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="chefer",
        summary="attention x gradient carried through the blocks (GAME)",
        index=("GAME",),
        orders=(1,),
        gradients=True,
        separable=True,
        cost="1 forward + 1 backward of each tower",
        source="Chefer et al., ICCV 2021",
    )

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        return 4, 4

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        blocks = 1 if self.blocks == "last" else None
        image, text, cosine = look(game, self.capabilities.name, (blocks, blocks), gradients=True)
        weights = [c.weights for view in (image, text) for c in view.calls]
        cams = [
            np.maximum(game.scale * array(g) * array(w), 0)[0].mean(0)
            for g, w in zip(gradients(cosine, weights), weights, strict=True)
        ]
        game.count(image=1, text=1)
        maps = [_map(image, cams[: len(image.calls)]), _map(text, cams[len(image.calls) :])]
        return game.explanation(
            0.0,
            first_order(game, image, text, *maps),
            None,
            index="GAME",
            unit="relevance",
        )


def _map(view: View, cams: list[np.ndarray]) -> np.ndarray:
    """Score all tokens, [L], from the cams of the blocks and then of the head."""
    relevance = np.eye(len(view.owners))
    for cam in cams[: len(view.blocks)]:
        relevance = relevance + cam @ relevance
    return view.read(relevance, None if view.head is None else cams[-1])
