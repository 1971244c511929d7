"""Shapley interaction index by the multilinear extension, cross-modal and without a joint regression."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from fixlip.errors import BudgetError, OptionError
from fixlip.estimator import AXIOMS, Capabilities, Estimator
from fixlip.fitting.moments import features, solve
from fixlip.fitting.sampling import Design, allocate, by_size, enumerate_all, size_probability
from fixlip.fitting.surrogate import Effects, Surrogate, k_sii, remarks, roots
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.results.explanation import Explanation
from fixlip.results.provenance import StandardErrors
from fixlip.results.third_order import ThirdOrder

PER_TERM = {1: 20, 2: 6}  # default masks for each term, by order of the features
ROUNDING = 1e-6  # of the largest value
MOST_NODES = 256
GROUPS = 16  # of draws, for standard errors


@dataclass(frozen=True)
class ShapleyOwen(Estimator):
    """The Shapley interaction index (SII) and Shapley values, as integrals over the masking rate (Owen 1972).

    With every player independently present with probability p, the Shapley value of a player and the SII of a pair are
    the integrals over p in (0, 1) of its weighted Banzhaf value and interaction. At every p these factorise into
    coefficients of the two towers alone: ``scale * <F_i(p), G_k(p)> / (p (1 - p))`` for an image player i and a text
    player k. The integral is a Gauss-Legendre sum; at each node the embeddings of each tower are regressed on the
    features of its masks, and the complements of the masks drawn at a node serve the node 1 - p.

    First-order effects are Shapley values less half of the interactions (k-SII of order 2), so that everything adds up
    to the similarity; `Explanation.as_first_order` gives the Shapley values back. So it is at order 3, where half of
    the interactions of three players is taken off their pairs.

    Options:
        order: 2; 1 for Shapley values; or 3 for SII of a patch with two words, and with interactions="all" of two
            patches with a word, too (`Explanation.third_order`).
        interactions: "cross" for pairs of a patch and a word (at order 3 of words too); "all" also inside each
            modality, which needs as many masks at each node as there are pairs.
        nodes: number of nodes of the quadrature. None takes as many as are exact where both towers are enumerated; else
            4 if that leaves 4 masks for each term at each node, or 3.
        ridge: penalty on the coefficients of the embeddings, in units of their variance.

    Error: standard errors come from the infinitesimal jackknife over groups of draws. That of the quadrature is
    estimated from the same masks, reweighted to a rule of two more nodes, and reported as `quadrature_error` in the
    provenance; `efficiency_gap` is what the Shapley values miss of the similarity. Exact where both towers are
    enumerated and 2 * nodes >= n.

    Cost: image masks + text masks forward passes, and one more of each for the empty and the full input. No joint
    regression, so it scales to hundreds of patches.

    Source: Owen, Multilinear Extensions of Games, 1972; Grabisch and Roubens, 1999.

    Example:
        >>> from fixlip.games import CallableGame
        >>> game = CallableGame(lambda s: s @ np.eye(3), lambda t: t @ np.ones((2, 3)), 3, 2)
        >>> ShapleyOwen().explain(game).as_first_order().round(6).tolist()
        [1.0, 1.0, 1.0, 1.5, 1.5]
    """

    order: Literal[1, 2, 3] = 2
    interactions: Literal["cross", "all"] = "cross"
    nodes: int | None = None
    ridge: float = 0.0

    capabilities: ClassVar[Capabilities] = Capabilities(
        name="shapley-owen",
        summary="Shapley interaction index and values by the multilinear extension; hundreds of patches",
        index=("k-SII", "SII", "SV"),
        orders=(1, 2, 3),
        cross=True,
        within=True,
        separable=True,
        sampled=True,
        stderr=True,
        exact=True,
        axioms=AXIOMS,
        cost="image masks + text masks, forward",
        source="Owen 1972; Grabisch and Roubens 1999",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nodes is not None and not 2 <= self.nodes <= MOST_NODES:
            raise OptionError(f"nodes is a whole number from 2 to {MOST_NODES}, got {self.nodes!r}.")
        if self.ridge < 0:
            raise OptionError(f"ridge must not be negative, got {self.ridge}.")

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        (image, text), _ = self._plan(n_image, n_text, request)
        return image + 2, text + 2

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Explain the game; see `Estimator.explain`."""
        n_image, n_text = game.n_image, game.n_text
        masks, nodes = self._plan(n_image, n_text, request)
        surrogate = self._surrogate(n_image, n_text, game.scale, game.bias)
        rule = _rule(nodes)
        image, text = (
            _RatedTower.draw(n, m, rule[0], embed, np.random.default_rng([request.seed, place]))
            for place, (n, m, embed) in enumerate(
                zip((n_image, n_text), masks, (game.image_embeddings, game.text_embeddings), strict=True)
            )
        )
        try:
            sums, stderr = _integral(surrogate, image, text, rule)
        except BudgetError as error:
            raise BudgetError(
                f"At one of {nodes} masking rates the {masks[0]} image masks and {masks[1]} text masks of this seed do "
                f"not determine the terms. Give image_masks={2 * masks[0]} and text_masks={2 * masks[1]}, another seed "
                "or ridge=0.1."
            ) from error
        (empty, full), quadrature = game.ends, _quadrature_error(surrogate, image, text, nodes)
        first, pairs, third = _additive(sums)
        notes = remarks(pairs[:n_image, n_image:], stderr, None, masks[0])
        known = None if stderr is None else stderr.first_order if self.order == 1 else stderr.second_order
        if known is not None and quadrature > max(2 * _size(known), ROUNDING * np.abs(sums[0]).max()):
            notes += [f"two more masking rates change an effect by {quadrature:.2g}; give nodes={nodes + 2} or more"]
        return game.explanation(
            empty,
            first,
            pairs,
            third,
            index="SV" if self.order == 1 else "SII" if surrogate.order == 2 and not surrogate.within else "k-SII",
            stderr=stderr,
            remarks=notes,
            options={"nodes": nodes},
            details={
                "quadrature_error": quadrature,
                "efficiency_gap": full - empty - float(sums[0].sum()),
            },
        )

    def _surrogate(self, n_image: int, n_text: int, scale: float = 1.0, bias: float = 0.0) -> Surrogate:
        within = self.order > 1 and self.interactions == "all"
        return Surrogate(n_image, n_text, 0.5, scale, bias, self.order, within, self.ridge)

    def _plan(self, n_image: int, n_text: int, request: Request) -> tuple[list[int], int]:
        """Return the numbers of masks of each tower, and the number of nodes that share them."""
        surrogate, players = self._surrogate(n_image, n_text), (n_image, n_text)
        terms, per_term = surrogate.terms, PER_TERM[surrogate.feature_orders[0]]
        masks = allocate(
            request.budget, request.image_masks, request.text_masks, players=players, terms=terms, per_term=per_term
        )
        sampled = [m / f for m, f, n in zip(masks, terms, players, strict=True) if m < 2**n]
        nodes = self.nodes or (3 if sampled and min(sampled) < 16 else 4)
        if not sampled and self.nodes is None:
            nodes = (n_image + n_text + 1) // 2
        for side, m, f, n in zip(("image", "text"), masks, terms, players, strict=True):
            needed = min(nodes * (f + f // 2), 2**n)
            if m < needed and not self.ridge:
                raise BudgetError(
                    f"{m} {side} masks cannot determine the {f} terms of {n} {side} players at {nodes} masking rates: "
                    f"at least {needed} are needed. Give {side}_masks={needed}, a larger budget, or ridge=0.1."
                )
        even = 2 * nodes  # masks come with their complements, as many at each node
        return [m if m >= 2**n else max(m // even, 1) * even for m, n in zip(masks, players, strict=True)], nodes


Rule = tuple[np.ndarray, np.ndarray]


def _rule(nodes: int) -> Rule:
    """Return the Gauss-Legendre nodes and weights on (0, 1)."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    return (points + 1) / 2, weights / 2


@dataclass(frozen=True, eq=False)
class _RatedTower:
    """The masks of one tower at each rate, and their embeddings."""

    points: np.ndarray
    designs: list[Design]
    embeddings: list[np.ndarray]

    @classmethod
    def draw(
        cls, n: int, m: int, points: np.ndarray, embed: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator
    ) -> "_RatedTower":
        """Draw m masks, shared out to the rates, or take all masks; masks of rates above 1/2 are complements."""
        if m >= 2**n:
            designs = [enumerate_all(n, p) for p in points]
            return cls(points, designs, [embed(designs[0].masks)] * len(points))
        each = m // len(points)
        low, generators = points[: len(points) // 2], rng.spawn(len(points) // 2)
        half = [
            by_size(n, each, size_probability(np.arange(n + 1), n, p), r) for p, r in zip(low, generators, strict=True)
        ]
        enough = each >= 4 * n  # pairs determine main effects from twice as many masks on only
        middle = [by_size(n, each, size_probability(np.arange(n + 1), n, 0.5), rng, paired=enough)] * (len(points) % 2)
        designs = [*half, *middle, *(replace(d, masks=~d.masks) for d in reversed(half))]
        return cls(points, designs, _in_turn(embed, [d.masks for d in designs]))

    @property
    def groups(self) -> int:
        """Number of groups of draws; 0 where nothing is random."""
        return 0 if self.designs[0].exact else min(GROUPS, min(d.n_units for d in self.designs))

    def pooled(self, points: np.ndarray) -> "_RatedTower":
        """Reweight the masks by their sizes, so that each serves all of the new rates (the balance heuristic)."""
        masks, n = self.designs[0].masks, self.designs[0].masks.shape[1]
        if self.designs[0].exact:
            return _RatedTower(points, [enumerate_all(n, p) for p in points], [self.embeddings[0]] * len(points))
        masks = np.concatenate([d.masks for d in self.designs])
        size = masks.sum(1)
        share = np.concatenate([d.weights for d in self.designs]) / size_probability(size[:, None], n, self.points).sum(
            1
        )
        units, unseen = (np.concatenate([getattr(d, part) for d in self.designs]) for part in ("units", "unseen"))
        embeddings = np.concatenate(self.embeddings)
        designs = [Design(masks, share * size_probability(size, n, p), units, "independent", unseen) for p in points]
        return _RatedTower(points, designs, [embeddings] * len(points))


def _in_turn(embed: Callable[[np.ndarray], np.ndarray], parts: list[np.ndarray]) -> list[np.ndarray]:
    """Encode several sets of masks, one mask of each in turn, so that a run can stop anywhere."""
    turn = np.concatenate([np.arange(len(part)) for part in parts]).argsort(kind="stable")
    embeddings = embed(np.concatenate(parts)[turn])
    return np.split(embeddings[turn.argsort()], np.cumsum([len(part) for part in parts])[:-1])


@dataclass(frozen=True, eq=False)
class _AtRate:
    """The regression of a tower on the features centred at one rate.

    Attributes:
        coefficients: [f, D].
        reach: [f, m], effect of the embedding of each mask on the coefficients.
        residual: [m, D], residuals of the embeddings, each from a fit without its mask, less where few are unseen.
        group: [m], group of draws of each mask; -1 for enumerated masks.
    """

    coefficients: np.ndarray
    reach: np.ndarray
    residual: np.ndarray
    group: np.ndarray

    @classmethod
    def fit(cls, tower: _RatedTower, node: int, order: int, ridge: float) -> "_AtRate":
        design, embeddings = tower.designs[node], tower.embeddings[node]
        phi = features(design.masks, tower.points[node], order)
        weighted = phi * (design.weights / design.weights.sum())[:, None]
        reach = solve(weighted.T @ phi, weighted.T, ridge)
        coefficients = reach @ embeddings
        leverage = np.minimum(np.einsum("mf,fm->m", phi, reach), 1 - 1e-3)
        residual = (embeddings - phi @ coefficients) * (np.sqrt(design.unseen) / (1 - leverage))[:, None]
        return cls(coefficients, reach, residual, np.where(design.units < 0, -1, design.units % max(tower.groups, 1)))

    def moves(self, project: np.ndarray, groups: int) -> list[np.ndarray]:
        """Compute how far each group of draws moves the coefficients along the directions [k, D]: [f, k] each."""
        along = self.residual @ project.T if groups else self.residual
        return [self.reach[:, self.group == g] @ along[self.group == g] for g in range(groups)]


Integrals = list[np.ndarray]  # Shapley values [n], SII of pairs [n, n], and at order 3 those of `ThirdOrder.arrays`


def _integral(
    surrogate: Surrogate, image: _RatedTower, text: _RatedTower, rule: Rule
) -> tuple[Integrals, StandardErrors | None]:
    """Integrate the interactions over the rates; standard errors are None without masks to spare."""
    zeros = [0 * part for part in surrogate.interactions(np.zeros(surrogate.terms)).arrays[1:]]
    sums, moved = zeros, [zeros] * (image.groups + text.groups)
    for node, (p, weight) in enumerate(zip(*rule, strict=True)):
        here = replace(surrogate, p=p)
        u, w = (
            _AtRate.fit(tower, node, order, surrogate.ridge)
            for tower, order in zip((image, text), surrogate.feature_orders, strict=True)
        )
        sums = _add(sums, weight, here, here.theta(u.coefficients, w.coefficients))
        moves = [*u.moves(w.coefficients, image.groups), *(m.T for m in w.moves(u.coefficients, text.groups))]
        for g, move in enumerate(moves):
            moved[g] = _add(moved[g], weight, here, here.cut(here.scale * move))
    for tower, terms in zip((image, text), surrogate.terms, strict=True):
        if tower.groups and min(len(d.masks) for d in tower.designs) <= terms:
            return sums, None
    effects = [Effects(np.zeros(()), *_additive(some)).estimated for some in moved]
    squares = [0 * part for part in Effects(np.zeros(()), *_additive(zeros)).estimated]
    for some in (effects[: image.groups], effects[image.groups :]):
        if some:
            spread = (len(some) * np.var(np.stack(part), axis=0, ddof=1) for part in zip(*some, strict=True))
            squares = [square + more for square, more in zip(squares, spread, strict=True)]
    return sums, roots(squares)


def _additive(sums: Integrals) -> tuple[np.ndarray, np.ndarray, ThirdOrder | None]:
    """Turn integrals into effects that add up."""
    values, pairs, *third = sums
    triples = ThirdOrder(*third) if third else None
    return *k_sii(values, pairs, triples), triples


def _size(values: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(np.square(values))))


def _quadrature_error(surrogate: Surrogate, image: _RatedTower, text: _RatedTower, nodes: int) -> float:
    """Return the largest change by two more nodes, on the same masks; NaN where the masks are too few for that."""
    try:
        coarse, fine = (
            _integral(surrogate, image.pooled(rule[0]), text.pooled(rule[0]), rule)[0][min(surrogate.order, 2) - 1]
            for rule in (_rule(nodes), _rule(nodes + 2))
        )
    except BudgetError:
        return float("nan")
    return float(np.nanmax(np.abs(fine - coarse)))


def _add(sums: Integrals, weight: float, surrogate: Surrogate, theta: np.ndarray) -> Integrals:
    """Add the weighted Banzhaf values and interactions at the surrogate's rate."""
    here = surrogate.interactions(theta).arrays[1:]
    return [total + weight * part for total, part in zip(sums, here, strict=True)]
