"""Results do not depend on the modes of torch, nor on the mode of the model; both are left as they were."""

import contextlib

import open_clip
import pytest
import torch
from open_clip.model import convert_weights_to_lp
from transformers.utils import PushToHubMixin

import fixlip
from fixlip.errors import UnsupportedModelError
from tests.helpers.bits import bits
from tests.helpers.models import (
    FAMILIES,
    PREPROCESS,
    Processor,
    encoder_of,
    open_clip_vit,
    openai_model,
    picture,
    pieces_tokenizer,
)

FEW = ("open_clip CLIP, ViT", "open_clip CLIP, ResNet", "OpenAI clip", "transformers Siglip2Model (NaFlex)")


def new(family):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return FAMILIES[family]()


def explained(encoder, estimator="banzhaf"):
    calls = {
        "banzhaf": {"image_masks": 64, "image_players": "grid:2"},
        "integrated-gradients": {"options": {"steps": 1}},
    }
    call = calls.get(estimator, {})
    return fixlip.explain(picture(), "a dog", model=encoder, estimator=estimator, progress=False, **call)


@contextlib.contextmanager
def double():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


MODES = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "float64 by default": double,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("estimator", ["banzhaf", "integrated-gradients", "grad-eclip"])
def test_modes_of_torch_do_not_matter(mode, estimator):
    plain = bits(explained(encoder_of("open_clip CLIP, ViT"), estimator))
    with MODES[mode]():
        before = torch.is_inference_mode_enabled(), torch.is_grad_enabled(), torch.get_default_dtype()
        assert bits(explained(encoder_of("open_clip CLIP, ViT"), estimator)) == plain
        assert (torch.is_inference_mode_enabled(), torch.is_grad_enabled(), torch.get_default_dtype()) == before


@pytest.mark.parametrize("family", FEW)
def test_a_model_that_was_made_in_inference_mode_has_gradients(family):
    with torch.inference_mode():
        encoder = new(family)
    assert not any(p.is_inference() for p in encoder.model.parameters())
    assert bits(explained(encoder, "integrated-gradients")) == bits(explained(new(family), "integrated-gradients"))


def test_a_name_that_was_first_loaded_in_inference_mode_has_gradients(scene):
    with torch.inference_mode():
        encoder = fixlip.load_model("demo-clip", device="cpu")
    found = fixlip.explain(scene.image, "a dog", model=encoder, estimator="grad-eclip", progress=False)
    assert found.provenance.status == "ok"


@pytest.mark.parametrize("family", FEW)
def test_a_model_in_training_mode_is_explained_in_evaluation_mode(family):
    encoder = new(family)
    for module in encoder.model.modules():
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.5
    encoder.model.eval()
    expected = bits(explained(encoder))
    encoder.model.train()
    modules = list(encoder.model.modules())
    modules[-1].training = False  # frozen by its owner
    before = [module.training for module in modules]
    assert bits(explained(encoder)) == expected
    assert [module.training for module in modules] == before


def test_a_mode_is_restored_after_an_error():
    encoder = new("open_clip CLIP, ViT")
    encoder.model.train()
    encoder.model.visual.ln_post = None
    with pytest.raises(UnsupportedModelError, match="own forward pass of the image tower fails"):
        explained(encoder)
    assert encoder.model.training


HALVES = {"transformers SiglipModel": ("text_model", "vision_model"), "open_clip SigLIP": ("text", "visual")}


@pytest.mark.parametrize(("family", "part"), [(f, part) for f, parts in HALVES.items() for part in parts])
def test_towers_may_have_different_types(family, part):
    encoder = new(family)
    plain = explained(encoder).full_value
    getattr(encoder.model, part).bfloat16()
    assert encoder.dtype == torch.bfloat16
    expected = torch.bfloat16 if part.startswith("vis") else torch.float32
    assert encoder.image_input(picture()).pixels.dtype == expected
    assert explained(encoder).full_value == pytest.approx(plain, abs=0.2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_precisions_of_open_clip(dtype):
    """Models as `open_clip.create_model(precision=...)` builds them work: norms and embeddings stay in float32."""
    encoder = open_clip_vit(cast_dtype=dtype)
    plain = open_clip_vit()
    plain.model.load_state_dict(encoder.model.state_dict())
    convert_weights_to_lp(encoder.model, dtype)
    assert {p.dtype for p in encoder.model.parameters()} == {dtype, torch.float32}
    tokenizer = open_clip.SimpleTokenizer(context_length=20)
    low = fixlip.load_model(encoder.model, preprocess=PREPROCESS, tokenizer=tokenizer)
    assert low.image_input(picture()).pixels.dtype == dtype
    assert explained(low).full_value == pytest.approx(explained(plain).full_value, abs=0.2)


@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated", "ignore:torch.quantize_per_tensor")
def test_a_quantised_model_is_explained_by_its_own_score():
    built = new("transformers SiglipModel")
    quantised = torch.ao.quantization.quantize_dynamic(built.model.eval(), {torch.nn.Linear})
    processor = Processor(built.image_tower.prepare.args[1], pieces_tokenizer())
    encoder = fixlip.load_model(quantised, preprocess=processor)
    found = explained(encoder)
    x, t = encoder.image_input(picture()), encoder.text_input("a dog")
    own = encoder.logit_scale * float(encoder.own_image(x) @ encoder.own_text(t)) + encoder.logit_bias
    assert found.full_value == pytest.approx(own, abs=1e-4)
    assert found.provenance.weights == encoder.weights != built.weights


class LowRank(torch.nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer, self.down, self.up = layer, torch.randn(2, layer.in_features), torch.randn(layer.out_features, 2)

    def forward(self, x):
        return self.layer(x) + x @ self.down.T @ self.up.T


@pytest.mark.parametrize("change", ["compiled", "with another layer", "in half precision"])
def test_openai_models_of_any_make(change):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = openai_model()
        if change == "with another layer":
            model.visual.transformer.resblocks[0].mlp.c_fc = LowRank(model.visual.transformer.resblocks[0].mlp.c_fc)
            model.transformer.resblocks[1].mlp.c_proj = LowRank(model.transformer.resblocks[1].mlp.c_proj)
    given = model
    if change == "in half precision":
        for layer in model.modules():
            if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear, torch.nn.MultiheadAttention)):
                layer.half()
        model.visual.proj.data, model.text_projection.data = model.visual.proj.half(), model.text_projection.half()
    if change == "compiled":
        given = torch.compile(model, backend="eager")
    encoder = fixlip.load_model(given)
    before = explained(encoder)
    with torch.no_grad():
        model.visual.proj.mul_(torch.linspace(-2, 2, model.visual.proj.shape[1]))
    after = explained(encoder)  # the gate is inside
    assert after.full_value != before.full_value
    assert encoder.model is model


def test_peft_says_how_to_unwrap():
    class PeftModel(PushToHubMixin, torch.nn.Module):  # as it is in peft
        pass

    with pytest.raises(UnsupportedModelError, match=r"get_base_model\(\).*merge_and_unload\(\)"):
        fixlip.load_model(PeftModel(), preprocess=PREPROCESS)


@pytest.mark.parametrize("side", ["visual", "text"])
def test_towers_that_also_give_their_tokens(side):
    encoder = new("open_clip SigLIP" if side == "text" else "open_clip CLIP, ViT")
    plain = bits(explained(encoder))
    getattr(encoder.model, side).output_tokens = True
    assert bits(explained(encoder)) == plain


@pytest.mark.parametrize("family", [name for name in FAMILIES if name.startswith("transformers")])
def test_models_that_return_tuples(family):
    encoder = new(family)
    plain = bits(explained(encoder))
    encoder.model.config.return_dict = False
    assert bits(explained(encoder)) == plain


@pytest.mark.parametrize("family", ["transformers CLIPModel", "transformers SiglipModel"])
def test_attention_takes_masks_or_is_refused(family):
    encoder = new(family)
    plain = explained(encoder).full_value
    encoder.model.set_attn_implementation("eager")
    assert explained(encoder).full_value == pytest.approx(plain, abs=1e-4)
    encoder.model.set_attn_implementation("flex_attention")
    with pytest.raises(UnsupportedModelError, match=r"'flex_attention' takes no masks.*set_attn_implementation"):
        explained(encoder)
