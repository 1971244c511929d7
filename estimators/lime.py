"""LIME on the players of a picture and a caption."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fixlip.errors import BudgetError, OptionError
from fixlip.estimator import Capabilities, Estimator
from fixlip.fitting.joint_masks import joint_budget
from fixlip.fitting.sampling import Design, allocate, make_design
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.results.explanation import Explanation

PER_TERM = 10  # default masks for each term


@dataclass(frozen=True)
class Lime(Estimator):
    """LIME: a ridge regression on which players are present, near the whole input.

    Masks leave each player in with probability 1/2. With d the cosine distance of a mask M from the full one,
    ``d = 1 - sqrt(|M| / n)``, its weight is the exponential kernel ``sqrt(exp(-d^2 / width^2))``, and the effects
    minimise ``sum of weight (v(M) - e_0 - sum_{i in M} e_i)^2 + ridge * sum of e_i^2``.

    Options:
        kernel_width: width of the kernel, positive; 0.25 as in the package lime.
        ridge: penalty on the effects; 1 as in the package lime, where the weights of the masks add up to their number
            times the mean kernel.

    Error: shrunk by the penalty, which matters less the more masks there are; the noise of the draws falls as one over
    the root of their number. No standard errors.

    Cost: image masks + text masks forward passes of a game of two towers, whose grid of values is fitted; one
    evaluation for each joint mask of another game (default: 10 for each player, rounded up to a power of two). And one
    more of each for the empty and the full input.

    Source: Ribeiro, Singh, Guestrin, "Why Should I Trust You?", KDD 2016, and the package lime. Departures: patches or
    regions and words are players of one regression; all of them are kept (no feature selection); masks on a grid.

    Example:
        >>> from fixlip.games.closed_form import additive
        >>> game = additive(np.array([1.0, -2.0, 0.5]), np.array([3.0, 4.0]))
        >>> Lime(ridge=0.0).explain(game).first_order.round(6).tolist()
        [1.0, -2.0, 0.5, 3.0, 4.0]
    """

    kernel_width: float = 0.25
    ridge: float = 1.0

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="lime",
        summary="LIME: weighted ridge regression on the players near the whole input",
        index=("LIME",),
        orders=(1,),
        sampled=True,
        exact=True,
        axioms=("symmetry", "linearity"),
        cost="image masks + text masks, forward",
        source="Ribeiro et al., KDD 2016",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel_width <= 0 or self.ridge < 0:
            raise OptionError(
                f"kernel_width must be positive and ridge not negative, got {self.kernel_width} and {self.ridge}."
            )

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        if request.joint:
            masks = _joint(n_image + n_text, request)
            return masks + 2, masks + 2
        image, text = grid_masks(n_image, n_text, request, self.capabilities.name)
        return image + 2, text + 2

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        fit = self._on_grid if game.separable else self._on_joint_masks
        solution, r2 = fit(game, request)
        return game.explanation(solution[0], solution[1:], None, index="LIME", r2=r2)

    def _on_grid(self, game: CountedGame, request: Request) -> tuple[np.ndarray, float]:
        """Fit the grid of image masks x text masks, from sums over its two sides."""
        image, text = grid_designs(game.n_image, game.n_text, request, self.capabilities.name)
        grid = game.scale * game.image_embeddings(image.masks) @ game.text_embeddings(text.masks).T + game.bias
        share = (image.masks.sum(1)[:, None] + text.masks.sum(1)) / (game.n_image + game.n_text)
        weights = np.outer(image.weights * len(image.masks), text.weights * len(text.masks))
        weights *= lime_kernel(share, self.kernel_width)
        x, y = with_constant(image.masks), text.masks.astype(float)
        gram = np.block(
            [[(x.T * weights.sum(1)) @ x, x.T @ weights @ y], [y.T @ weights.T @ x, (y.T * weights.sum(0)) @ y]]
        )
        rhs = np.concatenate([x.T @ (weights * grid).sum(1), y.T @ (weights * grid).sum(0)])
        solution = self._solve(gram, rhs)
        fitted = (x @ solution[: x.shape[1]])[:, None] + y @ solution[x.shape[1] :]
        return solution, weighted_r2(grid, fitted, weights)

    def _on_joint_masks(self, game: CountedGame, request: Request) -> tuple[np.ndarray, float]:
        n = game.n_image + game.n_text
        design = make_design(n, _joint(n, request), 0.5, "independent", np.random.default_rng(request.seed))
        values = game.values(design.masks)
        weights = design.weights * len(values) * lime_kernel(design.masks.mean(1), self.kernel_width)
        x = with_constant(design.masks)
        solution = self._solve((x.T * weights) @ x, x.T @ (weights * values))
        return solution, weighted_r2(values, x @ solution, weights)

    def _solve(self, gram: np.ndarray, rhs: np.ndarray) -> np.ndarray:
        penalty = np.full(len(rhs), float(self.ridge))
        penalty[0] = 0.0
        return np.linalg.lstsq(gram + np.diag(penalty), rhs, rcond=None)[0]


def lime_kernel(share: np.ndarray, width: float) -> np.ndarray:
    """Weight masks by the share of players that are present: 1 for the full mask, least for the empty mask."""
    return np.exp(-0.5 * ((1 - np.sqrt(share)) / width) ** 2)


def with_constant(masks: np.ndarray) -> np.ndarray:
    """Turn masks [m, n] into features [m, 1 + n]: a constant, and the players."""
    return np.concatenate([np.ones((len(masks), 1)), masks], axis=1)


def weighted_r2(values: np.ndarray, fitted: np.ndarray, weights: np.ndarray) -> float:
    """Compute the share of the weighted variance of the values that is fitted; NaN where they do not vary."""
    mean = (weights * values).sum() / weights.sum()
    variance = (weights * (values - mean) ** 2).sum()
    if variance <= 1e-12 * (weights * values**2).sum():
        return float("nan")
    return float(1 - (weights * (values - fitted) ** 2).sum() / variance)


def grid_masks(n_image: int, n_text: int, request: Request, name: str) -> tuple[int, int]:
    """Return the numbers of masks of each tower for a regression on the players; see `allocate`.

    Raises:
        BudgetError: there are fewer masks than terms.
    """
    players, terms = (n_image, n_text), (n_image + 1, n_text + 1)
    masks = allocate(
        request.budget, request.image_masks, request.text_masks, players=players, terms=terms, per_term=PER_TERM
    )
    for side, m, f, n in zip(("image", "text"), masks, terms, players, strict=True):
        needed = min(f, 2**n)
        if m < needed:
            raise BudgetError(
                f"{m} {side} masks are too few for {name} and {n} {side} players: at least {needed} are needed. Give "
                f"{side}_masks={needed} or a larger budget."
            )
    return masks


def grid_designs(n_image: int, n_text: int, request: Request, name: str) -> tuple[Design, Design]:
    """Draw the masks of each tower, every player present with probability 1/2."""
    image, text = grid_masks(n_image, n_text, request, name)
    return (
        make_design(n_image, image, 0.5, "independent", np.random.default_rng([request.seed, False])),
        make_design(n_text, text, 0.5, "independent", np.random.default_rng([request.seed, True])),
    )


def _joint(n: int, request: Request) -> int:
    default = 1 << (PER_TERM * (n + 1) - 1).bit_length()
    return joint_budget(request, n, default=default, needed=n + 1, name="lime")
