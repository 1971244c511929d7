"""Fine-tuning, end to end on little models: what is drawn, what is skipped, and what becomes of it."""

import json
import sys

import open_clip
import pytest
import torch

import fixlip
from fixlip.datasets import load_dataset
from fixlip.datasets.base import BadItem, Caption, GroundedObject, Item
from fixlip.datasets.scenes import kinds, make_scene
from fixlip.errors import FixlipError, InputError, OptionError
from fixlip.training import CaptionBatches, write_model
from tests.helpers.datasets import ListedData
from tests.helpers.layouts import FAULTS, WRITERS
from tests.helpers.models import PREPROCESS, TEXT, VIT, encoder_of, folder
from tests.helpers.paths import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

import fine_tune

NEW, OLD = "scenes:40 vocabulary=new size=48 seed=500", "scenes:30 size=48 seed=600"


class Tokens:
    """Notes the captions of each batch."""

    def __init__(self):
        self.captions = []

    def __call__(self, captions):
        self.captions.append(captions)
        return torch.zeros(len(captions), 4, dtype=torch.long)


def batches_of(parts, steps=4, **options):
    tokens = Tokens()
    return CaptionBatches(parts, lambda picture: torch.zeros(3, 2, 2), tokens, steps, **options), tokens.captions


@pytest.fixture
def tiny(tmp_path):
    """A folder with a little model with random weights."""
    torch.manual_seed(0)
    config = {"embed_dim": 24, "vision_cfg": VIT, "text_cfg": TEXT}
    preprocess = {**{k: v for k, v in PREPROCESS.items() if k != "size"}, "resize_mode": "squash"}
    write_model(tmp_path / "tiny", open_clip.CLIP(**config), open_clip.SimpleTokenizer(), config, preprocess)
    return tmp_path / "tiny"


def tune(model, out, *more, data=NEW, pairs=32, batch=8):
    common = ["--pairs", str(pairs), "--batch", str(batch), "--workers", "0", "--device", "cpu", "--warmup", "2"]
    return fine_tune.fine_tune(
        fine_tune.parse([model, "--data", data, "--out", str(out), *common, "--lr", "1e-3", *more])
    )


def test_end_to_end(tiny, tmp_path, capsys):
    before = fixlip.load_model(f"local-dir:{tiny}", device="cpu")
    made = tune(f"local-dir:{tiny}", tmp_path / "run", "--same", "objects", "--replay", "0.25", "--replay-data", OLD)
    assert "scenes: 0 of 40 entries" in capsys.readouterr().out
    after = fixlip.load_model(f"local-dir:{made}", device="cpu")
    assert after.weights != before.weights
    assert after.image_tower.prepare.config == before.image_tower.prepare.config
    scene = make_scene(1, vocabulary="new", n_objects=1)
    found = fixlip.explain(scene.image, scene.caption, model=after, image_masks=32, progress=False)
    assert found.cross.shape[0] == 9
    assert found.provenance.weights == after.weights
    settings = json.loads((made / "settings.json").read_text())
    assert (settings["data"], settings["replay"], settings["lr"]) == (NEW, 0.25, 1e-3)
    checkpoint = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert all(torch.equal(v, checkpoint["model"][k]) for k, v in after.model.state_dict().items())
    tune(f"local-dir:{tiny}", tmp_path / "run", "--same", "objects", "--replay", "0.25", "--replay-data", OLD)
    assert fixlip.load_model(f"local-dir:{made}", device="cpu").weights == after.weights


def test_a_bundled_model_learns_new_words(tmp_path):
    before = fixlip.load_model("demo-clip", device="cpu")
    made = tune("demo-clip", tmp_path / "run", data="scenes:16 vocabulary=new size=64", pairs=16)
    after = fixlip.load_model(f"local-dir:{made}", device="cpu")
    caption = "a whale and a robot"
    assert "never learned 'whale', 'robot'" in before.text_input(caption).notes[0]
    assert after.text_input(caption).notes == ()
    ids = after.text_input("whale").ids[1:2]
    rows = [e.model.token_embedding.weight[ids].abs().max().item() for e in (before, after)]
    assert rows[0] == 0 < rows[1]


def test_a_tokenizer_of_transformers_goes_along(tmp_path):
    encoder = encoder_of("open_clip SigLIP-2")
    tokenizer = open_clip.tokenizer.HFTokenizer(str(folder("siglip2")), context_length=20, clean="canonicalize")
    from tests.helpers.models import SIGLIP_TEXT, SIGLIP_VIT

    text = {**TEXT, **SIGLIP_TEXT, "vocab_size": 500, "act_kwargs": {"approximate": "tanh"}}
    text["tokenizer_kwargs"] = {"clean": "canonicalize"}
    config = {"embed_dim": 192, "vision_cfg": SIGLIP_VIT, "text_cfg": text, "init_logit_bias": -10.0}
    config["custom_text"] = True
    preprocess = {"mean": PREPROCESS["mean"], "std": PREPROCESS["std"], "resize_mode": "squash"}
    write_model(tmp_path / "model", encoder.model, tokenizer, config, preprocess)
    loaded = fixlip.load_model(f"local-dir:{tmp_path / 'model'}", device="cpu")
    assert loaded.weights == encoder.weights
    assert torch.equal(loaded.text_input("a black dog").ids, encoder.text_input("a black dog").ids)
    assert loaded.logit_bias == pytest.approx(-10.0)


def test_each_batch_has_its_share_of_each_data_set():
    new, old = set(kinds("new")), set(kinds("bundled"))
    data, replay = f"{NEW} n_objects=4", f"{OLD} n_objects=3"
    options = ["--data", data, "--replay", "0.25", "--replay-data", replay, "--batch", "16"]
    parts = fine_tune.parts_of(fine_tune.parse(["x", "--out", "x", *options]))
    assert [(len(data), n) for data, n in parts] == [(40, 12), (30, 4)]
    batches, captions = batches_of(parts)
    for step in range(4):
        batches[step]
        words = [set(caption.replace(",", " ").split()) for caption in captions[step]]
        assert [bool(w & new) for w in words].count(True) == 12
        assert [bool(w & old) for w in words].count(True) == 4
        assert not any(w & new and w & old for w in words)


@pytest.mark.parametrize("name", ["coco", "flickr30k"])
def test_what_cannot_be_used_is_skipped_and_counted(name, tiny, tmp_path, capsys):
    layout = WRITERS[name](tmp_path / "data", 6, faults=FAULTS)
    bad = sum(layout.bad.values())
    assert bad >= 4
    call = (f"local-dir:{tiny}", tmp_path / "run")
    for _ in range(2):  # what was skipped is known to a run that goes on
        tune(*call, data=layout.spec, pairs=40, batch=10)
        assert f"{bad} of {len(layout)} entries could not be used" in capsys.readouterr().out


def test_every_entry_comes_once_an_epoch_in_another_order():
    data = load_dataset("scenes:10", size=48)
    batches, captions = batches_of([(data, 5)], 6, seed=3)
    for step in range(6):
        batches[step]
    every = sorted(data[i].captions[0].text for i in range(10))
    epochs = [captions[2 * k] + captions[2 * k + 1] for k in range(3)]
    assert all(sorted(epoch) == every for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    again, same = batches_of([(data, 5)], 6, seed=3)
    again[4], again[1]
    assert same == [captions[4], captions[1]]


def item(k, text, *names):
    return Item(
        str(k), make_scene(k, size=48).image, (Caption(text, tuple(GroundedObject(n, (), (0, 1)) for n in names)),)
    )


def test_no_batch_has_a_caption_twice():
    data = ListedData(
        item(0, "a dog", "dog"), item(1, "a dog", "dog"), item(2, "dog", "dog"), item(3, "it"), item(4, "that")
    )
    for same, left in (("text", 4), ("objects", 3)):
        batches, captions = batches_of([(data, 5)], same=same)
        assert len(batches[0][0]) == len(set(captions[0])) == left


def test_a_batch_without_anything_usable_says_so():
    batches, _ = batches_of([(ListedData(BadItem("0", "malformed", "It is.")), 2)])
    with pytest.raises(InputError, match="No entry of batch 0"):
        batches[0]
    assert batches.bad[0].tolist() == [True]


@pytest.mark.parametrize("more", [("--replay", "0.5"), ("--replay-data", OLD), ("--replay", "1", "--replay-data", OLD)])
def test_replay_is_a_share_of_something(more, tiny, tmp_path):
    with pytest.raises(OptionError, match="share from 0 to below 1"):
        tune(f"local-dir:{tiny}", tmp_path / "run", *more)


def test_other_libraries_and_unknown_models_are_refused(tmp_path):
    with pytest.raises(FixlipError, match="Did you mean 'demo-clip'"):
        tune("demo-clp", tmp_path / "run")
