"""A model's folder is data: nothing in it is run, whatever it asks for."""

import json
import pickle
import sys
import threading
import time

import pytest

import fixlip
from fixlip.encoders.foreign_code import no_foreign_code
from fixlip.errors import UnsupportedModelError
from tests.helpers.models import folder
from tests.unit.encoders.test_loading import hub_folder, write_config, write_weights


@pytest.fixture
def evil(tmp_path):
    """A folder with code that leaves a trace, and what asks whether it ran."""
    path = tmp_path / "evil"
    path.mkdir()
    trace = tmp_path / "trace"
    (path / "own.py").write_text(f"open({str(trace)!r}, 'w').close()\nclass Own: pass\n")
    return path, trace


def refused(name, trace, match, **options):
    start = time.monotonic()
    with pytest.raises(UnsupportedModelError, match=match) as caught:
        fixlip.load_model(name, device="cpu", **options)
    assert not trace.exists()
    assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 10  # nobody is asked on the terminal


def edit(path, **changes):
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | changes))


def with_tokenizer(path):
    """A folder of open_clip whose tokenizer is one of transformers, with code of its own."""
    write_config(path)
    write_weights(path)
    folder("siglip2")
    for file in folder("siglip2").iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    edit(path / "tokenizer_config.json", auto_map={"AutoTokenizer": ["own.Own", "own.Own"]}, tokenizer_class="Own")
    config = json.loads((path / "open_clip_config.json").read_text())
    text = config["model_cfg"]["text_cfg"]
    text["hf_tokenizer_name"] = str(path)
    return config, text


@pytest.mark.parametrize("trusting", [False, True])
def test_a_tokenizer_of_open_clip(evil, trusting, monkeypatch):
    path, trace = evil
    config, text = with_tokenizer(path)
    if trusting:
        text["tokenizer_kwargs"] = {"trust_remote_code": True}
    edit(path / "open_clip_config.json", **config)
    monkeypatch.setattr("builtins.input", lambda *a: pytest.fail("asked on the terminal"))
    refused(f"local-dir:{path}", trace, "code of its own.*fixlip runs none")


def test_the_tokenizer_would_run_code_otherwise(evil):
    """The fault is a real one: without the guard the same folder runs its code."""
    import open_clip

    path, trace = evil
    config, text = with_tokenizer(path)
    text["tokenizer_kwargs"] = {"trust_remote_code": True}
    edit(path / "open_clip_config.json", **config)
    with pytest.raises(Exception):  # noqa: B017, PT011 (the class is not a tokenizer)
        open_clip.get_tokenizer(f"local-dir:{path}").encode("a")
    assert trace.exists()


@pytest.mark.parametrize("part", ["AutoConfig", "AutoModel"])
def test_a_model_of_transformers(evil, part, monkeypatch):
    path, trace = evil
    edit(path / "config.json", model_type="own", auto_map={part: "own.Own", "AutoConfig": "own.Own"})
    monkeypatch.setattr("builtins.input", lambda *a: pytest.fail("asked on the terminal"))
    refused(f"transformers:{path}", trace, "code of its own")


class Bomb:
    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return open, (str(self.trace), "w")


@pytest.mark.filterwarnings("ignore:w.pt is loaded with the default preprocessing")
@pytest.mark.parametrize("schema", ["local-dir:", "hf-hub:", "ViT-S-32-alt"])
def test_weights_that_are_a_program(evil, schema, tmp_path):
    path, trace = evil
    if schema == "hf-hub:":
        path, name = hub_folder(tmp_path, "some/model"), "hf-hub:some/model"
    else:
        name = schema + str(path) * (schema == "local-dir:")
    write_config(path)
    weights = path / ("w.pt" if schema == "ViT-S-32-alt" else "open_clip_pytorch_model.bin")
    for content in (pickle.dumps(Bomb(trace)), pickle.dumps({"state_dict": Bomb(trace)}, protocol=2)):
        weights.write_bytes(content)
        options = {"pretrained": str(weights)} if schema == "ViT-S-32-alt" else {"cache_dir": str(tmp_path)}
        refused(name, trace, "do not fit|model", **options)


def test_a_kernel_of_the_hub_as_attention(monkeypatch):
    from transformers.integrations import hub_kernels

    monkeypatch.setattr(hub_kernels, "get_kernel", lambda name: f"code of {name}", raising=False)
    elsewhere = []
    with no_foreign_code():
        with pytest.raises(UnsupportedModelError, match=r"some/kernel.*runs none"):
            hub_kernels.get_kernel("some/kernel")
        other = threading.Thread(target=lambda: elsewhere.append(hub_kernels.get_kernel("some/kernel")))
        other.start()
        other.join()
    assert elsewhere == [hub_kernels.get_kernel("some/kernel")]


def test_all_is_as_before_afterwards():
    from transformers import dynamic_module_utils as modules

    before = modules.get_class_in_module, modules.TIME_OUT_REMOTE_CODE
    with pytest.raises(ZeroDivisionError), no_foreign_code():
        assert modules.get_class_in_module is not before[0]
        1 / 0  # noqa: B018
    assert (modules.get_class_in_module, modules.TIME_OUT_REMOTE_CODE) == before


def test_nothing_to_close_without_transformers(monkeypatch):
    monkeypatch.setattr("fixlip.encoders.foreign_code.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with no_foreign_code():
        pass
