"""Interactions by enumeration of all masks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from fixlip.errors import BudgetError, OptionError
from fixlip.estimator import AXIOMS, Capabilities, Estimator
from fixlip.fitting.moments import coefficients, sizes
from fixlip.fitting.sampling import all_masks
from fixlip.fitting.surrogate import Effects, best_fit, k_sii
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.results.explanation import Explanation
from fixlip.results.spectrum import Spectrum
from fixlip.results.third_order import ThirdOrder

MOST = 20  # players; a million values
CHUNK = 1 << 14  # masks at once
Index = Literal["FWBII", "WBV", "BII", "BV", "SII", "k-SII", "STII", "FSII", "CHII", "SV"]
Weight = Callable[[np.ndarray], np.ndarray]  # of the Moebius coefficient of B, by the size of B


def comb(n: np.ndarray, k: int) -> np.ndarray:
    """Return the numbers of subsets of size k of sets of size n."""
    from scipy.special import comb

    return comb(n, k)  # type: ignore[no-any-return]


WEIGHTS: dict[str, tuple[Weight, ...]] = {  # of a player in B, of a pair in B, and of three players in B
    "SII": (lambda b: 1 / b, lambda b: 1 / (b - 1), lambda b: 1 / (b - 2)),
    "BII": (lambda b: 0.5 ** (b - 1), lambda b: 0.5 ** (b - 2), lambda b: 0.5 ** (b - 3)),
    "CHII": (lambda b: 1 / b, lambda b: 2 / b, lambda b: 3 / b),
    "STII": (lambda b: b == 1, lambda b: 1 / comb(b, 2)),
    "FSII": (
        lambda b: (b == 1) - 2 / 3 * comb(b - 1, 2) / np.maximum(comb(b + 1, 3), 1),
        lambda b: (b == 2) + 1 / 2 * comb(b - 1, 2) / np.maximum(comb(b + 1, 4), 1),
    ),
}
WEIGHTS |= {"k-SII": WEIGHTS["SII"], "SV": WEIGHTS["SII"][:1], "BV": WEIGHTS["BII"][:1]}


@dataclass(frozen=True)
class Exact(Estimator):
    """Any interaction index, computed from the values of all 2^n masks, for games of up to 20 players.

    With the Moebius coefficients m, ``v(M) = sum of m(B) over B in M``, each index is a sum over the sets that hold the
    player or the pair, ``I(A) = sum over B that contain A of w(|A|, |B|) m(B)``:

    - FWBII: ``w = p^(|B| - |A|)``, less p times the pairs of a player at order 1: the best second-order fit when each
      player is present with probability p; WBV: the best first-order fit.
    - BII, SII, CHII: ``2^(|A| - |B|)``, ``1 / (|B| - |A| + 1)``, ``|A| / |B|``; BV and SV are their first orders.
    - k-SII: SII, with half of its pairs taken off each player, so that everything adds up to v(full).
    - STII: ``1 / C(|B|, 2)`` for pairs, m({i}) for players. FSII: the best second-order fit under the Shapley kernel.

    The baseline is v(empty), for FWBII and WBV the constant of the fit. At order 3 the interactions of three players of
    both modalities come with the others; those of FWBII and k-SII change then, so that they fit, or add up, with them.

    Options:
        index: the interaction index, see above.
        order: 2, or 3 for interactions of three players too (FWBII, SII, k-SII, BII, CHII).
        p: for FWBII and WBV, probability of a player to be present, in (0, 1).

    Error: rounding only.

    Cost: 2^n_image + 2^n_text passes of a game of two towers (the values are a product of matrices), 2^n evaluations of
    a game of joint values; and one more of each for the empty and for the full input.

    Source: Grabisch and Roubens, Int. J. Game Theory 28, 1999 (SII, BII); Marichal and Roubens 1999 (CHII);
    Sundararajan et al., ICML 2020 (STII); Bordt and von Luxburg, AISTATS 2023 (k-SII); Tsai et al., JMLR 2023 (FSII);
    Baniecki et al., NeurIPS 2025 (FWBII).

    Example:
        >>> from fixlip.games import JointGame
        >>> found = Exact(index="STII").explain(JointGame(lambda m: m.all(1), 2, 1))
        >>> found.second_order.round(6).tolist()[0]
        [0.0, 0.333333, 0.333333]
    """

    index: Index = "FWBII"
    order: Literal[2, 3] = 2
    p: float = 0.5

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="exact",
        summary=f"any index by enumeration of all masks, for up to {MOST} players",
        index=("FWBII", "WBV", *WEIGHTS),
        orders=(1, 2, 3),
        cross=True,
        within=True,
        exact=True,
        axioms=AXIOMS,
        cost="2^n_image + 2^n_text, forward",
        source="Grabisch and Roubens, Int. J. Game Theory 1999",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.p < 1:
            raise OptionError(f"p must be between 0 and 1, got {self.p}.")
        if self.p != 0.5 and self.index not in ("FWBII", "WBV"):
            raise OptionError(f"p belongs to FWBII and WBV; {self.index} has none.")
        if self.order == 3 and self.index != "FWBII" and len(WEIGHTS.get(self.index, ())) < 3:
            raise OptionError(f"order 3 is for FWBII, SII, k-SII, BII and CHII, not for {self.index}.")

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        n = n_image + n_text
        if n > MOST:
            raise BudgetError(
                f"exact enumerates all masks, 2^{n} for {n_image} image and {n_text} text players; it takes up to "
                f"{MOST} players. Make fewer (image_players='grid:3', phrases), or take banzhaf or shapley-owen."
            )
        for name, given, needed in (
            ("budget", request.budget, 2**n),
            ("image_masks", request.image_masks, 2**n_image),
            ("text_masks", request.text_masks, 2**n_text),
        ):
            if given is not None and given < needed:
                raise BudgetError(f"exact needs all masks: {name}={needed} or none at all, got {given}.")
        return (2**n + 2, 2**n + 2) if request.joint else (2**n_image + 2, 2**n_text + 2)

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        values = all_values(game)
        moebius = moebius_transform(values)
        if self.index in ("FWBII", "WBV"):
            effects, r2 = self._fit(values, moebius, game.n_image)
            power = spectrum_of(values, game.n_image, self.p)
            return game.explanation(*effects, index=f"{self.index}(p={self.p:g})", r2=r2, power=power)
        first, pairs, third = over_supersets(moebius, WEIGHTS[self.index][: self.order], game.n_image)
        if self.index == "k-SII":
            first, pairs = k_sii(first, pairs, third)
        return game.explanation(values[0], first, pairs, third, index=self.index)

    def _fit(self, values: np.ndarray, moebius: np.ndarray, n_image: int) -> tuple[Effects, float]:
        """Compute the effects of the best fit under the product measure, and its R2."""
        p, size, order = self.p, sizes(values), self.order if self.index == "FWBII" else 1
        weights = [lambda b, a=a: p ** (b - a) for a in range(1, order + 1)]
        found = Effects(moebius @ p**size, *over_supersets(moebius, weights, n_image))
        measure = p**size * (1 - p) ** (len(found.first_order) - size)
        spread = measure @ (values - found.baseline) ** 2
        variance = p * (1 - p)
        explained = variance * (found.first_order**2).sum() + variance**2 * np.nansum(found.second_order**2) / 2
        if found.third_order:
            explained += variance**3 * sum((part**2).sum() for part in found.third_order.arrays) / 2
        r2 = float(explained / spread) if spread > 1e-24 * max(measure @ values**2, 1e-300) else float("nan")
        return best_fit(found, p), r2


def all_values(game: CountedGame) -> np.ndarray:
    """Evaluate the game on all masks, [2^n]; player i is bit i."""
    if not game.separable:
        return game.values(all_masks(game.n_image + game.n_text))
    image, text = game.image_embeddings(all_masks(game.n_image)), game.text_embeddings(all_masks(game.n_text))
    return (game.scale * text @ image.T + game.bias).ravel()


def spectrum_of(values: np.ndarray, n_image: int, p: float) -> Spectrum | None:
    """Split the variance of the values of all masks, [2^n], by orders in both modalities; None for a constant."""
    n = len(values).bit_length() - 1
    squares = np.square(coefficients(values[:, None], p)[:, 0])
    image = sizes(np.zeros(2**n_image))[np.arange(2**n) % 2**n_image]
    parts = np.zeros((n_image + 1, n - n_image + 1))
    np.add.at(parts, (image, sizes(values) - image), squares)
    total = parts.sum() - parts[0, 0]
    if total <= 1e-24 * parts.sum():
        return None
    parts[0, 0] = 0.0
    return Spectrum(parts, 0 * parts, float(total))


def moebius_transform(values: np.ndarray) -> np.ndarray:
    """Transform the values of all masks, [2^n], to Moebius coefficients, [2^n].

    Example:
        >>> moebius_transform(np.array([1.0, 2.0, 3.0, 10.0])).tolist()
        [1.0, 1.0, 2.0, 6.0]
    """
    coefficients, width = values.astype(float), 1
    while width < len(values):
        halves = coefficients.reshape(-1, 2, width)
        halves[:, 1] -= halves[:, 0]
        width *= 2
    return coefficients


def over_supersets(
    moebius: np.ndarray, weights: Sequence[Weight], n_image: int
) -> tuple[np.ndarray, np.ndarray, ThirdOrder | None]:
    """Sum weighted Moebius coefficients over the sets that hold a player, a pair, or three players of both modalities.

    Args:
        moebius: [2^n].
        weights: of players, [n], of pairs, [n, n] (diagonal 0), and of three; NaN and None without them.
        n_image: number of image players, the first ones.
    """
    n = len(moebius).bit_length() - 1
    b = np.arange(n + 1).astype(float)
    by_size = [np.r_[np.zeros(a), weight(b[a:])] for a, weight in enumerate(weights, 1)]
    first, pairs, size = np.zeros(n), np.zeros((n, n)), sizes(moebius)
    triples = ThirdOrder(np.zeros((n_image, n - n_image, n - n_image)), np.zeros((n_image, n_image, n - n_image)))
    for start in range(0, len(moebius), CHUNK):
        at = np.arange(start, min(start + CHUNK, len(moebius)))
        masks = ((at[:, None] >> np.arange(n)) & 1).astype(float)
        weighted = [(moebius[at] * shares[size[at]])[:, None] * masks for shares in by_size]
        first += weighted[0].sum(0)
        if len(weights) > 1:
            pairs += masks.T @ weighted[1]
        if len(weights) > 2:
            image, text = masks[:, :n_image], masks[:, n_image:]
            for out, other in zip(triples.arrays, (text, image), strict=True):
                out += np.einsum("bi,bj,bk->ijk", weighted[2][:, :n_image], other, text, optimize=True)
    pairs = pairs if len(weights) > 1 else np.full((n, n), np.nan)
    np.fill_diagonal(pairs, 0.0)
    for k in range(n - n_image):
        triples.arrays[0][:, k, k] = 0.0
    for i in range(n_image):
        triples.arrays[1][i, i] = 0.0
    return first, pairs, triples if len(weights) > 2 else None
