"""A model, a tokenizer, a preprocessing or a progress function that raises in the middle, and Ctrl-C there."""

import copy
from dataclasses import fields, replace

import numpy as np
import pytest

import fixlip
from fixlip.api.captions import contrast
from fixlip.games.closed_form import random_towers
from tests.helpers.faults import (
    ALL,
    BY_SPEED,
    CAPTION,
    assert_same,
    faulty,
    few,
    game_of,
    game_of_functions,
    little,
    moments,
    run,
    whole_run,
)
from tests.helpers.models import FAMILIES, encoder_of, picture
from tests.helpers.oracles import assert_close
from tests.helpers.state import unchanged

SELF = "the user's own error comes out, nothing is left behind, the next explanation has the same numbers"


class FaultError(Exception):
    """An error of the user's model."""


def test_where_nothing_fails_nothing_is_left(tmp_path):
    encoder = little()
    for name in ALL:
        run(name, game_of(encoder))  # what is imported on the way
        with unchanged(encoder, folders=[tmp_path]):
            run(name, game_of(encoder))


@pytest.mark.parametrize("name", BY_SPEED[::2])
def test_a_model_that_raises(name):
    encoder, expected, calls = whole_run(name)
    raised = FaultError("the tower fell")
    with unchanged(encoder):
        for k in calls:
            with faulty(encoder, lambda: raised, at=k), pytest.raises(FaultError) as caught:
                run(name, game_of(encoder))
            assert caught.value is raised
    assert_same(run(name, game_of(encoder)), expected, 0.0)


@pytest.mark.parametrize("name", BY_SPEED[1::2])
def test_an_interruption(name):
    encoder, expected, calls = whole_run(name)
    partial = 0
    with unchanged(encoder):
        for k in calls:
            with faulty(encoder, KeyboardInterrupt, at=k):
                try:
                    found = run(name, game_of(encoder))
                except KeyboardInterrupt:
                    pass
                else:
                    assert found.provenance.status.startswith("interrupted: ")
                    assert np.isfinite(found.first_order).all()
                    partial += 1
    assert not partial or fixlip.estimator_class(name).capabilities.stderr
    assert_same(run(name, game_of(encoder)), expected, 0.0)


@pytest.mark.parametrize("name", ["banzhaf", "exact", "integrated-gradients", "itsm", "shapiq:KernelSHAP"])
def test_a_progress_function_that_raises(name):
    encoder, calls = little(), []
    game = game_of(encoder)
    expected = run(name, game, progress=lambda done, total: calls.append((done, total)))
    assert calls
    with unchanged(encoder):
        for k in moments(len(calls)):
            for error in (FaultError("no more"), KeyboardInterrupt("no more")):
                left = [error] * (k == 1) or [None] * (k - 1) + [error]

                def progress(done, total, left=left):
                    error = left.pop(0) if left else None
                    if error is not None:
                        raise error

                if isinstance(error, FaultError):
                    with pytest.raises(FaultError) as caught:
                        run(name, game, progress)
                    assert caught.value is error
                else:
                    try:
                        found = run(name, game, progress)
                    except KeyboardInterrupt:
                        pass
                    else:
                        assert "interrupted" in found.provenance.status
    assert_same(run(name, game), expected, 0.0)


FEW = {"image_masks": 202, "progress": False}
OTHER = "a cat"
SEVERAL = {
    "explain_many": lambda m: list(fixlip.explain_many([picture()], [CAPTION, OTHER], pairs="all", model=m, **FEW)),
    "compare": lambda m: fixlip.compare(picture(), CAPTION, models=[m, m], **FEW),
    "sensitivity": lambda m: fixlip.sensitivity(picture(), CAPTION, model=m, removals=[{}, {"text": "delete"}], **FEW),
    "contrast": lambda m: contrast(picture(), (CAPTION, OTHER), model=m, **FEW),
    "sweep": lambda m: fixlip.sweep(picture(), CAPTION, option="p", values=(0.3, 0.7), model=m, **FEW),
}


@pytest.mark.parametrize("several", SEVERAL)
def test_an_interruption_of_several_ends_them(several):
    encoder = little()
    with faulty(encoder) as whole:
        SEVERAL[several](encoder)
    for k in moments(whole.calls):
        with faulty(encoder, KeyboardInterrupt, at=k), pytest.raises(KeyboardInterrupt):
            SEVERAL[several](encoder)


def test_an_interruption_of_curves_keeps_the_explanation():
    encoder = little()
    with faulty(encoder) as explained:
        expected = fixlip.explain(picture(), CAPTION, model=encoder, **FEW)
    with faulty(encoder) as whole:
        fixlip.explain(picture(), CAPTION, model=encoder, curves=True, **FEW)
    assert whole.calls > explained.calls
    for k in (explained.calls + k for k in moments(whole.calls - explained.calls)):
        with faulty(encoder, KeyboardInterrupt, at=k):
            found = fixlip.explain(picture(), CAPTION, model=encoder, curves=True, **FEW)
        assert found.curves is None
        assert found.provenance.status == "interrupted before the removal curves were done"
        np.testing.assert_array_equal(found.second_order, expected.second_order)


@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "callables"])
def test_every_part_of_every_family(family):
    encoder = encoder_of(family)
    call = {"model": encoder, "image_masks": 202, "progress": False, "options": {"interactions": "cross"}}
    expected = fixlip.explain(picture(), CAPTION, **call)
    with unchanged(encoder):
        for side in ("image_tower", "text_tower"):
            tower = getattr(encoder, side)
            for part in {"prepare", "tokens", "encode", "attended"} & {field.name for field in fields(tower)}:
                broken = copy.copy(encoder)
                setattr(broken, side, replace(tower, **{part: fall}))
                with pytest.raises(FaultError, match="of the user's"):
                    fixlip.explain(picture(), CAPTION, **call | {"model": broken})
    assert_same(fixlip.explain(picture(), CAPTION, **call), expected, 0.0)


def fall(*args, **options):
    raise FaultError("of the user's")


@pytest.mark.parametrize("name", [n for n in ALL if not fixlip.estimator_class(n).capabilities.gradients])
def test_functions_that_raise(name):
    towers, at, calls = random_towers(9, 3), [0], []

    def falling(function):
        def embed(masks):
            calls.append(1)
            if len(calls) == at[0]:
                raise FaultError(at[0])
            return function(masks)

        return embed

    game = game_of_functions(towers, falling)
    game.batch_size = 16
    expected = run(name, game)
    with unchanged():
        for k in moments(len(calls)):
            at[0] = k
            calls.clear()
            with pytest.raises(FaultError, match=f"^{k}$"):
                run(name, game)
    at[0] = 0
    assert_same(run(name, game), expected, 0.0)


def test_many_pairs_go_on_after_one_that_failed():
    """`explain_many` ends with the error; the model is as before, and explains the same pairs again."""
    encoder = little()
    call = {"model": encoder, "pairs": "all", "progress": False, **few("banzhaf")}
    expected = list(fixlip.explain_many([picture()], [CAPTION, "a cat"], **call))
    with faulty(encoder, FaultError, at=40), pytest.raises(FaultError), unchanged(encoder):
        list(fixlip.explain_many([picture()], [CAPTION, "a cat"], **call))
    again = list(fixlip.explain_many([picture()], [CAPTION, "a cat"], **call))
    for one, other in zip(again, expected, strict=True):
        assert_close(one.first_order, other.first_order, 0.0)
