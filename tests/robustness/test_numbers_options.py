"""Options out of their range, through Python and through the command line."""

import math

import numpy as np
import pytest

import fixlip
from fixlip.errors import BudgetError, FixlipError, InputError, OptionError
from fixlip.games.base import CallableGame
from fixlip.games.closed_form import random_towers
from fixlip.request import Request
from tests.helpers.numbers import ALL, ON_MASKS, ON_MODELS, run

GAME = random_towers(40, 5)
NOTHING = (math.nan, math.inf, -math.inf, True, "2", None, [1])
OPTIONS = {
    "banzhaf": {"p": (0, 1, 1.0, -0.1, 2), "ridge": (-1.0,), "order": (0, 4, 2.5)},
    "shapley-owen": {"ridge": (-1.0,), "nodes": (0, 1, -1, 2.5, 10**9, True, "a")},
    "exact": {"p": (0.0, 1.0, -1.0, 1e300)},
    "rise": {"p": (0.0, 1.0, -1.0), "cells": (0, -1, 2.5, 10**9)},
    "lime": {"kernel_width": (0.0, -1.0), "ridge": (-1.0, -1e-300)},
    "interaction-lime": {"kernel_width": (0.0, -1.0)},
    "integrated-gradients": {"steps": (0, -1, 2.5, 10**9), "image_layer": (1.5, -2.0), "text_layer": (2.0,)},
    "grad-eclip": {"text_blocks": (0, -1, 2.5)},
    "grad-cam": {"layer": (-1, 2.5, True)},
}
NUMBERS = [
    (name, option, value)
    for name, options in OPTIONS.items()
    for option, values in options.items()
    for value in (*values, *(NOTHING if option not in ("layer", "nodes", "image_layer", "text_layer") else ()))
    if not (option == "order" and value is True)
]


@pytest.mark.parametrize(("name", "option", "value"), NUMBERS)
def test_options_of_an_estimator(name, option, value):
    with pytest.raises(
        OptionError, match=option.replace("image_layer", "layer").replace("text_layer", "layer")
    ) as caught:
        fixlip.get_estimator(name, **{option: value})
    assert "\n" not in str(caught.value)


WHOLE = [
    (name, value) for name in ("budget", "image_masks", "text_masks") for value in (0, -1, 2.5, True, "64", math.nan)
]
WHOLE += [("seed", value) for value in (-1, None, 1.5, True, "a", math.inf)]


@pytest.mark.parametrize(("option", "value"), WHOLE)
def test_numbers_of_a_call(option, value):
    for name in ON_MASKS:
        with pytest.raises(OptionError, match=f"^{option} "):
            fixlip.get_estimator(name).explain(GAME, progress=False, **{option: value})


@pytest.mark.parametrize("value", [10**30, 10**400])
@pytest.mark.parametrize("name", [n for n in ON_MASKS if ALL[n].sampled])
def test_a_huge_budget(name, value):
    with pytest.raises(BudgetError, match=r"more than memory holds: give at most \d+"):
        run(name, GAME, budget=value)


@pytest.mark.parametrize("option", ["image_masks", "budget"])
def test_the_most_is_what_can_be_had(option):
    with pytest.raises(BudgetError) as caught:
        Request(**{option: 10**12}) and fixlip.get_estimator("banzhaf").passes(60, 5, Request(**{option: 10**12}))
    assert int(str(caught.value).split()[-1].rstrip(".")) > 2**20


@pytest.mark.parametrize("name", ["banzhaf", "shapley", "shapley-owen", "lime", "interaction-lime", "kernel-shap"])
def test_the_minimum_is_enough(name):
    game = random_towers(9, 5)
    word = "budget" if name == "kernel-shap" else "image_masks"
    least, rest = None, {} if name == "kernel-shap" else {"text_masks": 32}
    for masks in range(1, 600):
        try:
            found = fixlip.get_estimator(name).explain(game, progress=False, **{word: masks}, **rest)
        except BudgetError as error:
            said = [int(n) for n in str(error).replace("=", " ").replace(".", " ").split() if n.isdigit()]
            assert masks < 400
            least = max(least or 0, said[-1] if name == "kernel-shap" else min(n for n in said if n > masks))
        else:
            break
    assert masks <= least
    assert np.isfinite(found.first_order).all()


DRAWING = [n for n in ON_MASKS if ALL[n].sampled and n not in ("shapiq:SVARMIQ", "shapley-owen")]


@pytest.mark.parametrize(
    ("name", "seed"), [*((n, 2**70) for n in DRAWING), *(("banzhaf", s) for s in (0, 2**31, 2**63, np.int64(3)))]
)
def test_seeds(name, seed):
    game = random_towers(8, 3)
    one, two = (run(name, game, 2**10, seed=seed) for _ in range(2))
    assert np.array_equal(one.first_order, two.first_order)
    assert type(one.provenance.seed) is int


@pytest.mark.parametrize("target", [math.nan, math.inf, 0, -1, True, "0.1", [1]])
def test_targets(target):
    with pytest.raises(OptionError, match="target_error"):
        run("banzhaf", GAME, budget=None, target_error=target)


@pytest.mark.parametrize(("target", "reached"), [(1e-300, False), (1e300, True)])
def test_targets_out_of_reach(target, reached):
    found = run("banzhaf", random_towers(12, 3), budget=2**12, target_error=target)
    assert ("is not reached" not in found.provenance.status) == reached


@pytest.mark.parametrize("batch", [0, -1, 2.5, True, "64", math.nan, None])
def test_batch_sizes(batch, demo_clip, scene):
    with pytest.raises(OptionError, match="batch_size"):
        CallableGame(GAME.image_fn, GAME.text_fn, 40, 5, batch_size=batch)
    with pytest.raises(OptionError, match="batch_size"):
        fixlip.explain(scene.image, "a dog", model=demo_clip, batch_size=batch, image_masks=64, progress=False)


CLI = {
    "p=0": ("-o", "p=0"),
    "p=1": ("-o", "p=1"),
    "p=nan": ("-o", "p=nan"),
    "ridge=-1": ("-o", "ridge=-1"),
    "ridge=inf": ("-o", "ridge=inf"),
    "steps=0": ("-e", "integrated-gradients", "-o", "steps=0"),
    "steps=1e9": ("-e", "integrated-gradients", "-o", "steps=1000000000"),
    "cells=-1": ("-e", "rise", "-o", "cells=-1"),
    "image masks 0": ("--image-masks", "0"),
    "image masks -1": ("--image-masks", "-1"),
    "budget 0": ("--budget", "0"),
    "budget 1": ("--budget", "1"),
    "budget 10^30": ("--budget", str(10**30)),
    "seed -1": ("--seed", "-1"),
    "target nan": ("--target-error", "nan"),
    "target 0": ("--target-error", "0"),
    "blur of -1": ("--image-removal", "blur:-1"),
    "blur of nan": ("--image-removal", "blur:nan"),
    "replace by -1": ("--text-removal", "replace:-1"),
    "no fields": ("--image-players", "grid:0"),
}


@pytest.mark.parametrize("kind", CLI)
def test_the_command_line(kind, cli, photo):
    code, out, err = cli("explain", photo, "a dog", "--model", "demo-clip", *CLI[kind])
    assert code != 0
    assert "Traceback" not in out + err
    assert err.strip()


def test_models_take_no_masks():
    for name in ON_MODELS:
        with pytest.raises((InputError, OptionError)):
            run(name, random_towers(3, 2))
    assert issubclass(BudgetError, FixlipError)


def test_an_unlucky_draw():
    game, estimator = random_towers(8, 3), fixlip.get_estimator("shapley-owen")
    for seed in range(12):
        try:
            estimator.explain(game, budget=2**9, seed=seed, progress=False)
        except BudgetError as error:
            image, text = (
                int(str(error).split(f"{side}_masks=")[1].split()[0].rstrip(",")) for side in ("image", "text")
            )
            estimator.explain(game, image_masks=image, text_masks=text, seed=seed, progress=False)
