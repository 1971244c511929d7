"""Encoders from names, files, folders and caches, and the messages where loading fails."""

import json
import logging
import sys
from shutil import copytree

import huggingface_hub
import open_clip
import pytest
import torch

import fixlip
from fixlip.encoders import available, first_available
from fixlip.errors import MissingExtraError, OptionError, UnsupportedModelError
from fixlip.games.similarity import games
from tests.helpers.models import PREPROCESS, SHAPE, SIGLIP_VIT, encoder_of, folder, picture, pieces_tokenizer


def small(**changes):
    return open_clip.create_model("ViT-S-32-alt", load_weights=False, **changes)


def test_weights_from_a_file(tmp_path):
    model = small()
    torch.save(model.state_dict(), tmp_path / "w.pt")
    with pytest.warns(UserWarning, match=r"w\.pt.*default preprocessing"):
        encoder = fixlip.load_model("ViT-S-32-alt", pretrained=str(tmp_path / "w.pt"), device="cpu")
    assert torch.equal(encoder.model.visual.proj, model.visual.proj)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*default preprocessing")
def test_weights_of_another_model_do_not_fit(tmp_path):
    torch.save(small().state_dict(), tmp_path / "w.pt")
    with pytest.raises(UnsupportedModelError, match="do not fit") as caught:
        fixlip.load_model("ViT-B-32", pretrained=str(tmp_path / "w.pt"), device="cpu")
    assert "\n" not in str(caught.value)
    (tmp_path / "broken.pt").write_bytes(b"not weights")
    with pytest.raises(UnsupportedModelError, match=r"broken\.pt"):
        fixlip.load_model("ViT-B-32", pretrained=str(tmp_path / "broken.pt"), device="cpu")


def write_config(path):
    vision = {"image_size": 48, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16}
    text = {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2}
    config = {
        "model_cfg": {"embed_dim": 24, "vision_cfg": vision, "text_cfg": text},
        "preprocess_cfg": {k: v for k, v in PREPROCESS.items() if k != "size"},
    }
    (path / "open_clip_config.json").write_text(json.dumps(config))


def write_weights(path):
    from safetensors.torch import save_file

    state = encoder_of("open_clip CLIP, ViT").model.state_dict()
    save_file({k: v.contiguous() for k, v in state.items()}, path / "open_clip_model.safetensors")


def test_a_local_folder_of_open_clip(tmp_path):
    write_config(tmp_path)
    with pytest.raises(UnsupportedModelError, match="local-dir"):
        fixlip.load_model(f"local-dir:{tmp_path}", device="cpu")
    write_weights(tmp_path)
    encoder = fixlip.load_model(f"local-dir:{tmp_path}", device="cpu")
    assert encoder.weights == encoder_of("open_clip CLIP, ViT").weights
    assert encoder.image_tower.prepare.config.mean == list(PREPROCESS["mean"])
    with pytest.raises(UnsupportedModelError, match=r"no open_clip_config\.json"):
        fixlip.load_model(f"local-dir:{tmp_path / 'elsewhere'}")


@pytest.mark.parametrize(
    ("part", "name", "value", "lacks"),
    [
        ("text_cfg", "hf_model_name", "org/tower", "'org/tower' of a hub, but has no config.json"),
        ("vision_cfg", "timm_model_name", "hf-hub:org/tower", "'org/tower' of a hub, but has no config.json"),
        ("text_cfg", "hf_tokenizer_name", "org/tower", "has no tokenizer"),
        ("text_cfg", "layers", 3, r"cannot be loaded from the folder .* alone \(RuntimeError.*state_dict"),
        ("weights", "", "", r"has no weights"),
        ("weights", "", "damaged", r"alone \(SafetensorError"),
    ],
)
def test_a_folder_takes_no_part_from_a_hub(tmp_path, monkeypatch, part, name, value, lacks):
    """Nor from the cache of the hub, where these parts are."""
    cache = tmp_path / "cache"
    (hub_folder(cache, "org/tower") / "config.json").write_text('{"model_type": "bert"}')
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    write_config(tmp_path)
    if part != "weights":
        write_weights(tmp_path)
        config = json.loads((tmp_path / "open_clip_config.json").read_text())
        config["model_cfg"][part][name] = value
        (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    elif value:
        (tmp_path / "open_clip_model.safetensors").write_text(value)
    for spec in (f"local-dir:{tmp_path}", str(tmp_path)):
        with pytest.raises(UnsupportedModelError, match=lacks) as caught:
            fixlip.load_model(spec, device="cpu")
        assert "\n" not in str(caught.value)
        assert "reachable" not in str(caught.value)


def test_the_text_tower_of_a_folder_is_described_in_it(tmp_path, monkeypatch):
    """A tower that is named as on the hub is built from the folder's own configuration, tokenizer and weights."""
    from safetensors.torch import save_file
    from transformers import BertConfig

    built = encoder_of("open_clip, Hugging Face text tower")
    copytree(folder("bert"), tmp_path, dirs_exist_ok=True)
    BertConfig(vocab_size=120, max_position_embeddings=32, pad_token_id=0, **SHAPE).save_pretrained(tmp_path)
    state = {key: value for key, value in built.model.state_dict().items() if ".pooler." not in key}  # as open_clip
    save_file({key: value.contiguous() for key, value in state.items()}, tmp_path / "open_clip_model.safetensors")
    vision = {**SIGLIP_VIT, "timm_proj": "linear", "timm_pool": "token", "timm_model_name": "test_vit"}
    text = {"hf_model_name": "org/bert", "hf_tokenizer_name": "org/bert", "hf_proj_type": "mlp", "context_length": 20}
    text["hf_pooler_type"] = "cls_last_hidden_state_pooler"
    config = {"embed_dim": 24, "vision_cfg": {**vision, "image_size": 160}, "text_cfg": text}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    encoder = fixlip.load_model(f"local-dir:{tmp_path}", device="cpu")
    caption = "a dog and a bus"
    ours, theirs = (one.own_text(one.text_input(caption)) for one in (encoder, built))
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert not huggingface_hub.constants.HF_HUB_OFFLINE


def test_a_local_folder_of_transformers(tmp_path):
    from transformers import Siglip2Processor

    built = encoder_of("transformers Siglip2Model (NaFlex)")
    built.model.save_pretrained(tmp_path)
    Siglip2Processor(built.image_tower.prepare.args[1], pieces_tokenizer()).save_pretrained(tmp_path)
    encoder = fixlip.load_model(f"transformers:{tmp_path}", device="cpu")
    assert encoder.family == "transformers Siglip2Model"
    assert encoder.weights == built.weights
    game = next(games(encoder, [picture()], ["a dog and a bus"], [(0, 0)]))
    assert game.players.grid == built.image_input(picture()).grid


def test_the_openai_tag_gets_quick_gelu(monkeypatch):
    asked = {}
    monkeypatch.setattr(open_clip, "create_model", lambda name, **k: asked.update(k) or small_clip())
    monkeypatch.setattr("fixlip.encoders.loading.get_model_preprocess_cfg", lambda model: PREPROCESS)
    fixlip.load_model("ViT-B-32", pretrained="openai", device="cpu")
    assert asked["force_quick_gelu"]
    fixlip.load_model("ViT-B-32", pretrained="laion2b_s34b_b79k", device="cpu")
    assert not asked["force_quick_gelu"]


def small_clip():
    return encoder_of("open_clip CLIP, ViT").model


def test_the_hub_is_asked_as_open_clip_does(monkeypatch):
    asked = {}
    monkeypatch.setattr(open_clip, "create_model", lambda name, **k: asked.update(name=name, **k) or small_clip())
    monkeypatch.setattr(open_clip, "get_tokenizer", lambda name, **k: open_clip.SimpleTokenizer(context_length=20))
    monkeypatch.setattr("fixlip.encoders.loading.get_model_preprocess_cfg", lambda model: PREPROCESS)
    encoder = fixlip.load_model("hf-hub:some/model", cache_dir="here", device="cpu")
    assert asked == {"name": "hf-hub:some/model", "require_pretrained": True, "cache_dir": "here"}
    assert encoder.name == "hf-hub:some/model"


@pytest.mark.slow
def test_models_that_cannot_be_had(monkeypatch):
    with pytest.raises(UnsupportedModelError, match="Did you mean 'ViT-B-32'"):
        fixlip.load_model("ViT-B-33")
    with pytest.raises(UnsupportedModelError, match="Did you mean 'openai'"):
        fixlip.load_model("ViT-B-32", pretrained="opnai")
    with pytest.raises(OptionError, match="allow_random"):
        fixlip.load_model("ViT-B-32", pretrained=None)
    for name in ("transformers:no/such-model", "hf-hub:no/such-model"):
        with pytest.raises(UnsupportedModelError, match="neither cached nor reachable") as caught:
            fixlip.load_model(name)
        assert "\n" not in str(caught.value)
    with pytest.raises(UnsupportedModelError, match=r"The tokenizer of ViT-B-16-SigLIP: neither cached"):
        fixlip.load_model("ViT-B-16-SigLIP", pretrained=None, allow_random=True, device="cpu")

    def unreachable(*args, **kwargs):
        raise RuntimeError("no network\nand more lines")

    monkeypatch.setattr(open_clip, "create_model", unreachable)
    with pytest.raises(UnsupportedModelError, match=r"neither cached nor reachable.*demo-clip") as caught:
        fixlip.load_model("ViT-B-32")
    assert "\n" not in str(caught.value)
    assert logging.root.manager.disable == logging.NOTSET


@pytest.mark.parametrize(
    ("name", "beside"),
    [("transformers:some/model", {}), ("ViT-B-16-SigLIP", {"pretrained": None, "allow_random": True})],
)
def test_a_missing_extra_is_named(monkeypatch, name, beside):
    monkeypatch.setattr("fixlip.encoders.loading.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.setattr(open_clip, "create_model", lambda *a, **k: small_clip())
    with pytest.raises(MissingExtraError, match=r"pip install 'fixlip\[transformers\]'"):
        fixlip.load_model(name, **beside)


def test_a_device_that_is_not_there():
    with pytest.raises(OptionError, match="cannot be used"):
        fixlip.load_model("demo-clip", device="cuda:77")


def test_a_dtype_may_be_a_name():
    assert fixlip.load_model("demo-clip", device="cpu", dtype="bfloat16").dtype == torch.bfloat16
    with pytest.raises(OptionError, match="Did you mean 'bfloat16'"):
        fixlip.load_model("demo-clip", device="cpu", dtype="bfloat")


def hub_folder(cache, repository, commit="0" * 40):
    """Make the folder in which a cache of the Hugging Face hub keeps the files of a repository."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots" / commit).mkdir(parents=True)
    return folder / "snapshots" / commit


def test_models_that_are_not_here_are_passed_over_without_network(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **kwargs: pytest.fail("asked the network"))
    wished = ["ViT-B-32", "ViT-B-16-SigLIP2 pretrained=webli", "hf-hub:some/model", "transformers:some/model"]
    wished = [f"{spec} cache_dir={tmp_path}" for spec in wished] + [f"local-dir:{tmp_path}"]
    assert first_available(*wished, "demo-siglip", "demo-clip").name == "demo-siglip"
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" is skipped")[0] for line in lines] == [spec.partition(" ")[0] for spec in wished]


def test_a_model_of_the_hubs_cache_is_loaded(tmp_path, capsys):
    folder = hub_folder(tmp_path, "some/model")
    write_config(folder)
    name = f"hf-hub:some/model cache_dir={tmp_path}"
    assert first_available(name, "demo-clip").name == "demo-clip"  # without weights
    write_weights(folder)
    encoder = first_available("ViT-L-16", name, "demo-clip")
    assert encoder.weights == encoder_of("open_clip CLIP, ViT").weights
    assert [line.partition(" ")[0] for line in capsys.readouterr().out.splitlines()] == [
        "hf-hub:some/model",
        "SHOWN",
        "ViT-L-16",
    ]


@pytest.mark.parametrize(
    ("name", "tag", "repository"),
    [
        ("ViT-B-32", "openai", "timm/vit_base_patch32_clip_224.openai"),
        ("ViT-B-32", "laion2b_s34b_b79k", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"),
        ("ViT-B-16-SigLIP2", "webli", "timm/ViT-B-16-SigLIP2"),
    ],
)
def test_any_weights_of_a_name_will_do(tmp_path, monkeypatch, name, tag, repository):
    asked = {}
    monkeypatch.setattr(available, "load", lambda name, **options: asked.update(name=name, **options))
    folder = hub_folder(tmp_path, repository)
    (folder / "tokenizer_config.json").write_text("{}")
    assert available.at_hand(name, cache_dir=tmp_path) is None
    (folder / "open_clip_model.safetensors").write_bytes(b"")
    assert available.at_hand(name, cache_dir=tmp_path) == tag
    assert available.at_hand(name, "laion400m_e31", tmp_path) is None
    first_available(f"{name} cache_dir={tmp_path} device=cpu", "demo-clip")
    assert (asked["name"], asked["pretrained"], asked["device"]) == (name, tag, "cpu")
    if name.endswith("SigLIP2"):
        (folder / "tokenizer_config.json").unlink()
        assert available.at_hand(name, cache_dir=tmp_path) is None


def test_weights_with_an_address_of_their_own_and_files(tmp_path, monkeypatch):
    (tmp_path / "w.pt").write_bytes(b"")
    monkeypatch.setattr(open_clip, "list_pretrained_tags_by_model", lambda name: ["gone", "here"])
    of = {"gone": {"url": "https://example.org/v.pt"}, "here": {"url": "https://example.org/w.pt", "hf_hub": ""}}
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda name, tag: of.get(tag))
    assert available.at_hand("ViT-B-32", cache_dir=tmp_path) == "here"
    assert available.at_hand("ViT-B-32", str(tmp_path / "w.pt")) == str(tmp_path / "w.pt")
    assert available.at_hand("ViT-B-32", str(tmp_path / "other.pt")) is None


def test_weights_that_cannot_be_read_are_passed_over(tmp_path, capsys):
    folder = hub_folder(tmp_path, "some/model")
    write_config(folder)
    (folder / "open_clip_model.safetensors").write_bytes(b"not weights")
    assert first_available(f"hf-hub:some/model cache_dir={tmp_path}", "demo-clip").name == "demo-clip"
    assert capsys.readouterr().out.startswith("hf-hub:some/model is skipped: The model 'hf-hub:some/model'")


def test_names_of_first_available():
    with pytest.raises(OptionError, match="bundled one last"):
        first_available()
    with pytest.raises(UnsupportedModelError, match="Did you mean 'ViT-B-32'"):
        first_available("ViT-B-33", "demo-clip")
    with pytest.raises(OptionError, match="Did you mean 'pretrained'"):
        first_available("ViT-B-32 pretraind=openai", "demo-clip")


@pytest.mark.parametrize(
    ("name", "beside", "unused"),
    [
        ("demo-clip", {"pretrained": "laion2b_s34b_b79k"}, "pretrained"),
        ("demo-clip", {"pretrained": None}, "pretrained"),
        ("demo-clip", {"cache_dir": "here"}, "cache_dir"),
        ("transformers:some/model", {"pretrained": "webli"}, "pretrained"),
        ("hf-hub:some/model", {"pretrained": "none"}, "pretrained"),
    ],
)
def test_what_is_not_used_is_refused(name, beside, unused):
    with pytest.raises(OptionError, match=f"does not take {unused}; it takes"):
        fixlip.load_model(name, **beside)


def test_ids_and_folders_are_loaded_by_their_configuration(tmp_path):
    with pytest.raises(UnsupportedModelError, match=r"neither cached.*'transformers:some/model'.*'hf-hub:"):
        fixlip.load_model("some/model", cache_dir=str(tmp_path))
    folder = hub_folder(tmp_path, "some/model")
    write_config(folder)
    write_weights(folder)
    for name, beside in (("some/model", {"cache_dir": str(tmp_path)}), (str(folder), {})):
        encoder = fixlip.load_model(name, device="cpu", **beside)
        assert encoder.weights == encoder_of("open_clip CLIP, ViT").weights
    assert first_available(f"some/model cache_dir={tmp_path}", "demo-clip").weights == encoder.weights


def test_names_as_people_say_them():
    for said, meant in (("siglip2", "ViT-B-16-SigLIP2"), ("vit_b_32", "ViT-B-32")):
        with pytest.raises(UnsupportedModelError, match=f"Did you mean '{meant}'"):
            fixlip.load_model(said)
    with pytest.raises(UnsupportedModelError, match=r"Valid: openai, laion2b_s34b_b79k, datacomp_xl"):
        fixlip.load_model("ViT-B-32", pretrained="webly")


def test_a_label_names_the_model_everywhere():
    encoder = fixlip.load_model("demo-clip", device="cpu", label="mine")
    assert repr(encoder).startswith("<encoder mine: open_clip CLIP; image removal mean, text removal attention; cpu")
    found = fixlip.explain(picture(), "a dog", model=encoder, image_masks=64, image_players="grid:2", progress=False)
    assert found.provenance.model == "mine"
    other = fixlip.load_model(encoder, label="other")
    assert (encoder.name, other.name, other.model) == ("mine", "other", encoder.model)


@pytest.mark.filterwarnings("ignore:.*default preprocessing")
@pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_names_that_wrappers_leave_in_a_file_are_taken_off(tmp_path, prefix):
    model = small()
    torch.save({prefix + key: value for key, value in model.state_dict().items()}, tmp_path / "w.pt")
    encoder = fixlip.load_model("ViT-S-32-alt", pretrained=str(tmp_path / "w.pt"), device="cpu")
    assert torch.equal(encoder.model.visual.proj, model.visual.proj)
