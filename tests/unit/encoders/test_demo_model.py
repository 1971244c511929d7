"""The bundled weights are what they are said to be; the full measurement is `scripts/evaluate_demo_model.py`."""

import json
import sys

import pytest
import torch

import fixlip
from fixlip.encoders.bundled import WEIGHTS, asset_folder, bundled_models, read_weights
from tests.helpers.paths import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

import evaluate_demo_model as evaluation


@pytest.fixture(scope="module", params=bundled_models())
def encoder(request):
    return fixlip.load_model(request.param, device="cpu")


def test_both_families_are_there():
    kinds = {name: fixlip.load_model(name, device="cpu").family for name in bundled_models()}
    assert kinds == {"demo-clip": "open_clip CLIP", "demo-siglip": "open_clip CustomTextCLIP"}
    assert sum((asset_folder(name) / WEIGHTS).stat().st_size for name in kinds) < 14e6


def test_recorded_figures_belong_to_the_weights_and_meet_the_bar(encoder):
    recorded = json.loads((asset_folder(encoder.name) / "metrics.json").read_text())
    assert recorded["weights"] == encoder.weights
    assert recorded["kinds"] >= 48
    assert recorded["candidates"] == 100
    assert recorded["retrieval_train_pairs"] >= 0.95
    assert recorded["zero_shot"] >= 0.98


@pytest.mark.slow
def test_the_figures_are_measured_again(encoder):
    figures = evaluation.measure(encoder, rounds=1)
    assert figures["retrieval_train_pairs"] >= 0.93
    assert figures["retrieval_held_out_pairs"] >= 0.9
    assert figures["zero_shot"] >= 0.96


def test_untrained_words_have_no_embedding(encoder):
    text = getattr(encoder.model, "text", encoder.model)
    _, known = read_weights(encoder.name, text.vocab_size)
    norms = text.token_embedding.weight.norm(dim=1)
    assert set(norms.nonzero().flatten().tolist()) <= known
    assert len(known) < 200


def test_words_it_never_learned_are_named_whole(encoder):
    assert encoder.text_input("a dog, a skateboarder; skateboarder").notes == (
        f"{encoder.name} never learned 'skateboarder'; use a real model for such words",
    )
    assert encoder.text_input("a dog and a bus").notes == ()


def test_siglip_rules_hold():
    siglip = fixlip.load_model("demo-siglip", device="cpu")
    assert siglip.logit_bias < 0
    assert siglip.image_tower.prefix == 0
    assert not siglip.text_tower.causal
    x = siglip.text_input("A Dog, next-to a BUS!")
    assert torch.equal(x.ids, siglip.text_input("a dog nextto a bus").ids)
    assert [x.text[slice(*s)] for s in x.spans][:2] == ["A", "Dog"]
    everything = siglip.text_tower.attended(x.ids[None])
    assert everything.all()
    padding = torch.ones_like(everything)
    padding[0, x.positions[-1] + 2 :] = False
    assert not torch.allclose(siglip.text_tower.encode(x.ids[None], padding), siglip.model.encode_text(x.ids[None]))
