"""Designs: masks of the players of one tower, with weights.

The product measure is the one under which each player is present with probability p, independently of the others.

Masks are drawn without repetition: a mask that is drawn again tells nothing new and is passed over. So the draws take
in all masks, with their probabilities, as their number approaches 2^n; where 2^n is far larger they are independent.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb, sqrt
from typing import Literal

import numpy as np

from fixlip.arguments import whole_number
from fixlip.errors import BudgetError, OptionError
from fixlip.fitting.distinct import distinct, expected_draws, keys, with_complements

Sampling = Literal["paired", "independent"]
ENUMERATED_TEXT = 1024  # up to so many text masks are all encoded
MERSENNE = (3, 7, 31, 127)  # primes one below a power of two
MOST_ENTRIES = 2**28  # masks x players of one tower, or of joint masks; drawing them takes some GB
BLOCKS = 100  # that are tried for one without repetition
FIXED = -1  # unit of a mask that is enumerated, not drawn


@dataclass(frozen=True, eq=False)
class Design:
    """Masks of one tower, with weights.

    Attributes:
        masks: boolean [m, n], True = present.
        weights: [m], summing to 1; the weighted mean of a function estimates its expectation.
        units: [m], number of the draw that each mask belongs to (a mask and its complement share one), or `FIXED` for
            an enumerated mask.
        kind: "enumerated" (all 2^n masks with their probabilities), "paired" (each mask with its complement) or
            "independent".
        unseen: [m], probability that the draws would have missed each mask, by which its share in the variance shrinks
            since none is repeated: 1 for few of very many masks, 0 where all are there.
    """

    masks: np.ndarray
    weights: np.ndarray
    units: np.ndarray
    kind: Literal["enumerated", "paired", "independent"]
    unseen: np.ndarray

    @property
    def exact(self) -> bool:
        """Return whether weighted means equal the expectations, since all masks are there."""
        return self.kind == "enumerated"

    @property
    def n_units(self) -> int:
        """Number of independent draws."""
        return int(self.units.max()) + 1

    def used(self, terms: int) -> float:
        """Return which part of each drawn mask a fit of some terms uses up, on average."""
        drawn = self.units != FIXED
        return terms * float(self.weights[drawn].sum()) / max(int(drawn.sum()), 1)

    def freedom(self, terms: int) -> float:
        """Return what a fit of some terms leaves over on these masks, relative to one on all masks."""
        masks, n = self.masks.shape
        return max(0.0, 1 - terms / masks) / max(1 - terms / 2**n, 1e-300) if not self.exact else 1.0


def make_design(n: int, m: int, p: float, sampling: Sampling, rng: np.random.Generator) -> Design:
    """Draw at most m masks of n players; all of them, exactly weighted, where 2^n <= m.

    Args:
        n: number of players.
        m: number of masks, at least 1.
        p: probability of each player to be present, in (0, 1).
        sampling: "independent", or "paired" (only for p = 0.5).
        rng: generator of the draws.

    Raises:
        OptionError: paired sampling is asked for at another p.
    """
    if m >= 2 ** min(n, 62):
        return enumerate_all(n, p)
    if sampling == "independent":
        return independent(n, m, p, rng)
    if p != 0.5:
        raise OptionError(f"Paired sampling draws complements, which is right for p = 0.5 only, got p = {p}.")
    return paired_blocks(n, m, rng)


def fewest(n: int, terms: int, sampling: Sampling) -> int:
    """Return the fewest masks that can determine the terms, 2^n at most: one for each.

    Of pairs a whole block, and a pair for each term that is the same in complements: the constant and pairs of players.
    """
    every: int = 2 ** min(n, 62)
    return min(2 * max(block_size(n), terms - n) if sampling == "paired" else terms, every)


def block_size(n: int) -> int:
    """Return the number of rows of the Hadamard matrix for n players: the smallest power of two from n on."""
    return 1 << (n - 1).bit_length()


def enumerate_all(n: int, p: float) -> Design:
    """Enumerate all 2^n masks with their probabilities."""
    masks = all_masks(n)
    size = masks.sum(1)
    return Design(
        masks, p**size * (1 - p) ** (n - size), np.full(len(masks), FIXED), "enumerated", np.zeros(len(masks))
    )


def all_masks(n: int) -> np.ndarray:
    """Enumerate all 2^n masks of n players, [2^n, n]; player i is bit i."""
    masks: np.ndarray = (np.arange(2**n)[:, None] >> np.arange(n)) % 2 == 1
    return masks


def all_of_size(n: int, k: int) -> np.ndarray:
    """Enumerate all masks with k of n players, [C(n, k), n]."""
    present = np.array(list(combinations(range(n), k)), dtype=int)
    masks = np.zeros((len(present), n), dtype=bool)
    masks[np.arange(len(present))[:, None], present] = True
    return masks


def paired_blocks(n: int, m: int, rng: np.random.Generator) -> Design:
    """Draw rows of randomised Hadamard matrices, each followed by its complement (p = 0.5).

    A block of ``2 * block_size(n)`` masks is balanced: each player is present in half of the masks, each pair in a
    quarter. So single players are estimated without noise from one another, and, thanks to the complements, without
    noise from pairs. Each block has new columns, signs and order of rows, and is drawn again while it repeats a pair of
    masks; where so many are drawn that no such block is found, the pairs alone are left out. An odd m loses one mask.

    The matrix is Paley's where there is one of that size, or else a product with one. In Sylvester's matrix a column is
    the product of others, so that an interaction of three players is mistaken for the effect of a single one; in
    Paley's it is spread thinly over many players (Hamada & Wu, Analysis of Designed Experiments with Complex Aliasing,
    1992).
    """
    size = block_size(n)
    matrix, tries = hadamard_matrix(size) > 0, BLOCKS
    drawn: dict[bytes, np.ndarray] = {}
    while len(drawn) < m // 2:
        for _ in range(tries):
            columns, signs = rng.permutation(size)[:n], rng.integers(0, 2, n) == 1
            block = (matrix[:, columns] ^ signs)[rng.permutation(size)]
            of_block = dict(zip(map(bytes, keys(block, paired=True)), block, strict=True))
            if drawn.keys().isdisjoint(of_block):
                break
        else:
            tries = 1  # hardly a block is left that is new as a whole
        drawn.update((key, row) for key, row in of_block.items() if key not in drawn)
    half = np.array(list(drawn.values())[: m // 2]).reshape(-1, n)
    masks = with_complements(half)
    weights, units = np.full(len(masks), 1 / len(masks)), np.arange(len(masks)) // 2
    return Design(masks, weights, units, "paired", np.full(len(masks), 1 - len(masks) / 2**n))


def hadamard_matrix(size: int) -> np.ndarray:
    """Build a Hadamard matrix [size, size], size = 2^k: Paley's of the largest q + 1 = 2^j, q prime, times Sylvester's.

    Example:
        >>> matrix = hadamard_matrix(64)
        >>> np.array_equal(matrix @ matrix.T, 64 * np.eye(64))
        True
    """
    q = max((prime for prime in MERSENNE if prime < size), default=0)
    from scipy.linalg import hadamard

    if not q:
        return hadamard(size)  # type: ignore[no-any-return]
    squares = np.isin(np.arange(q), np.arange(1, q) ** 2 % q)
    signs = np.where(squares, 1, -1)
    signs[0] = 0
    matrix = np.eye(q + 1, dtype=int)
    matrix[0, 1:], matrix[1:, 0] = 1, -1
    matrix[1:, 1:] += signs[np.subtract.outer(np.arange(q), np.arange(q)) % q]
    return np.kron(hadamard(size // (q + 1)), matrix)


def independent(n: int, m: int, p: float, rng: np.random.Generator) -> Design:
    """Draw about m masks of n players, each present with probability p, independently of the others.

    Sizes that would be drawn more often than they have masks are enumerated, see `by_size`. (In the code published with
    the FIxLIP paper the drawn masks then still have the weight of all, too much where p is not 0.5.)
    """
    return by_size(n, m, size_probability(np.arange(n + 1), n, p), rng)


def size_probability(size: np.ndarray, n: int, p: float | np.ndarray) -> np.ndarray:
    """Return the binomial probability that `size` of n players are present, each with probability p."""
    from scipy.stats import binom  # takes a second to import

    probability: np.ndarray = binom.pmf(size, n, p)
    return probability


def by_size(n: int, m: int, mass: np.ndarray, rng: np.random.Generator, *, paired: bool = False) -> Design:
    """Draw masks whose size has the given distribution; all masks of one size are equally likely.

    Sizes that would be drawn more often than they have masks are enumerated: each of their masks has its true
    probability as its weight. The drawn masks share the probability that is left, each in proportion to its own
    probability and inversely to that of being among them, which is smaller (the Horvitz-Thompson ratio).

    Args:
        n, m: numbers of players and of masks; all 2^n masks where m covers them.
        mass: [n + 1], probability of each size; a size of probability 0 does not occur.
        rng: generator of the draws.
        paired: whether each draw is followed by its complement; only for a symmetric distribution. An odd number of
            draws loses one mask.
    """
    sizes = np.arange(n + 1)
    counts = np.array([float(min(comb(n, k), 10**300)) for k in sizes])
    if m >= counts[mass > 0].sum():
        masks = all_masks(n)
        size = masks.sum(1)
        masks, size = masks[mass[size] > 0], size[mass[size] > 0]
        return Design(masks, mass[size] / counts[size], np.full(len(masks), FIXED), "enumerated", np.zeros(len(masks)))
    left, rest, whole = mass.copy(), m, np.zeros(n + 1, dtype=bool)
    while (more := (left > 0) & (rest * left >= counts * left.sum())).any():
        whole, rest, left = whole | more, rest - int(counts[more].sum()), np.where(more, 0.0, left)
    enumerated = np.concatenate([np.zeros((0, n), dtype=bool), *(all_of_size(n, int(k)) for k in sizes[whole])])
    size = enumerated.sum(1)
    cumulative = left.cumsum()

    def draw(count: int) -> np.ndarray:
        chance = rng.random((count, 1 + n))  # a row for each mask, so that fewer masks are the first of more
        drawn_sizes = np.searchsorted(cumulative / cumulative[-1], chance[:, 0], side="right")
        masks: np.ndarray = chance[:, 1:].argsort(1).argsort(1) < drawn_sizes[:, None]
        return masks

    drawn = distinct(draw, rest // 2 if paired else rest, paired=paired)
    units = np.arange(len(drawn))
    if paired:
        drawn, units = with_complements(drawn), units.repeat(2)
    draws = expected_draws(left / counts / left.sum(), counts, len(drawn))[drawn.sum(1)]
    seen = -np.expm1(-draws)
    ratio = np.divide(draws, seen, out=np.ones_like(draws), where=seen > 0)  # of being drawn to being seen
    weights = left.sum() * ratio / max(ratio.sum(), 1e-300)
    return Design(
        np.concatenate([enumerated, drawn]),
        np.concatenate([mass[size] / counts[size], weights]),
        np.concatenate([np.full(len(enumerated), FIXED), units]),
        "independent",
        np.concatenate([np.zeros(len(enumerated)), np.exp(-draws)]),
    )


def allocate(
    budget: int | None,
    image_masks: int | None,
    text_masks: int | None,
    *,
    players: tuple[int, int],
    terms: tuple[int, int],
    per_term: int = 10,
    least: int = 4,
) -> tuple[int, int]:
    """Share out a budget: return the numbers of image masks and of text masks.

    A budget counts game values, image masks x text masks. Text masks are enumerated where there are at most 1024 of
    them and the budget leaves `least` image masks for each image term; else both towers get masks in proportion to the
    root of their terms.

    Args:
        budget: game values, or None.
        image_masks, text_masks: masks of each tower; they exclude a budget.
        players: numbers of image and of text players.
        terms: numbers of terms to be estimated in each tower.
        per_term: default number of masks for each term, rounded up to a power of two; text masks at least 1024.
        least: fewest image masks for each image term that allow all text masks to be enumerated.

    Raises:
        OptionError: budget and masks are given together, or a number is below 1.
        BudgetError: memory cannot hold so many masks.
    """
    for name, value in (("budget", budget), ("image_masks", image_masks), ("text_masks", text_masks)):
        if value is not None:
            whole_number(name, value, least=1)
    image, text = _allocated(budget, image_masks, text_masks, players, terms, per_term, least)
    if budget is not None or image_masks is not None:
        few_enough(image, players[0], "image masks")
    if budget is not None or text_masks is not None:
        few_enough(text, players[1], "text masks")
    return image, text


def few_enough(masks: int, n: int, what: str) -> int:
    """Return the number of masks of n players, if memory can hold so many.

    Raises:
        BudgetError: memory cannot; the message names the most.
    """
    if masks * (n + 1) > MOST_ENTRIES:
        raise BudgetError(
            f"{masks} {what} of {n} players are more than memory holds: give at most {MOST_ENTRIES // (n + 1)}."
        )
    return masks


def _allocated(
    budget: int | None,
    image_masks: int | None,
    text_masks: int | None,
    players: tuple[int, int],
    terms: tuple[int, int],
    per_term: int,
    least: int,
) -> tuple[int, int]:
    all_image, all_text = (2 ** min(n, 62) for n in players)
    if budget is None:
        image = image_masks or 1 << (per_term * terms[0] - 1).bit_length()
        text = text_masks or max(ENUMERATED_TEXT, 1 << (per_term * terms[1] - 1).bit_length())
        return min(image, all_image), min(text, all_text)
    if image_masks or text_masks:
        raise OptionError("Give either budget, or image_masks and text_masks, not both.")
    if all_image * all_text <= budget:
        return all_image, all_text
    if all_text <= ENUMERATED_TEXT and budget // all_text >= min(least * terms[0], all_image):
        return min(budget // all_text, all_image), all_text
    text = min(max(round(sqrt(min(budget, 2**124) * terms[1] / terms[0])), 1), all_text, budget)
    image = min(budget // text, all_image)
    return image, min(budget // image, all_text)
