"""RISE."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fixlip.errors import BudgetError, OptionError
from fixlip.estimator import Capabilities, Estimator
from fixlip.fitting.sampling import allocate, make_design
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.results.explanation import Explanation

DEFAULT = 2048  # image masks; text masks, where they are not enumerated
MOST_CELLS = 64  # along a side of the coarse grid
FEWEST = 8  # masks of a tower, or all of them where there are fewer


@dataclass(frozen=True)
class Rise(Estimator):
    """RISE: the mean similarity over random masks that leave a player in, less the mean over all masks.

    The picture is masked while the caption is whole, and the caption while the picture is whole. With w the weights of
    the masks, the score of player i is ``sum w v(M) x_i / sum w x_i - sum w v(M)``.

    The patches of a grid are masked in smooth shapes: a coarse grid of cells that are on with probability p is enlarged
    bilinearly with a random shift, and cut at the level that leaves the share p of all patches in (the shift makes
    that the probability of each patch). Words, and image players without a grid, are masked independently.

    Options:
        p: probability of a player to be present, in (0, 1).
        cells: rows and columns of the coarse grid.

    Error: neighbouring patches are masked together, so a map is blurred by about a cell, however many masks there are;
    the noise falls with one over the root of their number. There are no standard errors.

    Cost: image masks + text masks forward passes (2048 of each by default, or all), one of which is the whole input,
    and one more of each for the empty and the full input. A budget is taken as image masks x text masks, as for other
    estimators, so equal budgets are equal passes.

    Source: Petsiuk, Das, Saenko, RISE, BMVC 2018. Readings taken: players are present or not, so the enlarged masks are
    cut; the mean is taken off, which changes no ranking and makes zero mean "no effect"; the unit is "relevance".
    Departure: the sum is divided by the realised share of masks with the player instead of by p.

    Example:
        >>> from fixlip.games.closed_form import additive
        >>> game = additive(np.array([1.0, -2.0]), np.array([4.0]))
        >>> Rise().explain(game).first_order.round(6).tolist()
        [0.5, -1.0, 2.0]
    """

    p: float = 0.5
    cells: int = 4

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="rise",
        summary="RISE: mean similarity of random smooth masks that leave a player in",
        index=("RISE",),
        orders=(1,),
        sampled=True,
        cost="image masks + text masks, forward",
        source="Petsiuk et al., BMVC 2018",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.p < 1 or not 1 <= self.cells <= MOST_CELLS:
            raise OptionError(
                f"p must be between 0 and 1 and cells from 1 to {MOST_CELLS}, got {self.p} and {self.cells}."
            )

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        image, text = _counts(n_image, n_text, request)
        if request.joint:
            return image + text + 2, image + text + 2
        return image + 2, text + 2

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        counts, grid = _counts(game.n_image, game.n_text, request), game.players.grid
        image = self._design(game.n_image, counts[0], grid, np.random.default_rng([request.seed, False]))
        text = self._design(game.n_text, counts[1], None, np.random.default_rng([request.seed, True]))
        if game.separable:
            u, w = game.image_embeddings(image[0]), game.text_embeddings(text[0])
            values = game.scale * u @ w[-1] + game.bias, game.scale * w @ u[-1] + game.bias
        else:
            whole_text = np.ones((len(image[0]), game.n_text), dtype=bool)
            whole_image = np.ones((len(text[0]), game.n_image), dtype=bool)
            values = (
                game.values(np.concatenate([image[0], whole_text], axis=1)),
                game.values(np.concatenate([whole_image, text[0]], axis=1)),
            )
        scores = [_scores(*side, v) for side, v in zip((image, text), values, strict=True)]
        return game.explanation(0.0, np.concatenate(scores), None, index="RISE", unit="relevance")

    def _design(
        self, n: int, m: int, grid: tuple[int, int] | None, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw masks [m, n], the last of them full, and return their weights too."""
        if grid is not None:
            masks, weights = smooth_masks(m - 1, grid, self.cells, self.p, rng), np.full(m - 1, 1 / (m - 1))
        else:
            design = make_design(n, m if m == 2 ** min(n, 62) else m - 1, self.p, "independent", rng)
            masks, weights = design.masks, design.weights
        if len(masks) == m:
            return masks, weights
        return np.concatenate([masks, np.ones((1, n), dtype=bool)]), np.append(weights, 0.0)


def smooth_masks(m: int, grid: tuple[int, int], cells: int, p: float, rng: np.random.Generator) -> np.ndarray:
    """Draw masks of the patches of a grid in smooth shapes; each patch is present with probability p.

    Args:
        m: number of masks.
        grid: rows and columns of patches.
        cells: rows and columns of the coarse grid that lies over them.
        p: probability of a cell to be on.
        rng: generator of the draws.

    Returns:
        Boolean [m, rows * columns].
    """
    on = (rng.random((m, cells + 2, cells + 2)) < p).astype(float)
    rows, columns = (_bilinear(rng.random(m), size, cells) for size in grid)
    enlarged = np.einsum("mra,mab,mcb->mrc", rows, on, columns, optimize=True)
    return enlarged.reshape(m, -1) > np.quantile(enlarged, 1 - p)


def _bilinear(shift: np.ndarray, size: int, cells: int) -> np.ndarray:
    """Weight coarse cells at the centres of fine cells, shifted by part of a cell: [m, size, cells + 2]."""
    at = (np.arange(size) + 0.5) / size * cells + shift[:, None]
    return np.maximum(1 - np.abs(at[:, :, None] - np.arange(cells + 2)), 0)


def _scores(masks: np.ndarray, weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    present = weights @ masks
    if (present == 0).any():
        raise BudgetError(f"Some player is in none of the {len(masks)} masks; give more image_masks and text_masks.")
    return (weights * values) @ masks / present - weights @ values


def _counts(n_image: int, n_text: int, request: Request) -> tuple[int, int]:
    """Return the numbers of masks of each tower."""
    default = DEFAULT if request.budget is None else None
    masks = allocate(
        request.budget,
        request.image_masks or default,
        request.text_masks or default,
        players=(n_image, n_text),
        terms=(n_image + 1, n_text + 1),
    )
    for side, m, n in zip(("image", "text"), masks, (n_image, n_text), strict=True):
        needed = min(FEWEST, 2 ** min(n, 62))
        if m < needed:
            raise BudgetError(
                f"{m} {side} masks are too few for rise: at least {needed} are needed. Give {side}_masks={needed} or a "
                "larger budget."
            )
    return masks
