"""Two image players with two text players: interactions beyond those that an explanation holds."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fixlip.errors import OptionError
from fixlip.fitting.surrogate import symmetric
from fixlip.fitting.tower_fits import Rules
from fixlip.games.counted import CountedGame
from fixlip.request import Request

if TYPE_CHECKING:
    from fixlip.games.base import Game


class FourthOrder(NamedTuple):
    """Interactions of two image players with two text players, and their standard errors.

    Attributes:
        values: [n_image, n_image, n_text, n_text], 0 where a player comes twice.
        stderr: of the same shape; NaN where there are too few masks for standard errors.
    """

    values: np.ndarray
    stderr: np.ndarray


def fourth_order(
    game: "Game",
    *,
    p: float = 0.5,
    image_masks: int | None = None,
    text_masks: int | None = None,
    seed: int = 0,
) -> FourthOrder:
    """Estimate the weighted Banzhaf interactions of all pairs of patches with all pairs of words.

    Args:
        game: of two towers, such as one of `fixlip.games.similarity.games`.
        p: probability of each player to be present, in (0, 1).
        image_masks, text_masks, seed: as for `fixlip.explain`; None for the default number of order 3.

    Returns:
        ``c_ijkl = scale * <F_ij, G_kl> / (p (1 - p))^2``, in the unit of the game.

    Raises:
        OptionError: p is not between 0 and 1.
        BudgetError: the masks are too few.

    Cost: the passes of ``banzhaf`` at order 3; n_image^2 n_text^2 numbers, twice.

    Example:
        >>> from fixlip.games.closed_form import random_towers
        >>> fourth_order(random_towers(3, 2)).values.shape
        (3, 3, 2, 2)
    """
    if not 0 < p < 1:
        raise OptionError(f"p must be between 0 and 1, got {p}.")
    plan = Rules(p, 3, "all", "auto", "auto", 0.0).plan(
        game.n_image, game.n_text, Request(image_masks=image_masks, text_masks=text_masks, seed=seed)
    )
    counted = CountedGame(game, lambda passes: None)
    image, text = plan.fit(counted, plan.draw(seed), seed)
    of_pairs = slice(1 + game.n_image, None), slice(1 + game.n_text, None)
    F, G = image.coefficients(0.0)[of_pairs[0]], text.coefficients(0.0)[of_pairs[1]]
    moved = image.errors(G, 0.0, (0, 0, len(G))), text.errors(F, 0.0, (0, 0, len(F)))
    variance = np.full((len(F), len(G)), np.nan)
    if moved[0] is not None and moved[1] is not None:
        variance = sum((part[of_pairs[0]] ** 2 for part in moved[0]), np.zeros_like(variance))
        variance += sum(((part[of_pairs[1]] ** 2).T for part in moved[1]), np.zeros_like(variance))
    unit = counted.scale / (p * (1 - p)) ** 2
    sizes = game.n_image, game.n_text
    return FourthOrder(*(_squared(pairs, *sizes) for pairs in (unit * F @ G.T, abs(unit) * np.sqrt(variance))))


def _squared(pairs: np.ndarray, n_image: int, n_text: int) -> np.ndarray:
    """Put pairs by pairs, [n_image (n_image - 1) / 2, n_text (n_text - 1) / 2], in their four places."""
    by_words = symmetric(pairs, n_text).reshape(len(pairs), -1)
    return symmetric(by_words.T, n_image).transpose(1, 2, 0).reshape(n_image, n_image, n_text, n_text)
