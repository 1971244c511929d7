"""Attention rollout."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fixlip.estimator import Capabilities, Estimator
from fixlip.games.counted import CountedGame
from fixlip.gradients.views import View, array, first_order, look
from fixlip.request import Request
from fixlip.results.explanation import Explanation


@dataclass(frozen=True)
class Rollout(Estimator):
    """Attention rollout: how much of each token has reached the one that is read, as far as attention tells.

    Each block mixes its tokens by ``A = rows to sum 1 of (mean over heads of the attention + identity)``, the identity
    standing for the residual. The product over all blocks, later ones on the left, has a row for the class token and
    one for the end of text: the maps. Tokens of one player add up.

    A pooling head (SigLIP's) comes after the blocks with the mean of its heads and no residual. A tower that averages
    its tokens is read as the mean of all rows.

    Each map comes from its tower alone: the map of a picture is the same for every caption. The share of the tokens
    that belong to no player (class token, beginning and end, padding) is in the details.

    Returns non-negative first-order scores, at most 1 in all for each modality (unit "relevance"), and no pairs.

    Error: no sampling error; whether the map shows what the model does is another question.

    Cost: one forward pass of each tower, and two more for the empty and the full input.

    Source: Abnar and Zuidema, Quantifying Attention Flow in Transformers, ACL 2020.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="rollout",
        summary="attention multiplied up over the blocks, no gradient",
        index=("rollout",),
        orders=(1,),
        gradients=True,
        separable=True,
        cost="1 forward of each tower",
        source="Abnar and Zuidema, ACL 2020",
    )

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        return 3, 3

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        image, text, _ = look(game, self.capabilities.name, (None, None), gradients=False)
        maps = rollout(image), rollout(text)
        return game.explanation(
            0.0,
            first_order(game, image, text, *maps),
            None,
            index="rollout",
            unit="relevance",
            details={
                f"{v.side} share of tokens without a player": float(m[v.owners < 0].sum())
                for v, m in zip((image, text), maps, strict=True)
            },
        )


def rollout(view: View) -> np.ndarray:
    """Score all tokens of one tower, [L]; the scores sum to 1."""
    joint = identity = np.eye(len(view.owners))
    for call in view.blocks:
        mixed = array(call.weights)[0].mean(0) + identity
        joint = mixed / mixed.sum(1, keepdims=True) @ joint
    return view.read(joint, None if view.head is None else array(view.head.weights)[0].mean(0))
