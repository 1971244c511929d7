"""Conditional perturbation: whether the patches that belong to some words, and the words of a box, carry the value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fixlip.games.base import Game
from fixlip.metrics.curves import POINTS, area, normalised_curves, subset_sizes
from fixlip.metrics.grounding import Box, player_coverage
from fixlip.metrics.maps import image_map, ranked, text_map
from fixlip.results.equality import ByValue
from fixlip.results.explanation import Explanation

CURVES = ("image_insertion", "image_deletion", "text_insertion", "text_deletion")


@dataclass(frozen=True, eq=False)
class Perturbation(ByValue):
    """Four curves of one object, each over 51 fractions from 0 to 1 of the players of a modality.

    Attributes:
        image_insertion: patches join the empty picture, those with the largest interaction with the words first.
        image_deletion: they leave the whole picture, the same ones first.
        text_insertion, text_deletion: words join and leave, those with the largest interaction with the box first.
    """

    image_insertion: np.ndarray
    image_deletion: np.ndarray
    text_insertion: np.ndarray
    text_deletion: np.ndarray

    @property
    def areas(self) -> dict[str, float]:
        """The area under each curve; larger is better for insertion, smaller for deletion."""
        return {name: area(getattr(self, name)) for name in CURVES}


def perturbation(
    explanation: Explanation,
    game: Game,
    spans: Sequence[Any],
    boxes: Sequence[Sequence[Box]],
    *,
    points: int = POINTS,
) -> tuple[Perturbation, ...]:
    """Insertion and deletion in one modality in the order of the interactions with a selection in the other.

    For each object the image players are ranked by their summed interaction with its words, and the text players by
    their summed interaction with its boxes (image players count by the part of them that is inside). The other modality
    stays whole. Values are scaled to 0 for none and 1 for all of the modality's players. An explanation without pairs
    has one rank for all objects, that of its first-order effects.

    Args:
        explanation: of this game's players.
        game: scored on; all of its masks are asked for in one call.
        spans: for each object its words, as in `Explanation.patch_values`.
        boxes: for each object its boxes in fractions (0..1) of the picture that the model sees.
        points: of the curves.

    Returns:
        For each object its curves; NaN where none and all of a modality's players are worth the same, as in
        `fixlip.metrics.curves.normalised_curves`.

    Raises:
        InputError: words that are not in the caption, or image players without a place in the picture.

    Cost: for each object at most 2 * points masks of each modality.

    Source: Moeller et al., Explaining Caption-Image Interactions in CLIP Models with Second-Order Attributions, TMLR
    2025. Reading taken: the similarity is that with the whole caption (or picture), normalised as said above.
    """
    players = explanation.players
    n_image, n = players.n_image, len(players)
    image, text = subset_sizes(n_image, points), subset_sizes(players.n_text, points)
    masks: list[np.ndarray] = []
    for span, object_boxes in zip(spans, boxes, strict=True):
        cover = player_coverage(players, object_boxes)
        masks += _masks(n, ranked(image_map(explanation, span)), image)
        masks += _masks(n, n_image + ranked(text_map(explanation, cover)), text)
    if not masks:
        return ()
    values = iter(np.split(game.values(np.concatenate(masks)), np.cumsum([len(m) for m in masks])[:-1]))
    return tuple(
        Perturbation(
            *_curves(next(values), next(values), image, points), *_curves(next(values), next(values), text, points)
        )
        for _ in spans
    )


def _masks(n: int, order: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
    """Masks with the first players of an order and nobody else of their modality, and masks without just these."""
    place = np.full(n, n)
    place[order] = np.arange(len(order))
    first = place < sizes[:, None]
    return [first | (place == n), ~first]


def _curves(insertion: np.ndarray, deletion: np.ndarray, sizes: np.ndarray, points: int) -> np.ndarray:
    return normalised_curves(np.stack([insertion, deletion]), sizes, insertion[0], insertion[-1], points)
