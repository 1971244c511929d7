"""Attention in plain operations, for a while: so that it can be read, and differentiated forwards.

Every family of models that fixlip knows calls torch's `scaled_dot_product_attention`, whose fast kernels keep their
weights to themselves and have no forward-mode derivative. The context manager here replaces that one function, not the
model, so nothing stays behind.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from unittest.mock import patch

import torch

Kind = Literal["one head", "alone"]


@dataclass(frozen=True, eq=False)
class Attention:
    """One call, as the model made it. Everything is part of the graph, so `torch.autograd.grad` reaches it.

    Attributes:
        query, key, value: [B, heads, L or S, width of a head].
        weights: [B, heads, L, S], each row summing to 1.
        output: [B, heads, L, width of a head].
    """

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    weights: torch.Tensor
    output: torch.Tensor


@contextmanager
def plain_attention(kinds: Mapping[int, Kind] | None = None) -> Iterator[list[Attention]]:
    """Run attention in plain operations; the list fills with its calls, in order: the blocks, then a pooling head.

    Args:
        kinds: calls, by number, that are not to be the model's own: "one head" attends by all channels together,
            "alone" lets each token attend to itself only, so that its value passes unmixed.
    """
    calls: list[Attention] = []

    def attend(*args: Any, **kwargs: Any) -> torch.Tensor:
        calls.append(_attend((kinds or {}).get(len(calls)), *args, **kwargs))
        return calls[-1].output

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with patch("torch.nn.functional.scaled_dot_product_attention", attend):
            yield calls
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _attend(
    kind: Kind | None,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Attention:
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if kind == "one head":
        scores = (scores.sum(1, keepdim=True) * scores.shape[1] ** -0.5).expand_as(scores)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
    weights = torch.nan_to_num(scores.softmax(-1))  # a row with no key left attends to nothing
    if kind == "alone":
        weights = torch.eye(weights.shape[-1], dtype=value.dtype, device=value.device).expand_as(weights)
    return Attention(query, key, value, weights, weights @ value)
