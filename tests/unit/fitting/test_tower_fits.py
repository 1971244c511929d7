"""The rules behind "auto", at the numbers that the docstrings of `Banzhaf` promise."""

import pytest

from fixlip.errors import BudgetError
from fixlip.fitting.tower_fits import Rules
from fixlip.request import Request

PROCESS, LEAST_SQUARES = "gaussian-process", "least-squares"


def image_plan(n_image, masks=None, **options):
    defaults = {"p": 0.5, "order": 2, "interactions": "cross", "sampling": "auto", "fit": "auto", "ridge": 0.0}
    return Rules(**defaults | options).plan(n_image, 8, Request(image_masks=masks)).image


@pytest.mark.parametrize(
    ("options", "most"), [({}, 8192), ({"sampling": "independent"}, 4096), ({"p": 0.7}, 4096), ({"p": 0.25}, 4096)]
)
def test_a_process_up_to_8192_paired_masks_or_4096_independent_ones(options, most):
    step = 2 if most == 8192 else 1
    assert image_plan(49, most, **options).fit == PROCESS
    assert image_plan(49, most + step, **options).fit == LEAST_SQUARES
    assert image_plan(450, **options).masks == most // 2  # the default, where ten masks for each term would be more


def test_twice_as_many_where_they_are_fewer_than_four_for_each_term():
    terms = 1 + 70 + 70 * 69 // 2
    assert 8192 < 4 * terms - 2 <= 16_384
    assert image_plan(70, 4 * terms - 2, interactions="all").fit == PROCESS
    assert image_plan(70, 4 * terms, interactions="all").fit == LEAST_SQUARES
    assert image_plan(180, 16_384, interactions="all", fit=PROCESS).masks == 16_384
    with pytest.raises(BudgetError, match="up to 8192 image masks, or pairs of complements, got 8193"):
        image_plan(180, 16_386, interactions="all", fit=PROCESS)


@pytest.mark.parametrize("options", [{"p": 0.24}, {"p": 0.76}, {"ridge": 0.1}])
def test_far_from_one_half_and_with_a_penalty_always_least_squares(options):
    assert image_plan(49, 1024, **options).fit == LEAST_SQUARES


def test_masks_are_paired_at_one_half_where_there_is_a_whole_block():
    assert image_plan(49, 128).sampling == "paired"
    assert image_plan(49, 126).sampling == "independent"
    assert image_plan(49, 128, p=0.6).sampling == "independent"
    assert image_plan(12, 400, interactions="all", fit=LEAST_SQUARES).sampling == "independent"


def test_all_pairs_for_up_to_64_patches():
    def auto(n_image):
        return image_plan(n_image, interactions="auto")

    assert (auto(64).order, auto(65).order) == (2, 1)
