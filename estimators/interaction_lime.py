"""InteractionLIME: a bilinear surrogate near the whole input."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fixlip.errors import OptionError
from fixlip.estimator import Capabilities, Estimator
from fixlip.estimators.lime import grid_designs, grid_masks, lime_kernel, weighted_r2, with_constant
from fixlip.fitting.sampling import Design
from fixlip.games.counted import CountedGame
from fixlip.gradients.views import cross_only
from fixlip.request import Request
from fixlip.results.explanation import Explanation


@dataclass(frozen=True)
class InteractionLime(Estimator):
    """InteractionLIME: the bilinear form of an image mask and a text mask that is nearest to the similarity.

    With image masks S and text masks T drawn with every player present with probability 1/2, and z the mask with a
    constant in front, ``z = (1, x_1, ..., x_n)``, the matrix W minimises
    ``sum over S, T of k(S) k(T) (v(S, T) - z_S' W z_T)^2``, where k is LIME's kernel of each modality by itself. Its
    first entry is the baseline, its first row and column are first-order effects, the rest are the interactions.

    The weights are a product, so W comes from two regressions, one for each tower: ``W = scale * C_I C_T'`` (+ bias),
    where C are the coefficients of the embeddings.

    Options:
        kernel_width: width of the kernel of each modality, above 0; 0.25 as in the package lime.

    Error: the noise of the draws, which falls as one over the root of their number. No standard errors.

    Cost: image masks + text masks forward passes, and one more of each for the empty and the full input.

    Source: Joukovsky, Sammani, Deligiannis, Model-Agnostic Visual Explanations via Approximate Bilinear Models, ICIP
    2023. Reading taken where the paper leaves room: constants in front, so first-order effects are not forced into W;
    W is the result (the paper goes on to its singular vectors: `np.linalg.svd(explanation.cross)`); players in place of
    superpixels; no penalty. Departure: all pairs of an image mask and a text mask instead of one partner for each.

    Example:
        >>> from fixlip.games.closed_form import bilinear
        >>> found = InteractionLime().explain(bilinear(np.eye(2), np.array([[1.0, -3.0]])))
        >>> found.cross.round(6).tolist()
        [[1.0], [-3.0]]
    """

    kernel_width: float = 0.25

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="interaction-lime",
        summary="InteractionLIME: the bilinear form of both masks nearest to the similarity",
        index=("InteractionLIME",),
        orders=(2,),
        cross=True,
        separable=True,
        sampled=True,
        exact=True,
        axioms=("additive", "symmetry", "linearity", "cross pairs of a bilinear game"),
        cost="image masks + text masks, forward",
        source="Joukovsky et al., ICIP 2023",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel_width <= 0:
            raise OptionError(f"kernel_width must be positive, got {self.kernel_width}.")

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        image, text = grid_masks(n_image, n_text, request, self.capabilities.name)
        return image + 2, text + 2

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        image, text = grid_designs(game.n_image, game.n_text, request, self.capabilities.name)
        u, w = game.image_embeddings(image.masks), game.text_embeddings(text.masks)
        (x, weights_x), (y, weights_y) = self._side(image), self._side(text)
        matrix = game.scale * _coefficients(x, weights_x, u) @ _coefficients(y, weights_y, w).T
        matrix[0, 0] += game.bias
        grid = game.scale * u @ w.T + game.bias
        return game.explanation(
            matrix[0, 0],
            np.concatenate([matrix[1:, 0], matrix[0, 1:]]),
            cross_only(matrix[1:, 1:]),
            index="InteractionLIME",
            r2=weighted_r2(grid, x @ matrix @ y.T, np.outer(weights_x, weights_y)),
        )

    def _side(self, design: Design) -> tuple[np.ndarray, np.ndarray]:
        """Return the features and the weights of the masks of one tower."""
        weights = design.weights * lime_kernel(design.masks.mean(1), self.kernel_width)
        return with_constant(design.masks), weights / weights.sum()


def _coefficients(features: np.ndarray, weights: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
    """Regress embeddings [m, D] on features [m, f] by weighted least squares: [f, D]."""
    root = np.sqrt(weights)[:, None]
    return np.linalg.lstsq(root * features, root * embeddings, rcond=None)[0]
