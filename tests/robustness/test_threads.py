"""One model used by several threads at once gives what it gives to one; processes, copies, pickles."""

import copy
import logging
import os
import pickle
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pytest
import torch

import fixlip
from fixlip.api import load as loading
from fixlip.datasets.scenes import make_scene
from fixlip.encoders.running import asking
from fixlip.errors import FixlipError, UnsupportedModelError
from fixlip.games.similarity import games
from fixlip.gradients.attention import _attend, plain_attention
from fixlip.io.images import open_image
from fixlip.plots.overview import overview
from fixlip.plots.style import to_png
from fixlip.results.explanation import Explanation
from fixlip.runtime.threads import without_warnings
from fixlip.viewer import to_html
from tests.conformance.test_conformance import ALL
from tests.helpers.bits import apart, bits, game_of, model_of, run, threads
from tests.helpers.models import picture
from tests.helpers.state import unchanged

SECTION, SAME = "Determinism and threads", "the bits that one thread gives"
MODEL = "transformers SiglipModel"
REMOVALS = ({}, {"image": "drop"}, {"image": "attention", "text": "delete"}, {"text": "replace"})
NAMES = ("banzhaf", "chefer", "integrated-gradients", "grad-eclip", "mask-clip", "shapiq:KernelSHAPIQ")


@pytest.fixture(autouse=True)
def often():
    """Python changes threads a hundred times as often, torch computes in one thread each."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    with threads(1):
        yield
    sys.setswitchinterval(before)


def in_threads(n, jobs):
    """The results of jobs, done by n threads that start together."""
    start = threading.Barrier(n)

    def work(mine):
        torch.set_num_threads(1)
        start.wait()
        return [(place, job()) for place, job in mine]

    numbered = list(enumerate(jobs))
    with ThreadPoolExecutor(n) as pool:
        found = dict(pair for pairs in pool.map(work, [numbered[k::n] for k in range(n)]) for pair in pairs)
    return [found[place] for place in range(len(jobs))]


def explanations(names, model=MODEL):
    """Jobs: each estimator on pictures and removals of its own, with one instance for all."""
    encoder, made = model_of(model), {name: fixlip.get_estimator(name) for name in names}

    def job(name, k):
        image = np.ascontiguousarray(np.roll(picture(), 7 * k, axis=1))
        removal = REMOVALS[k % len(REMOVALS)] if model == MODEL else {}
        game = next(games(encoder.with_removal(**removal), [image], [f"dog {'and bus ' * (k % 3)}"], [(0, 0)]))
        call = {"budget": 512} if name == "shapiq:KernelSHAPIQ" else {}
        return bits(made[name].explain(game, progress=False, **call))

    return [lambda name=name, k=k: job(name, k) for k in range(4) for name in names]


def compared(n, jobs, times=1):
    """Every job alone, then `times` over by n threads."""
    alone = [job() for job in jobs]
    for _ in range(times):
        assert in_threads(n, jobs) == alone


@pytest.mark.parametrize("n", [2, 8])
def test_one_model_in_threads(n):
    jobs = explanations(NAMES)
    with unchanged(model_of(MODEL)):
        compared(n, jobs, times=2)


@pytest.mark.parametrize("model", [MODEL, "transformers CLIPModel", "open_clip SigLIP-2", "demo-siglip"])
def test_a_tokenizer_in_threads(model):
    """Those of transformers keep the padding of the last call."""
    encoder = model_of(model)
    jobs = [lambda text=text: encoder.text_input(text).ids.tolist() for text in ("a dog", "a dog and a bus")] * 200
    compared(8, jobs)


@pytest.mark.parametrize("model", ["demo-clip", "demo-siglip", MODEL])
def test_gradients_of_another_thread_change_no_bit(model):
    """Torch picks other kernels for parameters that ask for gradients, and those of a caller may or may not."""
    encoder = model_of(model)
    x, y = encoder.image_input(picture()), encoder.text_input("a dog and a bus")
    ends = [torch.arange(2)[:, None].expand(2, n) > 0 for n in (x.n_patches, y.n_tokens)]

    def embeddings():
        return [
            encoder.embed_image(x, ends[0]),
            encoder.embed_text(y, ends[1]),
            encoder.own_image(x),
            encoder.own_text(y),
        ]

    alone, asked = embeddings(), [p.requires_grad for p in encoder.model.parameters()]
    encoder.model.requires_grad_(False)
    try:
        assert all(map(torch.equal, embeddings(), alone))
    finally:
        for parameter, ask in zip(encoder.model.parameters(), asked, strict=True):
            parameter.requires_grad_(ask)
    with asking(encoder.model, False):  # as gradients are computed
        other = threading.Thread(target=lambda: waited.append(embeddings()))
        waited = []
        other.start()
        other.join(0.2)
        assert not waited
    other.join()
    assert all(map(torch.equal, waited[0], alone))


def test_every_estimator_in_threads():
    jobs = [lambda name=name: bits(run(name, game_of(MODEL), seed=1)) for name in ALL]
    compared(8, jobs)


@contextmanager
def for_all_threads(kinds=None):
    """Attention as it was once replaced: for the whole process."""
    calls = []

    def attend(*args, **kwargs):
        calls.append(_attend((kinds or {}).get(len(calls)), *args, **kwargs))
        return calls[-1].output

    with patch("torch.nn.functional.scaled_dot_product_attention", attend):
        yield calls


def test_the_check_sees_a_race(monkeypatch):
    before = torch.nn.functional.scaled_dot_product_attention
    for module in ("fixlip.gradients.views", "fixlip.estimators.integrated_gradients"):
        monkeypatch.setattr(f"{module}.plain_attention", for_all_threads)
    jobs = explanations(NAMES)
    try:
        with pytest.raises((AssertionError, RuntimeError, FixlipError, IndexError)):
            compared(8, jobs, times=10)
    finally:
        torch.nn.functional.scaled_dot_product_attention = before


def overlapping(context, n=8, times=50):
    """Threads that go in and out of a context, each while others are in."""

    def job():
        for _ in range(times):
            with context():
                torch.zeros(1).add(1)

    in_threads(n, [job] * n)


def crossed(context):
    """One thread goes in, another goes in, the first leaves, the other leaves."""
    first_in, second_in, first_out = (threading.Event() for _ in range(3))

    def first():
        with context():
            first_in.set()
            second_in.wait(9)
        first_out.set()

    def second():
        first_in.wait(9)
        with context():
            second_in.set()
            first_out.wait(9)

    in_threads(2, [first, second])


@pytest.mark.parametrize("what", ["attention", "parameters", "warnings", "pictures"])
def test_settings_come_back(what, tmp_path):
    model = model_of(MODEL).model
    open_image(picture())
    contexts = {
        "attention": plain_attention,
        "parameters": lambda: asking(model, False),
        "warnings": lambda: without_warnings("nothing"),
        "pictures": lambda: open_image_again(tmp_path),
    }
    path = tmp_path / "picture.png"
    make_scene(0).image.resize((8, 8)).save(path)

    @contextmanager
    def open_image_again(folder):
        open_image(path)
        yield

    open_image(path)
    with unchanged(model):
        crossed(contexts[what])
        overlapping(contexts[what])


def test_that_check_sees_a_filter_left_behind():
    @contextmanager
    def careless():
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "careless")
            yield

    with warnings.catch_warnings(), pytest.raises(AssertionError, match="warnings"), unchanged():
        crossed(careless)


def test_attention_is_replaced_for_the_thread_that_asks():
    fast, seen = torch.nn.functional.scaled_dot_product_attention, []
    x = torch.rand(1, 1, 3, 4)
    with plain_attention() as calls:
        torch.nn.functional.scaled_dot_product_attention(x, x, x)
        other = threading.Thread(
            target=lambda: seen.append(
                (torch.nn.functional.scaled_dot_product_attention(x, x, x), torch.backends.mha.get_fastpath_enabled())
            )
        )
        other.start()
        other.join()
        assert not torch.backends.mha.get_fastpath_enabled()
    assert len(calls) == 1
    assert torch.equal(seen[0][0], fast(x, x, x))
    assert seen[0][1]
    assert torch.nn.functional.scaled_dot_product_attention is fast


def test_models_loaded_in_threads():
    scene = make_scene(2)
    call = {"estimator": "chefer", "progress": False}
    expected = fixlip.explain(scene.image, scene.caption, model="demo-clip", **call)
    loading._load_once.cache_clear()
    with unchanged():
        found = in_threads(4, [lambda: fixlip.explain(scene.image, scene.caption, model="demo-clip", **call)] * 4)
        anew = in_threads(4, [lambda n=n: fixlip.load_model(n, device="cpu") for n in ("demo-clip", "demo-siglip") * 2])
    assert max(apart(expected, one) for one in found) < 1e-6  # weights and states lie elsewhere in memory
    assert loading._load_once.cache_info().misses == 1
    assert [e.weights for e in anew] == [model_of(n).weights for n in ("demo-clip", "demo-siglip")] * 2


def test_a_log_of_another_thread_is_heard_while_a_model_loads(caplog):
    from fixlip.encoders.loading import _quiet

    with caplog.at_level(logging.INFO), _quiet():
        logging.warning("mine")
        other = threading.Thread(target=lambda: logging.warning("of another"))
        other.start()
        other.join()
    assert caplog.messages == ["of another"]


def test_what_is_shown(tmp_path, explanation):
    def job(k):
        path = tmp_path / f"{k}.fixlip"
        explanation.save(path)
        shown = to_html(Explanation.load(path)), to_png(overview(explanation))
        return path.stat().st_mode, *shown

    jobs = [lambda k=k: job(k) for k in range(4)]
    jobs[0]()
    with unchanged(but=["open files"]):  # matplotlib's fonts
        compared(4, jobs)


# Copies, pickles, processes


@pytest.mark.parametrize("name", ALL)
def test_copies(name):
    estimator = fixlip.get_estimator(name)
    for again in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        assert again(estimator) == estimator
        assert type(again(estimator)) is type(estimator)
        found = run(name, game_of(MODEL))
        assert bits(again(found)) == bits(found)


@pytest.mark.parametrize("again", [copy.deepcopy, pickle.dumps])
def test_encoders_are_not_copied(again):
    for thing in (model_of(MODEL), game_of(MODEL)):
        with pytest.raises(UnsupportedModelError, match="load_model"):
            again(thing)
    assert copy.copy(model_of(MODEL)).model is model_of(MODEL).model


PROGRAM = """
import multiprocessing, sys, torch
torch.set_num_threads(1)
from tests.helpers.bits import ALL, bits, game_of, run

def work(name):
    torch.set_num_threads(1)
    found = run(name, game_of("demo-clip"), seed=1)
    return found and bits(found)

if __name__ == "__main__":
    names = list(ALL)[::3]
    here = [work(name) for name in names]
    assert len(set(here)) > 8
    torch.manual_seed(1)
    for how in ("fork", "spawn"):
        with multiprocessing.get_context(how).Pool(1) as pool:
            print(here == pool.map(work, names))
"""


def test_processes(tmp_path):
    """Forked ones, and spawned ones, whose hashes of strings are others."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, path],
        env=os.environ | {"PYTHONPATH": os.getcwd(), "PYTHONHASHSEED": "random"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert done.stdout.split() == ["True", "True"]
