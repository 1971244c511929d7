"""Hard-negative captions: whether model and explanation notice the word that is wrong."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fixlip.metrics.maps import text_map
from fixlip.results.explanation import Explanation


@dataclass(frozen=True)
class FoilTest:
    """Outcome for one picture with a true and a foiled caption.

    Attributes:
        accuracy: whether the model scores the true caption higher.
        margin: by how much, in the value's unit.
        lower: whether the wrong words interact less with the picture than the right ones in their place.
        found: whether the text player that interacts least with the picture is one of the wrong words.
        chance: share of the text players that the wrong words are: how often `found` holds for random effects.
    """

    accuracy: bool
    margin: float
    lower: bool
    found: bool
    chance: float


def foil_test(true: Explanation, foiled: Explanation, true_words: Any, foiled_words: Any) -> FoilTest:
    """Compare the explanations of a true caption and of one in which some words are wrong.

    The effect of a word is the sum of its interactions with all image players; its first-order effect where the
    explanation has no pairs.

    Args:
        true, foiled: explanations of one picture with either caption, by one model and estimator.
        true_words, foiled_words: the words that differ, each in its caption, as in `Explanation.patch_values`.

    Raises:
        InputError: words that are not in their caption.

    Source: Moeller et al., Explaining Caption-Image Interactions in CLIP Models with Second-Order Attributions, TMLR
    2025, who attribute the captions of Doenmez et al., HNC, CoNLL 2023. Reading taken: the two statements on effects.
    """
    right, wrong = true.players.find_text(true_words), foiled.players.find_text(foiled_words)
    effects = text_map(foiled)
    margin = true.full_value - foiled.full_value
    return FoilTest(
        accuracy=margin > 0,
        margin=float(margin),
        lower=bool(effects[wrong].sum() < text_map(true)[right].sum()),
        found=bool(np.ptp(effects) > 0 and int(np.argmin(effects)) in wrong),
        chance=len(wrong) / len(effects),
    )
