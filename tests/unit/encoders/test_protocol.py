"""The protocol says all that is asked of an encoder; scale, bias and weights are those of the model as it is now."""

import numpy as np
import pytest
import torch

import fixlip
from fixlip.encoders.base import MEMBERS, DualEncoder, missing_members
from fixlip.errors import UnsupportedModelError
from tests.helpers.bits import bits
from tests.helpers.models import FAMILIES, openai_model, picture

LABELS = np.repeat(np.repeat(np.array([[0, 1, 1], [0, 2, 3], [4, 2, 3]]), 75, 0), 75, 1)[:224, :224]
IMAGE_PLAYERS = {
    "patches": "patches",
    "grid": "grid:3",
    "label map": LABELS,
    "masks": [LABELS == 0, LABELS == 2],
    "boxes": {"left": (0, 0, 90, 224), "right": (130, 10, 220, 200)},
}


class Wrapper:
    """Another encoder with the members of the protocol, and not one more."""

    def __init__(self, encoder):
        self.encoder = encoder

    def with_removal(self, **names):
        return Wrapper(self.encoder.with_removal(**names))


for member in MEMBERS:
    if member != "with_removal":
        setattr(Wrapper, member, property(lambda self, member=member: getattr(self.encoder, member)))


SLOW = pytest.mark.slow


def explained(encoder, scene, **call):
    options = {"interactions": "cross"}
    return fixlip.explain(
        scene.image.resize((224, 224)), scene.caption, model=encoder, image_masks=64, text_masks=16,
        options=options, progress=False, **call,
    )  # fmt: skip


@pytest.mark.parametrize("players", IMAGE_PLAYERS)
@pytest.mark.parametrize("removal", ["mean", "drop", *(pytest.param(r, marks=SLOW) for r in ("blur", "attention"))])
def test_a_wrapper_is_explained_as_what_it_wraps(demo_clip, scene, players, removal):
    call = {"image_players": IMAGE_PLAYERS[players], "removal": {"image": removal}}
    if removal in ("attention", "drop"):
        call["image_players"] = "patches" if players in ("masks", "boxes") else call["image_players"]
    assert bits(explained(Wrapper(demo_clip), scene, **call)) == bits(explained(demo_clip, scene, **call))


@pytest.mark.slow
@pytest.mark.parametrize(
    "players", [{"text_players": p} for p in ("words", "content", "tokens")] + [{"phrases": ["a"]}]
)
@pytest.mark.parametrize("removal", ["attention", "replace", "delete"])
def test_captions_of_a_wrapper_too(demo_clip, scene, players, removal):
    call = {**players, "removal": {"text": removal}}
    if "phrases" in call:
        call["phrases"] = [" ".join(scene.caption.split()[:2])]
    assert bits(explained(Wrapper(demo_clip), scene, **call)) == bits(explained(demo_clip, scene, **call))


def test_a_wrapper_that_hides_its_removal_is_refused(demo_clip, scene):
    """With a default in its place, a label map was explained by cells of the patches: off by a logit, in silence."""

    class Hiding(Wrapper):
        @property
        def image_removal(self):
            raise AttributeError("image_removal")

    hiding = Hiding(demo_clip)
    with pytest.raises(AttributeError, match="image_removal"):
        explained(hiding, scene, image_players=LABELS)
    assert missing_members(hiding) == []  # a property is not read


@pytest.mark.parametrize("member", MEMBERS)
def test_what_is_missing_is_named(demo_clip, scene, member):
    class Lacking:
        pass

    for name in set(MEMBERS) - {member}:
        setattr(Lacking, name, property(lambda self, name=name: getattr(demo_clip, name)))
    message = "what load_model returns" if member == "embed_image" else f"lacks {member};"
    with pytest.raises(UnsupportedModelError, match=message):
        explained(Lacking(), scene)


def test_the_protocol_is_what_the_design_fixes():
    fixed = "name family embed_dim logit_scale logit_bias device dtype weights removals image_removal text_removal"
    methods = "with_removal image_input text_input embed_image embed_text own_image own_text"
    assert set(MEMBERS) == set(f"{fixed} {methods}".split())
    assert all(getattr(DualEncoder, name).__doc__ for name in MEMBERS)


def test_embeddings_have_the_dimension_that_is_said(demo_clip, scene):
    assert demo_clip.embed_dim == len(demo_clip.own_image(demo_clip.image_input(scene.image)))
    colours = fixlip.encoders.from_callables(*[fixlip.encoders.Pixels(lambda x: x.mean((2, 3)) + 1, 32, (2, 2))] * 2)
    assert colours.embed_dim == 3


def test_a_wrapper_may_change_what_is_embedded(demo_clip, scene):
    class Turned(Wrapper):
        def embed_image(self, x, masks):
            return -self.encoder.embed_image(x, masks)

        def own_image(self, x):
            return -self.encoder.own_image(x)

    turned, plain = explained(Turned(demo_clip), scene), explained(demo_clip, scene)
    np.testing.assert_allclose(turned.cross, -plain.cross, atol=1e-9)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "callables"])
def test_a_model_that_is_trained_on_is_explained_as_it_is_now(family, scene):
    with torch.random.fork_rng(devices=[]):
        encoder = FAMILIES[family]()  # a model of its own
    hash_before, scale, bias = encoder.weights, encoder.logit_scale, encoder.logit_bias
    with torch.no_grad():
        encoder.model.logit_scale += 0.5
        if bias:
            encoder.model.logit_bias -= 1.0
            assert encoder.logit_bias == pytest.approx(bias - 1)
        next(p for p in encoder.model.parameters() if p.dim() > 1).mul_(1.01)
    assert encoder.logit_scale == pytest.approx(scale * np.exp(0.5), rel=1e-4)
    assert encoder.weights != hash_before
    call = {"options": {"interactions": "cross"}, "image_masks": 128, "progress": False}
    found = fixlip.explain(scene.image, "a dog", model=encoder, **call).provenance
    assert (found.logit_scale, found.weights) == (encoder.logit_scale, encoder.weights)


def test_a_model_of_openai_may_be_trained_on_too():
    with torch.random.fork_rng(devices=[]):
        model = openai_model()
    encoder = fixlip.load_model(model)
    picture_input, before = encoder.image_input(picture()), encoder.logit_scale
    masks = torch.ones(1, picture_input.n_patches, dtype=torch.bool)
    with torch.no_grad():
        model.visual.proj.mul_(torch.linspace(0.5, 2, model.visual.proj.shape[1]))
        model.logit_scale += 0.1
    torch.testing.assert_close(encoder.embed_image(picture_input, masks)[0], encoder.own_image(picture_input))
    assert encoder.logit_scale == pytest.approx(before * np.exp(0.1))
