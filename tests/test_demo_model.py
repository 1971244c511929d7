"""The bundled weights are what they are said to be; the full measurement is `scripts/evaluate_demo_model.py`."""

import json
import sys
from pathlib import Path

import pytest

from fixlip.encoders.bundled import asset_folder, bundled_models, read_weights

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

import evaluate_demo_model as evaluation


@pytest.mark.parametrize("name", bundled_models())
def test_recorded_figures_belong_to_the_weights_and_meet_the_bar(name, demo_clip):
    recorded = json.loads((asset_folder(name) / "metrics.json").read_text())
    assert recorded["weights"] == demo_clip.weights
    assert recorded["kinds"] >= 48
    assert recorded["candidates"] == 100
    assert recorded["retrieval_train_pairs"] >= 0.95
    assert recorded["zero_shot"] >= 0.98


@pytest.mark.slow
def test_the_figures_are_measured_again(demo_clip):
    figures = evaluation.measure(demo_clip, rounds=2)
    assert figures["retrieval_train_pairs"] >= 0.93
    assert figures["retrieval_held_out_pairs"] >= 0.9
    assert figures["zero_shot"] >= 0.96


def test_untrained_words_have_no_embedding(demo_clip):
    state, known = read_weights("demo-clip", demo_clip.model.vocab_size)
    norms = state["token_embedding.weight"].norm(dim=1)
    assert set(norms.nonzero().flatten().tolist()) <= known
    assert len(known) < 200
