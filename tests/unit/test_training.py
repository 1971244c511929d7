"""The training loop, on a few scenes: an interrupted run ends where an uninterrupted one does."""

import json
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.helpers.paths import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

import train_demo_model as training

from fixlip import training as training_loop
from fixlip.datasets.attributes import COLOURS, TINTED, describe
from fixlip.errors import OptionError
from fixlip.training import Recipe, contrastive_loss, learning_rate, parameter_groups, remove_patches, train
from tests.helpers.models import FAMILIES, encoder_of


def run(folder, scenes):
    torch.manual_seed(5)
    common = ["demo-clip", "--batch", "4", "--save-every", "2", "--workers", "0", "--device", "cpu", "--lr", "1e-4"]
    paths = ["--out", str(folder / "run"), "--weights", str(folder / "weights.safetensors")]
    training.train_from_scratch(training.parse([*common, *paths, "--scenes", str(scenes)]))
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
    removed = remove_patches(pixels, (4, 4), torch.Generator().manual_seed(0))
    patches = removed.unfold(2, 4, 4).unfold(3, 4, 4).flatten(4)
    assert set(patches.flatten().tolist()) == {0.0, 1.0}
    assert torch.equal(patches.amin((1, 4)), patches.amax((1, 4)))


def test_pixels_beyond_the_last_whole_patch_stay():
    removed = remove_patches(torch.ones(20, 3, 9, 11), (4, 5), torch.Generator().manual_seed(0))
    assert removed[:, :, 8:].eq(1).all()
    assert removed[..., 10:].eq(1).all()
    assert removed[:, :, :8, :10].eq(0).any()


class Noise(torch.utils.data.Dataset):
    """Pictures and captions of nothing, in the layout of a little model."""

    def __init__(self, encoder, b=3):
        self.encoder, self.b = encoder, b

    def __getitem__(self, step):
        generator = torch.Generator().manual_seed(step)
        side = self.encoder.image_tower.prepare.height
        texts = [f"a dog {step} {k}" for k in range(self.b)]
        ids = torch.stack([self.encoder.text_tower.prepare(text).ids for text in texts])
        return torch.randint(0, 256, (self.b, 3, side, side), generator=generator, dtype=torch.uint8), ids


def start(family):
    torch.manual_seed(0)
    encoder = FAMILIES[family]()
    return encoder.model, Noise(encoder)


NORMAL = ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
TRAINED = ["open_clip CLIP, ViT", "open_clip CLIP, ResNet", "open_clip SigLIP", "open_clip SigLIP-2", "open_clip CoCa"]


@pytest.mark.parametrize("family", TRAINED)
def test_every_family_learns(family, tmp_path):
    model, noise = start(family)
    fixed = [noise[0]] * 6
    lines = []
    train(model, fixed, Recipe(6, 3e-3, warmup=1), tmp_path, normalise=NORMAL, workers=0, on_line=lines.append)
    assert lines == [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 5]
    assert lines[1]["loss"] < lines[0]["loss"] - 0.01
    assert not model.training


@pytest.mark.parametrize("family", ["open_clip CLIP, ViT", "open_clip SigLIP"])
def test_the_loss_is_that_of_the_definition(family):
    encoder = encoder_of(family)
    (pictures, tokens), model = Noise(encoder)[0], encoder.model
    pixels = pictures.float() / 255
    with torch.no_grad():
        u, w = model.encode_image(pixels).double(), model.encode_text(tokens).double()
        u, w = u / u.norm(dim=1, keepdim=True), w / w.norm(dim=1, keepdim=True)
        logits = model.logit_scale.double().exp() * u @ w.T
        if model.logit_bias is None:
            expected = -(logits.log_softmax(1).diag().mean() + logits.log_softmax(0).diag().mean()) / 2
        else:
            signs = 2 * torch.eye(3) - 1
            expected = (1 + torch.exp(-signs * (logits + model.logit_bias))).log().sum() / 3
        assert contrastive_loss(model, pixels, tokens).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("family", ["open_clip CLIP, ViT", "open_clip SigLIP"])
def test_wrong_captions_count_for_their_own_picture_only(family):
    encoder = encoder_of(family)
    (pictures, tokens), model = Noise(encoder)[0], encoder.model
    pixels, wrong = pictures.float() / 255, Noise(encoder, b=6)[7][1].view(3, 2, -1).clone()
    wrong[1, 1] = 0  # no caption
    with torch.no_grad():
        u, w = model.encode_image(pixels).double(), model.encode_text(tokens).double()
        others = model.encode_text(wrong.flatten(0, 1)).double().view(3, 2, -1)
        u, w, others = (x / x.norm(dim=-1, keepdim=True) for x in (u, w, others))
        scale = model.logit_scale.double().exp()
        logits, own = scale * u @ w.T, scale * (u[:, None] * others).sum(-1)
        given = [[own[0, 0], own[0, 1]], [own[1, 0]], [own[2, 0], own[2, 1]]]
        if model.logit_bias is None:
            rows = [torch.cat([row, torch.stack(more)]) for row, more in zip(logits, given, strict=True)]
            of_pictures = torch.stack([row.log_softmax(0)[k] for k, row in enumerate(rows)])
            expected = -(of_pictures.mean() + logits.log_softmax(0).diag().mean()) / 2
        else:
            signs = 2 * torch.eye(3) - 1
            expected = (1 + torch.exp(-signs * (logits + model.logit_bias))).log().sum() / 3
            more = torch.stack([one for row in given for one in row])
            expected += (1 + torch.exp(more + model.logit_bias)).log().sum() / 3
        assert contrastive_loss(model, pixels, tokens, wrong).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("ignored", [False, True])
def test_wrong_captions_are_trained_against(ignored, tmp_path, monkeypatch):
    """The true caption of each picture comes to score above its wrong one; with them left out it does not."""
    encoder = FAMILIES["open_clip CLIP, ViT"]()
    side, model = encoder.image_tower.prepare.height, encoder.model
    pictures = torch.zeros(2, 3, side, side, dtype=torch.uint8)
    pictures[0, :, : side // 2], pictures[1, :, side // 2 :] = 250, 250
    texts = ["a dog above a bus", "a bus above a dog"]
    both = torch.stack([encoder.text_tower.prepare(text).ids for text in texts])
    if ignored:
        loss = training_loop.contrastive_loss
        monkeypatch.setattr(training_loop, "contrastive_loss", lambda *inputs: loss(*inputs[:3]))
    batches = [(pictures[k % 2, None], both[k % 2, None], both[1 - k % 2, None, None]) for k in range(40)]
    train(model, batches, Recipe(40, 3e-3, warmup=1), tmp_path, normalise=NORMAL, workers=0)
    with torch.no_grad():
        pixels = (pictures / 255 - torch.tensor(NORMAL[0]).view(3, 1, 1)) / torch.tensor(NORMAL[1]).view(3, 1, 1)
        logits = model.encode_image(pixels, normalize=True) @ model.encode_text(both, normalize=True).T
    right = bool((logits.diag() > logits.flip(1).diag() + 0.05).all())
    assert right != ignored


@pytest.mark.slow
@pytest.mark.parametrize("family", ["open_clip CLIP, ViT", "open_clip SigLIP"])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_that_was_stopped_ends_with_the_same_bits(family, workers, tmp_path):
    recipe = Recipe(7, 1e-3, warmup=2, patch=(16, 16))
    call = {"normalise": NORMAL, "save_every": 3, "workers": workers}
    expected, noise = start(family)
    train(expected, noise, recipe, tmp_path / "whole", **call)

    class Dies(Noise):
        def __getitem__(self, step):
            if step == 5:
                raise RuntimeError("no power")
            return super().__getitem__(step)

    model, noise = start(family)
    with pytest.raises(RuntimeError, match="no power"):
        train(model, Dies(noise.encoder), recipe, tmp_path / "halves", **call)
    resumed, noise = start(family)
    train(resumed, noise, recipe, tmp_path / "halves", **call)
    before, after = expected.state_dict(), resumed.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    untouched = start(family)[0].state_dict()
    assert any(not torch.equal(before[k], untouched[k]) for k in before)


def test_processes_start_in_silence_after_an_index_was_used(tmp_path):
    pytest.importorskip("lance")  # warns of every fork from now on
    model, noise = start("open_clip CLIP, ViT")
    train(model, noise, Recipe(1, 1e-3), tmp_path, normalise=NORMAL, workers=1)


def test_patches_are_removed_in_every_other_batch(tmp_path, monkeypatch):
    model, noise = start("open_clip CLIP, ViT")
    encode, removed = model.encode_image, []

    def spy(pixels, **options):
        removed.append(bool((pixels[:, 0] == 0).any()))  # bytes are never exactly the mean of this channel
        return encode(pixels, **options)

    monkeypatch.setattr(model, "encode_image", spy)
    train(model, noise, Recipe(4, 1e-3, patch=(16, 16)), tmp_path / "some", normalise=NORMAL, workers=0)
    train(model, noise, Recipe(2, 1e-3), tmp_path / "none", normalise=NORMAL, workers=0)
    assert removed == [False, True, False, True, False, False]


def test_a_folder_with_another_recipe_is_refused(tmp_path):
    model, noise = start("open_clip CLIP, ViT")
    train(model, noise, Recipe(2, 1e-3), tmp_path, normalise=NORMAL, workers=0)
    with pytest.raises(OptionError, match=r"lr = 0\.001, not 0\.002"):
        train(model, noise, Recipe(2, 2e-3), tmp_path, normalise=NORMAL, workers=0)


def test_pictures_in_bytes_need_mean_and_std(tmp_path):
    model, noise = start("open_clip CLIP, ViT")
    with pytest.raises(OptionError, match="normalise"):
        train(model, noise, Recipe(2, 1e-3), tmp_path, workers=0)


def test_frozen_parameters_stay(tmp_path):
    model, noise = start("open_clip CLIP, ViT")
    model.visual.requires_grad_(False)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    train(model, noise, Recipe(2, 1e-3), tmp_path, normalise=NORMAL, workers=0)
    changed = {k.split(".")[0] for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert "visual" not in changed
    assert {"transformer", "token_embedding"} <= changed


def test_schedule_and_decay():
    rates = [learning_rate(step, 100, 2.0, 10) for step in range(101)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == pytest.approx(2.0, rel=0.03)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[55:] == sorted(rates[55:], reverse=True)
    assert rates[100] == pytest.approx(0, abs=1e-9)
    matrices, others = parameter_groups(torch.nn.Linear(3, 2), 0.1)
    assert (matrices["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert [p.ndim for p in matrices["params"]] == [2]
    assert [p.ndim for p in others["params"]] == [1]


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


def test_batches_of_scenes_with_attributes():
    """Twins change neither pictures nor captions; no two captions have the same words; rows without twin are zeros."""
    asked = []

    def tokenizer(texts):
        asked.append(texts)
        return torch.tensor([[1, len(text)] for text in texts])

    pictures, tokens = training.AttributeBatches(tokenizer, 32, 64, 1, 0)[0]
    (captions,) = asked
    with_twins, same, wrong = training.AttributeBatches(tokenizer, 32, 64, 1, 0, twins=2)[0]
    assert asked[1] == captions
    assert torch.equal(pictures, with_twins)
    assert torch.equal(tokens, same)
    assert wrong.shape == (64, 2, 2)
    for caption, twins, row in zip(captions, asked[2:], wrong, strict=True):
        assert len(twins) == 1 + (sum(word in COLOURS for word in caption.split()) == 2)
        assert row[:, 0].tolist() == [1, len(twins) - 1]
        assert caption not in twins
    bags = [frozenset(set(caption.split()) & {*COLOURS, *TINTED}) for caption in captions]
    assert len(set(bags)) == 64


def test_shuffled_captions_say_things_of_the_one_or_the_other():
    """Each exchange is that of the wrong twin; all exchanges, done twice, change nothing."""
    for seed in range(100):
        said = describe(("dog", "car"), np.random.default_rng(seed))
        twins = said.twins()
        for twin, exchange in zip(("colour", "size", "relation"), np.eye(3, dtype=bool), strict=True):
            assert said.exchanged(*exchange).caption == twins.get(twin, said.caption)
        assert said.exchanged() == said.exchanged(True, True, True).exchanged(True, True, True) == said
