"""Weights of others: nothing in them is executed, whatever they are called and wherever they lie."""

import gc
import json
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import fixlip
from fixlip.errors import FixlipError
from fixlip.training import CHECKPOINT, Recipe, train
from tests.helpers.models import SHAPE
from tests.unit.encoders.test_loading import small, write_config, write_weights

pytestmark = [
    pytest.mark.filterwarnings(f"ignore:.*{text}") for text in ("default preprocessing", "Detected pickle protocol")
]


class Writes:
    """Writes a file where it is unpickled without care."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


class WrongCall:
    """Calls what may be called, in a wrong way: open_clip takes a TypeError for an old torch, and tries again."""

    def __reduce__(self):
        return torch._utils._rebuild_tensor_v2, ()


def evil(marker, kind, path):
    """A file of weights that writes `marker`."""
    state = {"state_dict": Writes(marker)}
    if kind == "zip":
        torch.save(state, path)
    elif kind == "legacy":
        torch.save(state, path, _use_new_zipfile_serialization=False)
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(state))
    elif kind == "type error":
        torch.save({"a": WrongCall(), "b": Writes(marker)}, path)
    elif kind == "numpy":
        with path.open("wb") as file:
            np.save(file, np.array([Writes(marker)], dtype=object), allow_pickle=True)
    elif kind == "script":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))
    else:
        path.write_bytes(b"\x80\x04." if kind == "short" else bytes(1000))


SOME = ("zip", "type error", "script", "zeros")
KINDS = ("zip", "legacy", "pickle", "type error", "numpy", "script", "short", "zeros")


@pytest.fixture
def marker(tmp_path):
    marker = tmp_path / "executed"
    yield marker
    assert not marker.exists(), "the file has run"


def refused(make):
    with pytest.raises(FixlipError) as caught:
        make()
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # numpy, of what is no archive
@pytest.mark.parametrize(
    ("kind", "ending"),
    [*((kind, "pt") for kind in KINDS), *(("zip", e) for e in ("bin", "safetensors", "npz", "npy")), ("numpy", "npz")],
)
def test_a_file_given_as_weights(tmp_path, marker, kind, ending):
    path = tmp_path / f"w.{ending}"
    evil(marker, kind, path)
    refused(lambda: fixlip.load_model("ViT-S-32-alt", pretrained=str(path), device="cpu"))
    gc.collect()


@pytest.mark.parametrize(
    ("kind", "name"),
    [*((kind, "open_clip_pytorch_model.bin") for kind in SOME), ("zip", "open_clip_model.safetensors")],
)
def test_a_folder_of_open_clip(tmp_path, marker, kind, name):
    write_config(tmp_path)
    evil(marker, kind, tmp_path / name)
    refused(lambda: fixlip.load_model(f"local-dir:{tmp_path}", device="cpu"))


def test_a_tower_of_timm_in_a_folder(tmp_path, marker):
    """A configuration may name a folder of timm, with weights and code of its own."""
    timm = tmp_path / "timm"
    timm.mkdir()
    evil(marker, "zip", timm / "pytorch_model.bin")
    (timm / "config.json").write_text(json.dumps({"architecture": "vit_tiny_patch16_224", "pretrained_cfg": {}}))
    write_config(tmp_path)
    path = tmp_path / "open_clip_config.json"
    config = json.loads(path.read_text())
    config["model_cfg"]["vision_cfg"] = {"image_size": 224, "timm_model_name": f"local-dir:{timm}"}
    path.write_text(json.dumps(config))
    for options in ({}, {"allow_random": True}):
        refused(lambda options=options: fixlip.load_model(f"local-dir:{tmp_path}", device="cpu", **options))


@pytest.mark.parametrize(
    ("kind", "name"), [*((kind, "pytorch_model.bin") for kind in SOME), ("zip", "model.safetensors")]
)
def test_a_folder_of_transformers(tmp_path, marker, kind, name):
    from transformers import CLIPConfig

    CLIPConfig(text_config=SHAPE, vision_config=SHAPE).save_pretrained(tmp_path)
    evil(marker, kind, tmp_path / name)
    refused(lambda: fixlip.load_model(f"transformers:{tmp_path}", device="cpu"))


CODE = """
import sys, fixlip
for name in sys.argv[1:]:
    try:
        fixlip.load_model(name, device="cpu")
    except fixlip.FixlipError as error:
        print(str(error).splitlines())
"""


def test_code_beside_a_model_is_not_run_and_nobody_is_asked(tmp_path, marker):
    """On a terminal transformers asks whether it may; the answer here is no, for a model and for a tokenizer."""
    auto = {"AutoConfig": "code.Config", "AutoModel": "code.Model", "AutoTokenizer": ["code.Model", "code.Model"]}
    auto |= {"AutoProcessor": "code.Model"}
    model, tokenizer = tmp_path / "model", tmp_path / "tokenizer"
    for folder in (model, tokenizer):
        folder.mkdir()
        (folder / "code.py").write_text(f"open({str(marker)!r}, 'w')\nclass Model: pass\nConfig = Model\n")
        (folder / "config.json").write_text(json.dumps({"model_type": "odd", "auto_map": auto}))
        (folder / "tokenizer_config.json").write_text(json.dumps({"auto_map": auto}))
    write_config(tokenizer)
    path = tokenizer / "open_clip_config.json"
    config = json.loads(path.read_text())
    config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = str(tokenizer)
    path.write_text(json.dumps(config))
    write_weights(tokenizer)
    command = [sys.executable, "-c", CODE, f"transformers:{model}", f"local-dir:{tokenizer}"]
    done = subprocess.run(command, input="y\ny\ny\n", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "[y/N]" not in done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize("kind", SOME)
def test_a_checkpoint_of_a_training(tmp_path, marker, kind):
    evil(marker, kind, tmp_path / CHECKPOINT)
    refused(lambda: train(small(), [], Recipe(steps=1, lr=1e-3), tmp_path, workers=0))


def test_the_files_would_run_where_nobody_takes_care(tmp_path):
    for kind in ("zip", "legacy", "pickle"):
        path, marker = tmp_path / kind, tmp_path / f"{kind} has run"
        evil(marker, kind, path)
        if kind == "pickle":
            pickle.loads(path.read_bytes())
        else:
            torch.load(path, weights_only=False)
        assert marker.exists()
