"""Grad-ECLIP: gradient times value at the token that the embedding is read from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from fixlip.errors import OptionError
from fixlip.estimator import Capabilities, Estimator
from fixlip.fitting.numerics import directions
from fixlip.games.counted import CountedGame
from fixlip.gradients.attention import Attention
from fixlip.gradients.views import View, array, first_order, gradients, look, with_one_head
from fixlip.request import Request
from fixlip.results.explanation import Explanation

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class GradEclip(Estimator):
    """Grad-ECLIP: which values the class token takes in, weighted by what they would do to the cosine.

    With g the gradient of the cosine at the attention output of the token that is read (class token, end of text), v_i
    the value of token i, and l_i the cosine of that token's query and the key of i, brought to 0..1 over the tokens:
    ``map_i = relu(sum over channels of g * v_i * l_i)``, all heads side by side as one vector of channels. The image is
    explained by its last block, the text by its last 8 blocks, summed before the relu. Tokens of one player add up.

    A tower with a pooling head (SigLIP's) is explained by that head, whose probe is the query. One that averages its
    tokens is read at all of them.

    Options:
        heads: "one", as published, computes these blocks with a single head over all channels. That is not what the
            model does, but the map finds the object much better. "own" keeps the model as it is.
        text_blocks: blocks of the text tower to sum over, from the last one; all where there are fewer.

    Returns non-negative first-order scores (unit "relevance") and no pairs.

    Error: no sampling error; whether the map shows what the model does is another question.

    Cost: two forward passes (one with heads="own") and one backward pass of each tower, and two for the empty and the
    full input.

    Source: Zhao et al., Gradient-based Visual Explanation for Transformer-based CLIP, ICML 2024, and the extension to
    text, arXiv 2502.18816. Reading taken: l_i from queries and keys as they are, to 0..1 over the patches, and over the
    tokens that the end of text attends to; the other embedding is the model's own. Departure: the authors divide the
    text map by its sum.
    """

    heads: Literal["one", "own"] = "one"
    text_blocks: int = 8

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="grad-eclip",
        summary="gradient x value at the class token and the end of text",
        index=("Grad-ECLIP",),
        orders=(1,),
        gradients=True,
        separable=True,
        cost="2 forwards + 1 backward of each tower",
        source="Zhao et al., ICML 2024",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.text_blocks < 1:
            raise OptionError(f"text_blocks must be at least 1, got {self.text_blocks}.")

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        forward = 1 if self.heads == "own" else 2
        return forward + 3, forward + 3

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        name = self.capabilities.name
        image, text, _ = look(game, name, (1, self.text_blocks), gradients=self.heads == "own")
        others = [text.embedding.detach(), image.embedding.detach()]  # the gradient of the cosine is along the other
        if self.heads == "one":
            image, text = with_one_head(game, name, image), with_one_head(game, name, text)
        calls = [[view.head] if view.head is not None else list(view.blocks) for view in (image, text)]
        outputs = [call.output for call in calls[0] + calls[1]]
        gradient = gradients([image.embedding, text.embedding], outputs, others)
        game.count(image=1, text=1)
        maps = [_map(image, calls[0], gradient), _map(text, calls[1], gradient[len(calls[0]) :])]
        return game.explanation(
            0.0,
            first_order(game, image, text, *maps),
            None,
            index="Grad-ECLIP",
            unit="relevance",
        )


def _map(view: View, calls: list[Attention], gradient: "tuple[torch.Tensor, ...]") -> np.ndarray:
    """Score all tokens, [L]."""
    total = np.zeros(len(view.owners))
    for call, at_output in zip(calls, gradient, strict=False):
        query, key, value, g = (_heads_as_one(x) for x in (call.query, call.key, call.value, at_output))
        query, g = query[view.readers], g[view.readers]
        attended = array(call.weights)[0, :, view.readers].max((0, 1)) > 0
        among = view.owners >= 0 if view.side == "image" else attended
        total += ((g @ value.T) * _nearness(query, key, among)).sum(0)
    return np.maximum(total, 0)


def _nearness(query: np.ndarray, key: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return the cosines of queries [R, C] and keys [L, C], [R, L], scaled to 0..1 over the tokens `among`."""
    cosine = directions(query, "the queries") @ directions(key, "the keys").T
    low, high = cosine[:, among].min(1, keepdims=True), cosine[:, among].max(1, keepdims=True)
    flat = high == low
    return np.where(flat, 1.0, (cosine - low) / np.where(flat, 1.0, high - low))


def _heads_as_one(x: "torch.Tensor") -> np.ndarray:
    """Put all heads side by side, [1, heads, L, width] -> [L, heads * width]."""
    return array(x[0].transpose(0, 1).flatten(1))
