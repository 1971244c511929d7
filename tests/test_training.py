"""The training loop, on a few scenes: an interrupted run ends where an uninterrupted one does."""

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

import train_demo_model as training


def run(folder, scenes):
    torch.manual_seed(5)
    common = ["demo-clip", "--batch", "4", "--save-every", "2", "--workers", "0", "--device", "cpu", "--lr", "1e-4"]
    paths = ["--out", str(folder / "run"), "--weights", str(folder / "weights.safetensors")]
    training.train(training.parse([*common, *paths, "--scenes", str(scenes)]))
    return load_file(folder / "weights.safetensors")


@pytest.mark.slow
def test_resuming_changes_nothing(tmp_path, monkeypatch):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    whole.mkdir()
    halves.mkdir()
    expected = run(whole, 16)
    save, calls = torch.save, []

    def die_after_first_checkpoint(*args, **kwargs):
        if calls:
            raise KeyboardInterrupt
        calls.append(save(*args, **kwargs))

    monkeypatch.setattr(torch, "save", die_after_first_checkpoint)
    with pytest.raises(KeyboardInterrupt):
        run(halves, 16)
    monkeypatch.setattr(torch, "save", save)
    resumed = run(halves, 16)
    assert expected.keys() == resumed.keys()
    assert all(torch.equal(expected[k], resumed[k]) for k in expected)


def test_removed_patches_are_zero_and_whole():
    pixels = torch.ones(3, 3, 8, 8)
    removed = training.remove_patches(pixels, 4, torch.Generator().manual_seed(0))
    patches = removed.unfold(2, 4, 4).unfold(3, 4, 4).flatten(4)
    assert set(patches.flatten().tolist()) == {0.0, 1.0}
    assert torch.equal(patches.amin((1, 4)), patches.amax((1, 4)))


def test_no_two_scenes_of_a_batch_show_the_same_objects():
    captions = []

    def tokenizer(texts):
        captions.extend(texts)
        return torch.zeros(len(texts), 1)

    images, _ = training.SceneBatches(tokenizer, 32, 64, 1, seed=0)[0]
    shown = [
        frozenset(k for k in training.scenes.kinds() if k in caption.split() or f"{k}," in caption)
        for caption in captions
    ]
    assert len(set(shown)) == len(shown) == len(images) == 64
