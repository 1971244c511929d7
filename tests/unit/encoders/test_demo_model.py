"""The bundled weights are what they are said to be; the full measurement is `scripts/evaluate_demo_model.py`."""

import json
import sys

import pytest
import torch
from open_clip.constants import HF_CONFIG_NAME

import fixlip
from fixlip.datasets.attributes import TINTED, TWINS
from fixlip.encoders.bundled import ASSETS, asset_folder, bundled_models, read_weights
from tests.helpers.paths import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

import evaluate_demo_model as evaluation

COLOURED = ("demo-bag", "demo-bound")


@pytest.fixture(scope="module", params=bundled_models())
def encoder(request):
    return fixlip.load_model(request.param, device="cpu")


def test_both_families_are_there():
    clip = dict.fromkeys(("demo-bag", "demo-bound", "demo-clip"), "open_clip CLIP")
    families = {name: fixlip.load_model(name, device="cpu").family for name in bundled_models()}
    assert families == {**clip, "demo-siglip": "open_clip CustomTextCLIP"}
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) < 20e6


def recorded(name):
    return json.loads((asset_folder(name) / "metrics.json").read_text())


def test_recorded_figures_belong_to_the_weights_and_meet_the_bar(encoder):
    figures = recorded(encoder.name)
    assert figures["weights"] == encoder.weights
    assert figures["kinds"] == (len(TINTED) if encoder.name in COLOURED else 60)
    assert figures["candidates"] == 100
    assert figures["scenes"] >= 1000
    assert figures["retrieval_train_pairs"] >= (0.85 if encoder.name in COLOURED else 0.95)
    assert figures["zero_shot"] >= (0.65 if encoder.name in COLOURED else 0.98)  # of 96 coloured kinds, named alone


@pytest.mark.slow
def test_the_figures_are_measured_again(encoder):
    coloured = encoder.name in COLOURED
    figures = evaluation.measure(encoder, rounds=1, coloured=coloured)
    assert figures["retrieval_train_pairs"] >= (0.8 if coloured else 0.93)
    assert figures["retrieval_held_out_pairs"] >= (0.8 if coloured else 0.9)
    assert figures["zero_shot"] >= (0.55 if coloured else 0.96)
    for twin, found in figures.get("twins", {}).items():
        expected = recorded(encoder.name)["twins"][twin]
        assert found["low"] <= expected["high"], twin
        assert expected["low"] <= found["high"], twin


def test_the_page_has_the_figures():
    page = (ROOT / "docs" / "evaluation.md").read_text("utf-8")
    for twin in TWINS:
        found = [recorded(name)["twins"][twin] for name in COLOURED]
        cells = " | ".join(f"{t['accuracy']:.3f} ({t['low']:.3f} to {t['high']:.3f})" for t in found)
        assert f"| {twin} | {cells} |" in page


def test_only_one_of_two_models_knows_what_belongs_to_what():
    """They have the same architecture and the same words, and know the same things; neither knows left from right."""
    bag, bound = (recorded(name)["twins"] for name in COLOURED)
    one, other = ((asset_folder(name) / HF_CONFIG_NAME).read_text() for name in COLOURED)
    assert one == other
    assert bound["colour"]["low"] >= 0.9
    assert bound["size"]["low"] >= 0.9
    assert bag["colour"]["high"] <= 0.6
    assert bag["size"]["high"] <= 0.6
    assert min(bag["object"]["low"], bound["object"]["low"]) >= 0.9
    assert read_weights("demo-bag", 49408)[1] == read_weights("demo-bound", 49408)[1]


def test_untrained_words_have_no_embedding(encoder):
    text = getattr(encoder.model, "text", encoder.model)
    _, known = read_weights(encoder.name, text.vocab_size)
    norms = text.token_embedding.weight.norm(dim=1)
    assert set(norms.nonzero().flatten().tolist()) <= known
    assert len(known) < 200


def test_words_it_never_learned_are_named_whole(encoder):
    assert encoder.text_input("a dog and a skateboarder; skateboarder").notes == (
        f"{encoder.name} never learned 'skateboarder'; use a real model for such words",
    )
    assert encoder.text_input("a dog and a car").notes == ()


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
