"""A context manager that runs attention in plain operations, so that it can be read and differentiated forwards.

All supported families of models call torch's `scaled_dot_product_attention`, whose fast kernels do not return their
weights and have no forward-mode derivative. The context manager replaces this one function, not the model, and only for
the thread that entered it, so other runs are not affected and nothing is left behind.
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
    """One call of attention by the model. All tensors are part of the graph, so `torch.autograd.grad` reaches them.

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
    """Run attention in plain operations; the list fills with the calls, in order: the blocks, then a pooling head.

    Args:
        kinds: calls to be changed, by number: "one head" attends by all channels together, "alone" lets each token
            attend to itself only, so that its value passes unmixed.
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
    """Replace torch's attention, and its fast path that would bypass it, for threads that asked for that."""
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
    nothing = (scores == -torch.inf).all(-1, keepdim=True)  # a row whose keys are all masked attends to nothing
    weights = scores.masked_fill(nothing, 0.0).softmax(-1).masked_fill(nothing, 0.0)
    if kind == "alone":
        weights = torch.eye(weights.shape[-1], dtype=value.dtype, device=value.device).expand_as(weights)
    return Attention(query, key, value, weights, weights @ value)
