"""Attention in plain operations, for a while: so that it can be read, and differentiated forwards.

Every family of models that fixlip knows calls torch's `scaled_dot_product_attention`, whose fast kernels keep their
weights to themselves and have no forward-mode derivative. The context manager here replaces that one function, not the
model, and answers to the thread that asked for it only, so nothing stays behind and no other run notices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fixlip.runtime.threads import shared

if TYPE_CHECKING:
    import torch

Kind = Literal["one head", "alone"]
_asked: ContextVar[Callable[..., torch.Tensor] | None] = ContextVar("asked", default=None)


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

    with _replaced():
        before = _asked.set(attend)
        try:
            yield calls
        finally:
            _asked.reset(before)


@shared
@contextmanager
def _replaced() -> Iterator[None]:
    """Torch's function, and its question whether modules may go past it, answer to the thread that calls them."""
    from unittest.mock import patch

    import torch

    fast, may_pass = torch.nn.functional.scaled_dot_product_attention, torch.backends.mha.get_fastpath_enabled

    def attention(*args: Any, **kwargs: Any) -> torch.Tensor:
        return (_asked.get() or fast)(*args, **kwargs)

    with (
        patch("torch.nn.functional.scaled_dot_product_attention", attention),
        patch("torch.backends.mha.get_fastpath_enabled", lambda: _asked.get() is None and may_pass()),
    ):
        yield


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
    import torch

    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if kind == "one head":
        scores = (scores.sum(1, keepdim=True) * scores.shape[1] ** -0.5).expand_as(scores)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
    nothing = (scores == -torch.inf).all(-1, keepdim=True)  # a row with no key left attends to nothing
    weights = scores.masked_fill(nothing, 0.0).softmax(-1).masked_fill(nothing, 0.0)
    if kind == "alone":
        weights = torch.eye(weights.shape[-1], dtype=value.dtype, device=value.device).expand_as(weights)
    return Attention(query, key, value, weights, weights @ value)
