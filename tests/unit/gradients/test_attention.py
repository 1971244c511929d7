"""Attention in plain operations is torch's own, in view, and leaves nothing behind."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from fixlip.gradients.attention import plain_attention
from tests.helpers.oracles import assert_close


def tensors(length=5, keys=7, heads=3, width=4, dtype=torch.float64):
    rng = np.random.default_rng(0)
    sizes = ((2, heads, length, width), (2, heads, keys, width), (2, heads, keys, width))
    return [torch.tensor(rng.normal(size=size), dtype=dtype) for size in sizes]


def boolean_mask(length=5, keys=7):
    mask = torch.tensor(np.random.default_rng(1).random((2, 1, length, keys)) < 0.6)
    mask[..., 0] = True
    return mask


CASES = {
    "nothing said": {},
    "scale": {"scale": 0.3},
    "causal": {"is_causal": True},
    "boolean mask": {"attn_mask": boolean_mask()},
    "additive mask": {"attn_mask": torch.tensor(np.random.default_rng(2).normal(size=(5, 7)))},
    "mask and scale": {"attn_mask": boolean_mask(), "scale": 1.7},
    "no dropout": {"dropout_p": 0.0},
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_torchs_own(case):
    query, key, value = tensors()
    own = functional.scaled_dot_product_attention(query, key, value, **CASES[case])
    with plain_attention() as calls:
        plain = functional.scaled_dot_product_attention(query, key, value, **CASES[case])
    assert_close(plain, own, 1e-12)
    (call,) = calls
    assert call.output is plain
    assert (call.query is query, call.key is key, call.value is value) == (True, True, True)
    assert_close(call.weights.sum(-1), np.ones((2, 3, 5)), 1e-12)
    assert_close(torch.einsum("bhqk,bhkd->bhqd", call.weights, value), own, 1e-12)


def test_hidden_keys_have_no_weight():
    query, key, value = tensors()
    mask = boolean_mask()
    with plain_attention() as calls:
        functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    assert not calls[0].weights[~mask.expand(2, 3, 5, 7)].any()
    assert not calls[1].weights[..., torch.ones(5, 7).triu(1).bool()].any()
    assert calls[1].weights[..., torch.ones(5, 7).tril().bool()].all()


def test_a_row_without_keys_is_zero_as_in_torch():
    query, key, value = tensors()
    mask = boolean_mask()
    mask[0, 0, 2] = False
    own = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    with plain_attention() as calls:
        plain = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    assert_close(plain, own, 1e-12)
    assert not calls[0].weights[0, :, 2].any()


@pytest.mark.parametrize("case", CASES)
def test_backward_derivatives_are_torchs_own(case):
    grads = []
    for plain in (False, True):
        inputs = [x.requires_grad_() for x in tensors()]
        if plain:
            with plain_attention():
                output = functional.scaled_dot_product_attention(*inputs, **CASES[case])
        else:
            output = functional.scaled_dot_product_attention(*inputs, **CASES[case])
        grads.append(torch.autograd.grad((output**2).sum(), inputs))
    for own, ours in zip(*grads, strict=True):
        assert_close(ours, own, 1e-11)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:FutureWarning")  # torch's own, at the first of these derivatives
def test_forward_derivatives_exist():
    query, key, value = tensors()

    def function(x):
        return functional.scaled_dot_product_attention(x, key, value, is_causal=True)

    direction, step = torch.ones_like(query), 1e-5
    with plain_attention():
        _, tangent = torch.func.jvp(function, (query,), (direction,))
    expected = (function(query + step * direction) - function(query - step * direction)) / (2 * step)
    assert_close(tangent, expected, 1e-8)


def test_gradients_reach_weights_and_outputs():
    query, key, value = (x.requires_grad_() for x in tensors())
    with plain_attention() as calls:
        output = functional.scaled_dot_product_attention(query, key, value)
    weights, of_output = torch.autograd.grad((output**2).sum(), [calls[0].weights, calls[0].output])
    assert_close(of_output, (2 * output).detach(), 1e-12)
    assert_close(weights, (2 * output @ value.transpose(-2, -1)).detach(), 1e-12)


@pytest.mark.parametrize("kind", ["self-attention", "pooling"])
def test_multihead_attention_of_torch_is_seen(kind):
    torch.manual_seed(0)
    module = torch.nn.MultiheadAttention(12, 3, batch_first=True).double().eval()
    x = torch.randn(2, 7, 12, dtype=torch.float64)
    query = x if kind == "self-attention" else torch.randn(2, 1, 12, dtype=torch.float64)
    own, weights = module(query, x, x, average_attn_weights=False)
    with torch.no_grad(), plain_attention() as calls:
        plain = module(query, x, x, need_weights=False)[0]
    assert_close(plain, own.detach(), 1e-12)
    assert_close(calls[0].weights, weights.detach(), 1e-12)


def test_an_encoder_layer_of_torch_keeps_off_its_fast_path():
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(12, 3, 16, batch_first=True).eval()
    x = torch.randn(2, 7, 12)
    with torch.no_grad():
        own = layer(x)
        with plain_attention() as calls:
            plain = layer(x)
    assert len(calls) == 1
    assert_close(plain, own, 1e-5)


def test_one_call_lets_its_values_pass_unmixed():
    query, key, value = tensors(length=7)
    with plain_attention({1: "alone"}) as calls:
        found = [functional.scaled_dot_product_attention(query, key, value) for _ in range(3)]
    assert_close(found[1], value, 0)
    assert_close(calls[1].weights, np.broadcast_to(np.eye(7), (2, 3, 7, 7)), 0)
    assert_close(found[0], found[2], 0)
    assert not torch.equal(found[0], value)


@pytest.mark.parametrize("case", ["nothing said", "causal", "boolean mask", "additive mask"])
def test_one_head_attends_by_all_channels(case):
    query, key, value = tensors()
    whole = [x.transpose(1, 2).flatten(2)[:, None] for x in (query, key, value)]  # [B, 1, L, heads * width]
    own = functional.scaled_dot_product_attention(*whole, **CASES[case])
    with plain_attention({0: "one head"}) as calls:
        found = functional.scaled_dot_product_attention(query, key, value, **CASES[case])
    assert_close(found.transpose(1, 2).flatten(2)[:, None], own, 1e-12)
    assert_close(calls[0].weights[:, 0], calls[0].weights[:, 2], 0)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("falls", [True, False])
def test_nothing_is_left_behind(fast, falls):
    before, own = torch.backends.mha.get_fastpath_enabled(), functional.scaled_dot_product_attention
    torch.backends.mha.set_fastpath_enabled(fast)
    try:
        try:
            with plain_attention():
                assert functional.scaled_dot_product_attention is not own
                assert not torch.backends.mha.get_fastpath_enabled()
                if falls:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert functional.scaled_dot_product_attention is own
        assert torch.backends.mha.get_fastpath_enabled() is fast
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def test_one_inside_another_gives_back_the_outer():
    query, key, value = tensors()
    with plain_attention() as outer:
        with plain_attention() as inner:
            functional.scaled_dot_product_attention(query, key, value)
        functional.scaled_dot_product_attention(query, key, value)
    assert (len(outer), len(inner)) == (1, 1)
