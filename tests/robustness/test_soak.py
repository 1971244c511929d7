"""The soak itself: it runs, and it notices what grows and what stays behind; an hour of it is in the benchmarks."""

import json

import pytest
import torch

from scripts import soak
from tests.helpers.paths import ROOT

HOUR = ROOT / "benchmarks" / "results" / "soak.json"


@pytest.fixture
def briefly(monkeypatch):
    """A few seconds of a few things."""

    def run(**more):
        few = {name: soak.ACTIONS[name] for name in ("save and load", "interrupted", "two threads")}
        monkeypatch.setattr(soak, "ACTIONS", few | more)
        monkeypatch.setattr(soak, "FAMILIES", ["open_clip CLIP, ViT"])
        return soak.soak_for(0.1, every=0)

    return run


def test_nothing_stays_behind(briefly):
    samples, changed, done = briefly()
    assert changed == []
    assert samples
    assert all(done.done[name] for name in soak.ACTIONS)


def test_planted_leaks_are_noticed(briefly):
    kept = []

    def leaky(one):
        kept.extend(torch.zeros(3) for _ in range(2000))
        one.encoders[0].model.register_forward_hook(print)

    samples, changed, _ = briefly(leaky=(10, leaky))
    found = soak.verdict(samples, changed)
    assert any(line.startswith("tensors grew by") for line in found)
    assert any("hooks" in line for line in found)


def test_each_kind_of_growth_is_noticed():
    flat = [dict.fromkeys(soak.MOST_GROWTH, 100.0) | {"done": 10.0 * k} for k in range(40)]
    assert soak.verdict(flat, []) == []
    for name in soak.MOST_GROWTH:
        rising = [{**one, name: 100.0 + k} for k, one in enumerate(flat)]
        assert soak.verdict(rising, [])[0].startswith(f"{name} grew by ")


def test_the_hour_that_is_published_was_flat():
    found = json.loads(HOUR.read_text("utf-8"))
    assert found["minutes"] >= 60
    assert found["samples"][-1]["done"] > 500
    assert soak.verdict(found["samples"], found["changed"]) == []
