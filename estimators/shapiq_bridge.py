"""The approximators of shapiq, each as an estimator ``shapiq:<name>``.

What each approximator can do is a row of `TABLE`, so that listing them imports nothing of shapiq. A test runs every
approximator of the installed release with all masks of a small game and compares it with its row.
"""

import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, make_dataclass
from functools import cache
from importlib.metadata import version
from math import comb
from typing import Any, Literal

import numpy as np

from fixlip.errors import BudgetError, OptionError
from fixlip.estimator import AXIOMS, Capabilities, Estimator
from fixlip.fitting.joint_masks import JointValues, joint_budget, joint_passes
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.results.explanation import Explanation
from fixlip.results.shapiq_values import ONE_MODALITY, effects_of
from fixlip.runtime.threads import without_warnings

DEFAULT = 2048  # game values, and two for each term
FIRST_ORDER = ("SV", "BV")
DOUBLED = 5  # times at most, where an approximator makes nothing of the default
Values = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Row:
    """One approximator of shapiq, from one release on.

    Attributes:
        name: its class in `shapiq.approximator`.
        index: the interaction indices that it estimates with all of their orders; the first is its default.
        exact: whether the default index has no error (below 1e-6) with all masks.
        axioms: whether it then holds to 1e-10, so that all axioms of the index do.
        pairing: default of its option to draw each mask with its complement; None where it has no such option.
        summary: one line.
        since: the lowest release that the row was checked with. A later row of the same name takes its place.
    """

    name: str
    index: tuple[str, ...]
    exact: bool
    axioms: bool
    pairing: bool | None
    summary: str
    since: tuple[int, int] = (1, 4)


PROXY = ("k-SII", "SV", "BV", "SII", "BII", "STII", "FBII", "FSII")
SAMPLED = ("k-SII", "SII", "STII", "SV", "BII", "BV")
TABLE = (
    Row("InconsistentKernelSHAPIQ", ("k-SII", "SII", "SV"), False, False, False, "inconsistent KernelSHAP-IQ"),
    Row("KernelSHAP", ("SV",), True, False, False, "KernelSHAP regression for Shapley values"),
    Row("KernelSHAPIQ", ("k-SII", "SII", "SV"), True, False, False, "KernelSHAP-IQ regression"),
    Row("LeverageSHAP", ("SV",), True, True, True, "Leverage SHAP regression for Shapley values", (1, 8)),
    Row("OddSHAP", ("SV",), True, True, None, "OddSHAP regression for Shapley values", (1, 8)),
    Row("OwenSamplingSV", ("SV",), False, False, None, "Owen sampling for Shapley values"),
    Row("PermutationSamplingSII", ("k-SII", "SII"), False, False, None, "permutation sampling for SII and k-SII"),
    Row("PermutationSamplingSTII", ("STII",), False, False, None, "permutation sampling for the Shapley-Taylor index"),
    Row("PermutationSamplingSV", ("SV",), False, False, None, "permutation sampling for Shapley values"),
    Row("PolySHAP", ("SV",), True, True, False, "PolySHAP regression for Shapley values", (1, 8)),
    Row("ProxySHAP", (*PROXY, "CHII"), True, True, True, "a fitted proxy, its error corrected by sampling", (1, 8)),
    Row("ProxySPEX", PROXY, False, False, False, "sparse Fourier coefficients of a fitted proxy", (1, 8)),
    Row("RegressionFBII", ("FBII", "BV"), True, True, False, "regression for faithful Banzhaf interactions"),
    Row("RegressionFSII", ("FSII", "SV"), True, False, False, "regression for faithful Shapley interactions"),
    Row("RegressionMSR", ("SV", "BV"), True, True, True, "a fitted proxy, its error corrected by sampling", (1, 8)),
    Row("SHAPIQ", SAMPLED, True, True, False, "SHAP-IQ sampling for Shapley interactions"),
    Row("SVARM", ("SV", "BV"), True, True, False, "SVARM, stratified sampling for Shapley values"),
    Row("SVARMIQ", SAMPLED, True, True, False, "SVARM-IQ, stratified sampling for Shapley interactions"),
    Row("StratifiedSamplingSV", ("SV",), False, False, None, "stratified sampling for Shapley values"),
    Row("UnbiasedKernelSHAP", ("SV",), True, True, False, "unbiased KernelSHAP for Shapley values"),
    Row("kADDSHAP", ("kADD-SHAP",), True, False, False, "kADD-SHAP regression"),
    Row("kADDSHAP", ("kADD-SHAP", "SV"), True, False, False, "kADD-SHAP regression", (1, 8)),
)
LEFT_OUT = {
    "ProxySPEX": "needs the package lightgbm before shapiq 1.8",
    "SPEX": "draws from numpy's global generator, so no seed fixes its answer",
    "ShaplEIG": "needs the packages botorch and gpytorch, with which no seed has been shown to fix its answer",
}


@dataclass(frozen=True)
class ShapiqEstimator(Estimator):
    """An approximator of shapiq on joint masks of image and text.

    Options:
        index: the interaction index; first order for SV and BV, second order for the others.
        order: 2, or 3 for interactions of three players too; only where the approximator has second orders. Those of
            three patches, or of three words, are left out, though the lower orders of some indices count on them.
        pairing: draw each mask with its complement; only where the approximator has that option.

    Error: that of the approximator; no standard errors. Pairs that a permutation approximator never drew are 0. The
    first order and the baseline are those of shapiq for the index: SII and BII do not add up over the orders, and their
    baseline is v(empty).

    Cost: the budget counts game values (joint masks). The default is 2048 and two more for each term, doubled as long
    as the approximator can make nothing of it. In a game of two towers each masked input is encoded once. The empty and
    the full input take one more pass of each tower.

    Source: Muschalik et al., shapiq: Shapley Interactions for Machine Learning, NeurIPS 2024; the documentation of each
    approximator names its paper. The approximator gets the game less v(empty). So that masks are evaluated in batches,
    it first runs on another game, which shows the masks that it asks for; masks that depend on the values are
    evaluated one by one.
    """

    index: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.index in FIRST_ORDER and getattr(self, "order", 2) == 3:
            raise OptionError(f"{self.index} is of order 1; order=3 is for interactions.")

    def __reduce__(self) -> Any:
        return _made_again, (self.capabilities.name, self.options())

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes; see `Estimator.passes`."""
        return joint_passes(self._plan(n_image + n_text, request)[1], n_image, request)

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """Run the approximator; see `Estimator.explain`."""
        n, empty = game.n_image + game.n_text, game.ends[0]
        (budget, masks), evaluate = self._plan(n, request), JointValues(game)
        table = dict(zip(map(bytes, masks), evaluate(masks) - empty, strict=True))

        def values(asked: np.ndarray) -> np.ndarray:
            for mask in asked:
                if bytes(mask) not in table:
                    table[bytes(mask)] = evaluate(mask[None])[0] - empty
            return np.array([table[bytes(mask)] for mask in asked])

        found = self._run(n, budget, request.seed, values)
        baseline, first, second, third = effects_of(found, game.n_image, game.n_text, missing=0.0)
        return game.explanation(
            empty + baseline,
            first,
            None if self._order == 1 else second,
            third,
            index=self.index,
            remarks=[ONE_MODALITY] if third else [],
        )

    @property
    def _order(self) -> int:
        return 1 if self.index in FIRST_ORDER else getattr(self, "order", 2)

    def _plan(self, n: int, request: Request) -> tuple[int, np.ndarray]:
        """Return the number of game values to spend, and the different masks that the approximator asks for.

        The default is doubled as long as the approximator can make nothing of it.
        """
        terms = sum(comb(n, k) for k in range(self._order + 1))
        default, name = DEFAULT + 2 * terms, self.capabilities.name
        first = joint_budget(request, n, default=default, needed=terms, name=name)
        for budget in [first] if request.budget is not None else [first << k for k in range(DOUBLED)]:
            masks = self._masks(n, budget, request.seed)
            if len(masks) >= min(n + 2, 2 ** min(n, 62)):
                return budget, masks
        raise BudgetError(f"{name} makes nothing of {budget} game values for {n} players; give budget={2 * budget}.")

    def _approximator(self) -> Any:
        with without_warnings():
            import shapiq.approximator

        return getattr(shapiq.approximator, self.capabilities.name.partition(":")[2])

    def _run(self, n: int, budget: int, seed: int, values: Values) -> Any:
        try:
            options = {"index": self.index, "max_order": self._order, "pairing_trick": getattr(self, "pairing", None)}
            return _approximate(self._approximator(), n, budget, seed, values, **options)
        except (ValueError, IndexError, ArithmeticError, MemoryError) as error:
            raise BudgetError(
                f"{self.capabilities.name} cannot explain {n} players from {budget} game values ({error}). "
                "Give another budget, or take another estimator."
            ) from error

    def _masks(self, n: int, budget: int, seed: int) -> np.ndarray:
        """Return the different masks that the approximator asks for."""
        seen, asked = [], 0

        def values(masks: np.ndarray) -> np.ndarray:
            nonlocal asked
            seen.append(masks.copy())
            asked += len(masks)
            if asked >= budget:
                raise _EnoughError
            return masks.sum(1).astype(float)

        with suppress(_EnoughError):
            self._run(n, budget, seed, values)
        return np.unique(np.concatenate(seen), axis=0)


def _made_again(name: str, options: dict[str, Any]) -> ShapiqEstimator:
    """Make an estimator again for pickle, which cannot find the classes by name in this module."""
    return approximators()[name](**options)


class _EnoughError(Exception):
    """The game has been asked for all of its budget."""


@cache
def approximators() -> dict[str, type[ShapiqEstimator]]:
    """Return the estimators of the installed release by name: the entry point of the registry.

    Example:
        >>> approximators()["shapiq:KernelSHAPIQ"].capabilities.index
        ('k-SII', 'SII', 'SV')
    """
    release = version("shapiq")
    installed = tuple(map(int, re.findall(r"\d+", release)[:2]))
    rows = {row.name: row for row in TABLE if row.since <= installed}
    return {f"shapiq:{name}": _estimator(row, release) for name, row in rows.items()}


def _estimator(row: Row, release: str) -> type[ShapiqEstimator]:
    """Make the dataclass of one approximator."""
    options: list[Any] = [("index", Literal[row.index], field(default=row.index[0]))]  # type: ignore[name-defined]
    if row.pairing is not None:
        options.append(("pairing", Literal[True, False], field(default=row.pairing)))
    orders = tuple(sorted({k for index in row.index for k in ((1,) if index in FIRST_ORDER else (2, 3))}))
    if 3 in orders:
        options.append(("order", Literal[2, 3], field(default=2)))
    axioms = AXIOMS[:4] if row.index[0] in FIRST_ORDER else AXIOMS
    capabilities = Capabilities(
        name=f"shapiq:{row.name}",
        summary=row.summary,
        index=row.index,
        orders=orders,
        cross=2 in orders,
        within=2 in orders,
        sampled=True,
        exact=row.exact,
        axioms=axioms if row.axioms else (),
        cost="a pass of each tower for each game value, at most",
        source=f"shapiq {release}",
    )
    members = {"capabilities": capabilities, "__doc__": ShapiqEstimator.__doc__, "__module__": __name__}
    return make_dataclass(row.name, options, bases=(ShapiqEstimator,), namespace=members, frozen=True)


def _approximate(cls: Any, n: int, budget: int, seed: int, values: Values, **options: Any) -> Any:
    """Run an approximator; `values` is called with boolean masks [B, n] and returns [B]."""
    with without_warnings():
        approximator = _make(cls, n, seed, **options)
        return approximator.approximate(budget, lambda masks: values(np.atleast_2d(np.asarray(masks, dtype=bool))))


def _make(cls: Any, n: int, seed: int, **options: Any) -> Any:
    """Make an approximator from those of the options that its class has, and that are not None."""
    options |= {"n": n, "random_state": seed}
    offered = inspect.signature(cls.__init__).parameters
    return cls(**{name: value for name, value in options.items() if name in offered and value is not None})
