"""The type that is chosen by timing products."""

import pytest
import torch

import fixlip
from fixlip.encoders import precision


@pytest.fixture(autouse=True)
def forgotten():
    precision.fastest.cache_clear()
    yield
    precision.fastest.cache_clear()


@pytest.mark.parametrize(("faster", "chosen"), [(4.0, "bfloat16"), (1.2, "float32"), (0.0, "float32")])
def test_bfloat16_only_where_it_pays(monkeypatch, faster, chosen):
    """`faster` times as fast as float32; 0 where a device cannot make it."""
    seconds = {torch.float32: 1.0, torch.bfloat16: 1 / faster if faster else float("inf")}
    monkeypatch.setattr(precision, "_seconds", lambda device, dtype: seconds[dtype])
    model = fixlip.load_model("demo-clip", dtype="auto")
    assert str(model.dtype) == f"torch.{chosen}"
    assert (model.weights == fixlip.load_model("demo-clip").weights) == (chosen == "float32")


def test_a_device_is_timed():
    assert 0 < precision._seconds("cpu", torch.float32) < 10
    assert precision._seconds("meta", torch.float32) == float("inf")
