"""Numbers that are none inside of models: embeddings, gradients and attention; and inputs of which nothing is left."""

import numpy as np
import pytest
import torch

import fixlip
from fixlip import get_estimator
from fixlip.encoders import Pixels, Strings, from_callables
from fixlip.encoders.unit import unit
from fixlip.errors import FixlipError, InputError
from fixlip.games.similarity import games
from fixlip.gradients.attention import plain_attention
from tests.helpers.little_towers import IMAGE, MAP_IMAGE, TEXT, LittleGame, LittleTower
from tests.helpers.models import FAMILIES, encoder_of, open_clip_vit, picture, transformers_siglip
from tests.helpers.numbers import ALL, ON_MODELS, run
from tests.helpers.oracles import assert_close

SIDES = ("image", "text")


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("make", [open_clip_vit, transformers_siglip])
def test_activations_beyond_float16(make, side):
    encoder = make()
    model, towers = encoder.model, ("visual", "vision_model") if side == "image" else ("transformer", "text_model")
    tower = next(getattr(model, name) for name in towers if hasattr(model, name))
    with torch.no_grad():
        for name, module in tower.named_modules():
            if name.endswith(("c_fc", "fc1", "c_proj", "fc2")):
                module.weight.mul_(1e4)
    game_of = lambda: next(games(encoder, [picture()], ["a dog and a bus"], [(0, 0)]))  # noqa: E731
    model.half()
    assert all(p.isfinite().all() for p in model.parameters())
    with pytest.raises(InputError, match=f"^The {side} embeddings hold NaN or infinity; .*bfloat16.$"):
        game_of()
    model.float().bfloat16()
    found = run("banzhaf", game_of(), options={"interactions": "cross"})
    assert np.isfinite(found.cross).all()


class Spoilt(LittleTower):
    """A little tower with something wrong in its last block."""

    def __init__(self, kind, **options):
        super().__init__(**options)
        self.kind = kind
        if kind == "zero embedding":
            self.p.project = 0 * self.p.project

    def state(self, layer, reference=None):
        if reference is None:
            return super().state(layer)
        return self.through(torch.tensor(self.start / 10, dtype=self.dtype)[None], 0, layer)[0]

    def block(self, p, x, queries, causal=None):
        if p is self.p.blocks[-1]:
            if self.kind == "NaN in a state":
                x = queries = x + torch.nan
            elif self.kind == "infinity in a state":
                x = queries = x / 0
            elif self.kind == "a gradient of NaN":
                x = queries = x + (x - x.detach()).abs().sqrt()
            elif self.kind == "scores that overflow":
                x = queries = x * 1e200
        return super().block(p, x, queries, causal)


class SpoiltGame(LittleGame):
    """Embeddings of masks are right; what is spoilt shows in the tower of one side alone."""

    def __init__(self, kind, side, image=IMAGE):
        towers = {"image": {"seed": 16, **image}, "text": {"seed": 2, **TEXT}}
        super().__init__(*(Spoilt("", **options) for options in towers.values()))
        self.towers = self.towers | {side: Spoilt(kind, **towers[side])}


KINDS = ("NaN in a state", "infinity in a state", "scores that overflow", "a gradient of NaN", "zero embedding")


@pytest.mark.parametrize("image", [IMAGE, MAP_IMAGE], ids=["class token", "pooling head"])
@pytest.mark.parametrize("name", ON_MODELS)
def test_no_number_inside_of_a_model(name, image):
    plain = run(name, SpoiltGame("", "image", image))
    for kind in KINDS:
        for side in SIDES:
            try:
                found = run(name, SpoiltGame(kind, side, image))
            except InputError as error:
                assert side in str(error), f"{kind}, {side}: {error}"  # noqa: PT017
                assert "\n" not in str(error)  # noqa: PT017
                continue
            if kind == "zero embedding" and name == "itsm":
                assert "every score is 0" in found.provenance.status
                continue
            assert kind == "a gradient of NaN", f"{kind} of the {side} is not noticed"
            assert_close(found.first_order, plain.first_order, 1e-12)
            assert_close(found.second_order, plain.second_order, 1e-12)


def test_the_gradient_of_nan_is_one():
    with pytest.raises(InputError, match="image"):
        run("grad-cam", SpoiltGame("a gradient of NaN", "image"), options={"layer": 1})


def test_a_row_with_no_key_left():
    q, k, v = (torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(3))
    mask = torch.tensor([[True, True, False], [False, False, False], [True, False, True]])
    for given in (mask, torch.zeros(3, 3, dtype=torch.float64).masked_fill(~mask, -torch.inf)):
        with plain_attention() as calls:
            output = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=given)
        assert (calls[0].weights[0, :, 1] == 0).all()
        assert_close(calls[0].weights.sum(-1).detach(), np.tile([1.0, 0.0, 1.0], (1, 2, 1)), 1e-12)
        for gradient in torch.autograd.grad(output.sum(), (q, k, v)):
            assert torch.isfinite(gradient).all()


def test_scores_that_overflow_stay_visible():
    q = torch.full((1, 1, 2, 2), 1e200, dtype=torch.float64)
    with plain_attention() as calls:
        torch.nn.functional.scaled_dot_product_attention(q, q, q)
    assert calls[0].weights.isnan().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_unit_embeddings_of_any_size(dtype):
    largest = 1e4 if dtype == torch.float16 else 1e37 if dtype != torch.float64 else 1e300
    for size in (largest, 1.0, 1 / largest):
        found = unit(torch.tensor([[3.0, -4.0], [0.0, 0.0]], dtype=dtype) * size, 2, "image")
        assert found.dtype == torch.float32
        assert_close(found, [[0.6, -0.8], [0.0, 0.0]], 1e-2 if dtype in (torch.bfloat16, torch.float16) else 1e-6)
    for bad in (torch.inf, -torch.inf, torch.nan):
        assert unit(torch.tensor([[1.0, bad]], dtype=dtype), 1, "image").isnan().any()


def pair(image=None, text=None, **options):
    """Two towers of functions: colours, and letters."""
    colours = Pixels(image or (lambda x: x.mean((2, 3)) + 2), size=16, grid=(2, 2))
    letters = Strings(text or (lambda captions: np.array([[c.count(x) for x in "abc"] for c in captions])))
    return from_callables(colours, letters, logit_scale=10.0, **options)


def explain(model, caption="a cab bad", name="banzhaf", **call):
    return fixlip.explain(picture(16, 16), caption, model=model, estimator=name, progress=False, **call)


def test_an_empty_caption_of_norm_zero():
    found = explain(pair(), name="exact")
    assert found.empty_value == 0
    assert found.full_value > 1
    assert found.provenance.status == "ok"


@pytest.mark.parametrize(
    ("side", "model"),
    [("text", pair(text=lambda captions: np.zeros((len(captions), 3)))), ("image", pair(lambda x: 0 * x.mean((2, 3))))],
)
def test_a_whole_input_of_norm_zero(side, model):
    with pytest.raises(InputError, match=f"the {side} embedding is 0"):
        explain(model)


RETURNED = {
    "complex": lambda e: e + 1j,
    "objects": lambda e: e.astype(object),
    "words": lambda e: e.astype(str),
    "a row too few": lambda e: e[1:],
    "a row too many": lambda e: np.concatenate([e, e[:1]]),
    "a vector": lambda e: e[:, 0],
    "no numbers": lambda e: e[:, :0],
    "two numbers": lambda e: e[:, :2],
    "one number": lambda e: e[:, :1],
    "NaN": lambda e: e * np.nan,
    "infinity": lambda e: e / 0.0 if (e == 0).all() else np.where(e > 0, np.inf, e),
    "None": lambda e: None,
}


@pytest.mark.parametrize("kind", RETURNED)
@pytest.mark.parametrize("side", SIDES)
def test_functions_that_return_something_else(side, kind):
    own = {
        "image": lambda x: x.mean((2, 3)).numpy() + 2.0,
        "text": lambda c: np.array([[x.count(y) + 1.0 for y in "abc"] for x in c]),
    }
    with pytest.raises(InputError) as caught:
        explain(pair(**{side: lambda x: RETURNED[kind](own[side](x))}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [np.int64, np.float16, np.float64, bool, "list", "read-only", "tensor"])
def test_functions_that_return_other_numbers(kind):
    def text(captions):
        counts = np.array([[x.count(y) > 0 for y in "abc"] for x in captions])
        if kind == "list":
            return counts.astype(int).tolist()
        if kind == "tensor":
            return torch.tensor(counts).bfloat16().requires_grad_()
        found = counts.astype(float if kind == "read-only" else kind)
        found.setflags(write=False)
        return found

    plain = explain(pair(text=lambda c: np.array([[float(x.count(y) > 0) for y in "abc"] for x in c])))
    assert_close(explain(pair(text=text)).cross, plain.cross, 1e-5)


@pytest.mark.parametrize("side", SIDES)
def test_functions_with_noise(side):
    rng = np.random.default_rng(0)
    noisy = {side: lambda x: rng.normal(size=(len(x), 3))}
    with pytest.raises(InputError, match=f"the {side} function gives another embedding"):
        explain(pair(**noisy))


CAPTIONS = {
    "one word": "dog",
    "one letter": "a",
    "punctuation alone": "!?",
    "one word twice": "dog dog",
    "stop words alone": "of the a",
}


@pytest.mark.parametrize("family", list(FAMILIES)[::2])
def test_captions_of_which_nothing_is_left(family):
    encoder = encoder_of(family)
    for removal in encoder.removals["text"]:
        for caption in CAPTIONS.values():
            for players in ("words", "content", "tokens"):
                model = encoder.with_removal(text=removal)
                try:
                    game = next(games(model, [picture()], [caption], [(0, 0)], text_players=players))
                except InputError as error:
                    assert (caption, "tokenizer" in str(error)) == ("!?", True)  # noqa: PT017
                    continue
                masks = np.arange(2**game.n_text)[:, None] >> np.arange(game.n_text) & 1
                embeddings = game.text_embeddings(masks.astype(bool)[:64])
                assert np.isfinite(embeddings).all()
                assert_close(np.linalg.norm(embeddings, axis=1), np.ones(len(embeddings)), 1e-5)
                if caption == "dog dog" and players == "words":
                    assert [p.label for p in game.players.text] == ["dog", "dog"]


@pytest.mark.parametrize("family", FAMILIES)
def test_pictures_of_which_nothing_is_left(family):
    encoder = encoder_of(family)
    for removal in encoder.removals["image"]:
        for image in (np.zeros((50, 50, 3), dtype=np.uint8), np.full((50, 50, 3), 255, dtype=np.uint8), picture()):
            game = next(games(encoder.with_removal(image=removal), [image], ["a dog"], [(0, 0)]))
            masks = np.stack([np.zeros(game.n_image), np.arange(game.n_image) < 1, np.ones(game.n_image)]).astype(bool)
            embeddings = game.image_embeddings(masks)
            assert np.isfinite(embeddings).all()
            assert_close(np.linalg.norm(embeddings, axis=1), np.ones(3), 1e-5)


def test_the_same_pair_again(demo_clip, scene):
    call = {"model": demo_clip, "image_masks": 128, "options": {"interactions": "cross"}, "progress": False}
    same = list(
        fixlip.explain_many([scene.image] * 2, [scene.caption] * 2, pairs=[(0, 0), (1, 1), (0, 0), (0, 1)], **call)
    )
    for found in same[1:]:
        assert_close(found.cross, same[0].cross, 1e-6)


@pytest.mark.parametrize("name", ["banzhaf", "shapley-owen", *ON_MODELS])
def test_a_picture_of_one_colour(name, demo_clip):
    grey, few = np.full((112, 112, 3), 128, dtype=np.uint8), {"budget": 512} if ALL[name].sampled else {}
    wanted = {"interactions": "cross", "steps": 4}
    options = {k: v for k, v in wanted.items() if k in get_estimator(name).options()}
    found = fixlip.explain(grey, "dog", model=demo_clip, estimator=name, progress=False, options=options, **few)
    assert np.isfinite(found.first_order).all()
    assert not np.isinf(found.second_order).any()


def test_a_model_in_half_needs_another_type_for_gradients():
    encoder = open_clip_vit()
    encoder.model.half()
    game = next(games(encoder, [picture()], ["a dog"], [(0, 0)]))
    for name in ON_MODELS:
        try:
            found = run(name, game)
        except FixlipError as error:
            assert "bfloat16" in str(error)  # noqa: PT017
        else:
            assert np.isfinite(found.first_order).all()
