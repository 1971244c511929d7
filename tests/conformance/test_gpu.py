"""On a GPU: the numbers of the CPU, by every estimator and every removal, in coarser types, and in little memory."""

from functools import cache

import pytest
import torch

import fixlip
from benchmarks.gpu_encoders import little_memory, tf32
from fixlip.runtime.memory import is_memory
from tests.helpers.faults import ALL, game_of, run
from tests.helpers.models import FAMILIES, picture
from tests.helpers.oracles import assert_close

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")]
LAYOUTS = ("open_clip CLIP, ViT", "open_clip CLIP, ResNet", "open_clip SigLIP", "open_clip CoCa")
TOLERANCE = 1e-3  # of the largest effect


@pytest.fixture(autouse=True)
def exact():
    with tf32(convolutions=False):
        yield


@cache
def on(device, family=LAYOUTS[0], dtype=None):
    """A tiny model, the same on every device."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = FAMILIES[family]()
    encoder.move(device, dtype)
    return encoder


def assert_alike(found, expected, tolerance=TOLERANCE):
    assert_close(found.first_order, expected.first_order, tolerance * abs(expected.first_order).max())
    pairs = expected.cross
    assert_close(found.cross, pairs, tolerance * max(abs(pairs).max(), abs(expected.first_order).max()))


@pytest.mark.parametrize("name", ALL)
def test_every_estimator_gives_the_numbers_of_the_cpu(name):
    found, expected = (run(name, game_of(on(device))) for device in ("cuda", "cpu"))
    assert_alike(found, expected)
    assert found.provenance.image_passes == expected.provenance.image_passes


@pytest.mark.parametrize("family", LAYOUTS)
def test_every_removal_gives_the_numbers_of_the_cpu(family):
    for side in ("image", "text"):
        for removal in on("cpu", family).removals[side]:
            chosen = (on(device, family).with_removal(**{side: removal}) for device in ("cuda", "cpu"))
            assert_alike(*(run("banzhaf", game_of(encoder)) for encoder in chosen))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_coarser_types(dtype):
    found, expected = run("banzhaf", game_of(on("cuda", dtype=dtype))), run("banzhaf", game_of(on("cpu")))
    assert_alike(found, expected, 0.2)


def test_memory_of_a_gpu_is_recognised():
    with pytest.raises(torch.OutOfMemoryError) as caught:
        torch.empty(2**50, dtype=torch.uint8, device="cuda")
    assert is_memory(caught.value)


def test_batches_shrink_in_little_memory():
    encoder = fixlip.load_model("demo-clip", device="cuda")
    call = {"image_masks": 4096, "options": {"interactions": "cross"}, "progress": False}
    expected = fixlip.explain(picture(), "a black dog", model=encoder, **call)
    with little_memory(encoder, "cuda", 128) as cramped:
        found = fixlip.explain(picture(), "a black dog", model=cramped.encoder, batch_size=2**16, **call)
    assert max(cramped.fitted) < max(cramped.tried)
    assert_alike(found, expected)
