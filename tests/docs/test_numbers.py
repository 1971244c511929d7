"""The page on numbers says what the code does."""

import pytest

from fixlip.fitting.numerics import CONSTANT, NO_SCORE
from fixlip.fitting.sampling import MOST_ENTRIES
from fixlip.fitting.tower_fits import RATES
from fixlip.games.base import LARGEST
from tests.helpers.paths import ROOT

PAGE = " ".join((ROOT / "docs" / "trust_numbers.md").read_text("utf-8").split())


@pytest.mark.parametrize(
    "said",
    [
        f"beyond {LARGEST:g}".replace("e+", "e"),
        f"2^{MOST_ENTRIES.bit_length() - 1} masks x players",
        CONSTANT,
        NO_SCORE,
        f"p below {RATES[0]} or above {RATES[1]}",
    ],
)
def test_limits_and_remarks_are_those_of_the_code(said):
    assert said in PAGE
