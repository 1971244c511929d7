"""One tower by itself: its fit, and what is kept of the fit of a picture for every later query.

A query meets a picture in ``scale * <F_i, G_k>``, so the coefficients F of the picture are kept. The standard error of
F_i along a direction g of a later query is kept in a compact form: ``sqrt(size_i * g' R' S R g)`` with R the leading
directions in which the embeddings of the masks vary, S [r, r] the mean shape of the errors along them, and size_i the
variance of F_i over all of them. With 24 directions it was within 2 % of the errors of `fixlip.explain` at the median
over effects, within 7 % for a typical one: no more than these vary by their own draws (demo-clip, demo-siglip, 256
masks). What the fit leaves over is kept along the same directions, which gives R2 for any query, within .02.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from fixlip.encoders.base import DualEncoder
from fixlip.errors import FixlipError
from fixlip.fitting.surrogate import TowerFit
from fixlip.fitting.tower_fits import Rules
from fixlip.fitting.tower_gp import TowerProcess
from fixlip.games.base import called
from fixlip.games.inputs import GameInput
from fixlip.games.similarity import check_direction, tolerance

Side = Literal["image", "text"]
DIRECTIONS = 24
DRAWS, LEAST_DRAWS = 800, 16  # from the posterior, times players: errors average out over the players


@dataclass(frozen=True, eq=False)
class Tower:
    """The fit of one tower on one input.

    Attributes:
        one: the input.
        fit: of the embeddings of its masks.
        ends: [2, D], the embeddings of the input with every player removed, and as a whole.
        passes: masks that were encoded.
        remarks: what to know before trusting the fit.
        described: the design and the fit, in words.
    """

    one: GameInput
    fit: TowerFit
    ends: np.ndarray
    passes: int
    remarks: tuple[str, ...]
    described: str


def fit_tower(encoder: DualEncoder, side: Side, one: GameInput, p: float, masks: int | None, seed: int) -> Tower:
    """Fit the tower of one input as `fixlip.explain` does for cross pairs.

    Args:
        encoder: the model.
        side: "image" or "text".
        one: the picture or the caption.
        p: probability of each player to be present.
        masks: number of masks; the default of `banzhaf` when None.
        seed: of the masks.

    Raises:
        BudgetError: the masks do not determine the coefficients.
        InputError: an embedding that is 0, or holds NaN or infinity.
        FixlipError: the tower does not follow the forward pass of the model.
    """
    n, passes = len(one.players), 0

    def embed(masks: np.ndarray) -> np.ndarray:
        nonlocal passes
        passes += len(masks)
        return called(one.embed, masks, n, side, "embeddings", 2)

    ends = embed(np.repeat([[False], [True]], n, axis=1))
    _check(encoder, side, ends[1], one.own_embedding)
    plan = Rules(p, 2, "cross", "auto", "auto", 0.0).alone(side, n, masks)
    design = plan.draw(seed)
    fit = plan.regress(embed, design, one.grid)
    return Tower(one, fit, ends, passes, tuple(plan.remarks(design, fit)), plan.described(design))


def _check(encoder: DualEncoder, side: Side, whole: np.ndarray, own: np.ndarray) -> None:
    """The gate of `fixlip.games.similarity`, for one tower."""
    check_direction(encoder, side, whole)
    if not abs(encoder.logit_scale) * float(np.linalg.norm(whole - own)) <= tolerance(encoder):
        raise FixlipError(
            f"{encoder.name}: with nothing removed the {side} tower does not give the embedding of the model's own "
            f"forward pass (cosine distance {1 - float(whole @ own):.1e})."
        )


@dataclass(frozen=True, eq=False)
class Kept:
    """The part of the fit of a picture of n players that is kept.

    Attributes:
        coefficients: [1 + n, D], F_0 and F_i.
        basis: R, [r, D], orthonormal rows.
        spread: S, [r, r], shape of the errors along them.
        sizes: [n + 1], variance of each F_i, then of the fit of the empty picture, over all directions; NaN where it is
            not known.
        residual: [r, r], second moments of what the fit misses, along R.
        rest: the same for each other direction.
        r2: share of the variance of the embeddings that the fit explains; NaN where they do not vary.
    """

    coefficients: np.ndarray
    basis: np.ndarray
    spread: np.ndarray
    sizes: np.ndarray
    residual: np.ndarray
    rest: float
    r2: float

    def variances(self, along: np.ndarray) -> np.ndarray:
        """Variances of the coefficients, then of the fit of the empty picture, along [k, D]: [n + 1, k]."""
        seen = along @ self.basis.T
        variances: np.ndarray = np.outer(self.sizes, np.maximum(np.einsum("ka,ab,kb->k", seen, self.spread, seen), 0.0))
        return variances

    def explained(self, text: TowerFit, order_1: np.ndarray) -> float:
        """R2 of the surrogate of this picture and a caption; see `fixlip.fitting.surrogate.Surrogate.r2`.

        Args:
            text: fit of the caption.
            order_1: `missed_by` of it.
        """
        F, basis = self.coefficients, self.basis

        def unexplained(moments: np.ndarray) -> float:
            along = basis @ moments @ basis.T
            return float(np.vdot(self.residual, along) + self.rest * (moments.trace() - along.trace()))

        def explained(moments: np.ndarray) -> float:
            return float(np.vdot(F @ moments, F))

        missed = unexplained(text.second)
        square = explained(text.second) + missed
        missed += explained(order_1)
        variance = square - float(F[0] @ text.average) ** 2
        if variance <= 1e-12 * max(square, 1e-300):
            return float("nan")
        return 1 - max(missed, 0.0) / variance


def keep(fit: TowerFit, p: float) -> Kept:
    """Reduce the fit of a picture to what is kept."""
    F = fit.coefficients(0.0)
    if isinstance(fit, TowerProcess):
        fit = replace(fit, draws=max(DRAWS // len(F), LEAST_DRAWS))
    centred = fit.second - np.outer(fit.average, fit.average)
    basis = np.linalg.eigh(centred)[1][:, ::-1][:, :DIRECTIONS].T
    left = missed_by(fit)
    residual = basis @ left @ basis.T
    rest = max(left.trace() - residual.trace(), 0.0) / max(len(left) - len(basis), 1)
    total = float(centred.trace())
    r2 = 1 - float(left.trace()) / total if total > 1e-12 else float("nan")
    n, s = len(F) - 1, np.sqrt(p * (1 - p))
    sizes, spread = np.zeros(n + 1), np.zeros((len(basis), len(basis)))
    errors = fit.errors(basis, 0.0)
    if errors is None:
        sizes[:] = np.nan
    elif deviations := list(errors):
        drawn = np.stack(deviations)
        drawn = np.concatenate([drawn[:, 1:], drawn[:, :1] - p / s * drawn[:, 1:].sum(1, keepdims=True)], axis=1)
        sizes = np.square(drawn).sum((0, 2))
        unit = (drawn / np.sqrt(np.maximum(sizes, 1e-300))[:, None]).reshape(-1, len(basis))
        spread = unit.T @ unit / (n + 1)
    return Kept(F, basis, spread, sizes, residual, rest, r2)


def missed_by(fit: TowerFit) -> np.ndarray:
    """Compute the second moments of what the features of order 1 miss of the embeddings, [D, D]."""
    moments, sign = fit.predictions(0.0), np.array([1.0, -1.0, -1.0, 0.0])
    missed: np.ndarray = np.einsum("a,b,abde->de", sign, sign, moments)
    return missed
