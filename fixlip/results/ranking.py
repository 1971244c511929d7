"""Captions of one picture, ranked by their similarity to it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Ranked(NamedTuple):
    """A caption with its similarity (logit), its probability (see `Ranking`), and notes on it."""

    caption: str
    similarity: float
    probability: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Ranking:
    """Captions of one picture, the most similar first.

    Attributes:
        captions: the captions, in that order.
        measure: how the model turns similarities into probabilities: "softmax" over these captions (CLIP), or "sigmoid"
            of each by itself (SigLIP, whose similarity has a bias).
    """

    captions: tuple[Ranked, ...]
    measure: Literal["softmax", "sigmoid"]
