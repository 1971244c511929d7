"""Out of memory, at any batch of any phase; and memory that is free again."""

import gc
import subprocess
import sys
import weakref

import pytest

import fixlip
from fixlip.api import captions
from fixlip.api.curves import removal_curves
from fixlip.errors import FixlipError, NotEnoughMemoryError
from fixlip.games import similarity
from fixlip.games.base import JointGame
from fixlip.games.closed_form import random_towers
from fixlip.games.counted import CountedGame
from fixlip.metrics import draw_masks, insertion_deletion
from tests.helpers.faults import (
    ALL,
    BY_SPEED,
    ERRORS,
    assert_same,
    faulty,
    few,
    game_of,
    game_of_functions,
    little,
    run,
    whole_run,
)
from tests.helpers.models import picture
from tests.helpers.oracles import assert_close
from tests.helpers.state import unchanged

SAME = "the numbers of a run with enough memory, up to the rounding of float32"
LINE = "an error of one line with the remedy, after a second try"


@pytest.mark.parametrize("name", ALL)
def test_batches_shrink_until_they_fit(name):
    expected = run(name, game_of(little()))
    encoder = little()
    error = ERRORS[list(ERRORS)[ALL.index(name) % len(ERRORS)]]
    with unchanged(encoder), faulty(encoder, error, above=3) as faults:
        game = game_of(encoder)
        found = run(name, game)
    assert_same(found, expected)
    heavy = few(name) or name in ("exact", "integrated-gradients")
    assert bool(faults.fallen) == bool(heavy)
    if heavy and name != "integrated-gradients":
        assert game_of(encoder).sides["image"].tower.batch_size <= 3, "which the next game knows"


@pytest.mark.parametrize("name", BY_SPEED[::2])
def test_memory_that_runs_out_once(name):
    _, expected, calls = whole_run(name)
    kinds = list(ERRORS.values())
    for k in calls:
        encoder = little()
        with unchanged(encoder), faulty(encoder, kinds[k % len(kinds)], at=k) as faults:
            found = run(name, game_of(encoder))
        assert faults.fallen
        assert_same(found, expected)


@pytest.mark.parametrize("kind", ERRORS)
def test_not_even_one_mask(kind):
    encoder = little()
    game = game_of(encoder)
    for name in ("banzhaf", "integrated-gradients", "grad-cam"):
        with unchanged(encoder), faulty(encoder, ERRORS[kind], above=0):
            with pytest.raises(NotEnoughMemoryError, match=r"not enough memory for .*; take a smaller model") as caught:
                run(name, game)
            assert "\n" not in str(caught.value)
            assert isinstance(caught.value, (FixlipError, MemoryError))
            with pytest.raises(NotEnoughMemoryError):
                game_of(encoder)


def test_another_error_is_not_taken_for_it():
    encoder = little()
    game = game_of(encoder)
    for error in (ZeroDivisionError("no"), RuntimeError("mat1 and mat2 shapes cannot be multiplied"), OSError("gone")):
        with faulty(encoder, lambda error=error: error, above=0), pytest.raises(type(error)) as caught:
            run("banzhaf", game)
        assert caught.value is error


@pytest.mark.parametrize("kind", ERRORS)
def test_games_of_functions_back_off_too(kind):
    towers, sizes = random_towers(6, 3), []

    def small(function):
        def call(masks):
            sizes.append(len(masks))
            if len(masks) > 10:
                error = ERRORS[kind]()
                raise error
            return function(masks)

        return call

    game = game_of_functions(towers, small)
    joint = JointGame(small(towers.values), 6, 3)
    assert_same(run("banzhaf", game), run("banzhaf", towers), 1e-9)
    assert sum(size > 10 for size in sizes) < 8, "the size that fits is remembered"
    assert_same(run("kernel-shap", joint), run("kernel-shap", JointGame(towers.values, 6, 3)), 1e-9)


@pytest.mark.parametrize("above", [1, 2, 5])
def test_other_phases(above):
    def everything(encoder):
        texts = ["a black dog", "a red cat and a bus"]
        game = game_of(encoder)
        found = run("banzhaf", game)
        curves, counted = removal_curves(found, game), CountedGame(game, lambda passes: None)
        pair = captions.contrast(picture(), tuple(texts), model=encoder, image_masks=64, progress=False)
        return [
            [one.similarity for one in captions.rank(picture(), texts, model=encoder).captions],
            pair.difference.first_order,
            curves.deletion,
            curves.insertion,
            insertion_deletion(found, counted).insertion,
            counted.values(draw_masks(len(found.players), 0.5)),
        ]

    expected, encoder = everything(little()), little()
    with unchanged(encoder), faulty(encoder, ERRORS["CUDA"], above=above) as faults:
        found = everything(encoder)
    assert faults.fallen
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other, 1e-4)


def test_on_the_command_line(cli, photo, demo_clip, monkeypatch, tmp_path):
    monkeypatch.setattr(fixlip, "load_model", lambda *args, **options: demo_clip)
    monkeypatch.setattr("fixlip.api.load.load_model", lambda *args, **options: demo_clip)
    page = tmp_path / "page.html"
    for command in ("explain", "compare"):
        several = ("--estimator", "itsm", "--estimator", "rollout") if command == "compare" else ()
        with faulty(demo_clip, ERRORS["CUDA"], above=0):
            code, out, err = cli(command, photo, "a dog", "--model", "demo-clip", *several, "--html", page)
        assert (code, out, err.count("\n")) == (2, "", 1)
        named = "demo-clip, itsm: " if several else ""
        assert err.startswith(f"fixlip: {named}There is not enough memory for a single forward pass (CUDA out of mem")
        assert not page.exists()


LIMITED = """
import resource, sys
from fixlip.errors import NotEnoughMemoryError
from fixlip.estimators.banzhaf import Banzhaf
from fixlip.games.base import CallableGame
from fixlip.games.closed_form import random_towers
game = random_towers(80, 40)
Banzhaf(sampling="joint").explain(random_towers(4, 3), progress=False)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, resource.RLIM_INFINITY))
try:
    Banzhaf(sampling="joint", interactions="all").explain(game, progress=False)
except NotEnoughMemoryError as error:
    sys.exit(f"said: {error}")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are those of Linux")
def test_a_real_lack_of_memory():
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, timeout=300, check=False)
    assert done.stderr.startswith("said: There is not enough memory for banzhaf with 80 + 40 players"), done.stderr
    assert "Unable to allocate" in done.stderr
    assert "grid:8" in done.stderr


@pytest.mark.parametrize("name", ALL)
def test_what_a_pair_takes_is_free_without_a_collection_of_garbage(name, monkeypatch):
    """Fits of a picture take 100 MB, and garbage is collected when there are many objects, however large."""
    towers, prepare = [], similarity.game_input

    def noted(*args, **options):
        one = prepare(*args, **options)
        towers.append(weakref.ref(one.tower))
        return one

    monkeypatch.setattr(similarity, "game_input", noted)
    model, pictures, texts = little(), [picture()], ["a dog", "a cat"]
    gc.collect()
    gc.disable()
    try:
        for _ in fixlip.explain_many(pictures, texts, pairs="all", model=model, estimator=name, **few(name, 9, 2)):
            pass
    finally:
        gc.enable()
    assert towers
    assert not [tower for tower in towers if tower() is not None]
