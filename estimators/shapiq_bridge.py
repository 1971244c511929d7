"""The approximators of the installed shapiq, each as an estimator ``shapiq:<name>``.

Nothing is listed by hand: the public classes of `shapiq.approximator` are tried on a small game. What each can do, and
whether it is exact with all masks, is what is found there; `skipped` says what was left out and why.
"""

import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, make_dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, ClassVar, Literal, NamedTuple, cast

import numpy as np

from fixlip.errors import BudgetError
from fixlip.estimator import AXIOMS, Capabilities, Estimator
from fixlip.fitting.joint_masks import JointValues, joint_budget, joint_passes
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.results.explanation import Explanation
from fixlip.runtime.threads import without_warnings

DEFAULT = 2048  # game values, and two for each term
FIRST_ORDER = ("SV", "BV")
DOUBLED = 5  # times at most, where an approximator makes nothing of the default
TRIAL = 6  # players of the game on which approximators are tried
LEFT_OUT = {"SPEX": "draws from numpy's global generator, so no seed fixes its answer"}
GIVEN = {"self", "n", "index", "max_order", "random_state", "pairing_trick"}
Values = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ShapiqEstimator(Estimator):
    """An approximator of shapiq on joint masks of image and text.

    Options:
        index: the interaction index; first order for SV and BV, second order for the others.
        pairing: draw each mask with its complement; where the approximator has that option.

    Error: that of the approximator; no standard errors. Pairs that a permutation approximator never drew are 0. A first
    order and a baseline are what shapiq gives for the index: for SII and BII, whose orders do not add up, the baseline
    is v(empty).

    Cost: the budget counts game values (joint masks), 2048 and two for each term by default, or more
    where it can make nothing of that. Of two towers, each masked
    input is encoded once. And one more of each for the empty and the full input.

    Source: Muschalik et al., shapiq: Shapley Interactions for Machine Learning, NeurIPS 2024; the approximator's own
    documentation names its paper. The game is handed over less v(empty), and the masks are evaluated in batches: what
    an approximator asks for is found first by running it on another game, which presumes that it does not depend on
    the values (what it asks for beyond that is evaluated one by one).
    """

    index: str

    approximator: ClassVar[type]

    def __reduce__(self) -> Any:
        return _made_again, (self.capabilities.name, self.options())

    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """See `Estimator.passes`."""
        return joint_passes(self._plan(n_image + n_text, request)[1], n_image, request)

    def estimate(self, game: CountedGame, request: Request) -> Explanation:
        """See `Estimator.explain`."""
        n, empty = game.n_image + game.n_text, game.ends[0]
        (budget, masks), evaluate = self._plan(n, request), JointValues(game)
        table = dict(zip(map(bytes, masks), evaluate(masks) - empty, strict=True))

        def values(asked: np.ndarray) -> np.ndarray:
            for mask in asked:
                if bytes(mask) not in table:
                    table[bytes(mask)] = evaluate(mask[None])[0] - empty
            return np.array([table[bytes(mask)] for mask in asked])

        baseline, first, second = self._run(n, budget, request.seed, values)
        return game.explanation(
            empty + baseline, first, None if self.index in FIRST_ORDER else second, index=self.index
        )

    def _plan(self, n: int, request: Request) -> tuple[int, np.ndarray]:
        """Game values to spend, and the different masks that the approximator will ask for with so many.

        The default is doubled where it is too small for the approximator to make anything of.
        """
        terms = 1 + n + (0 if self.index in FIRST_ORDER else n * (n - 1) // 2)
        default, name = DEFAULT + 2 * terms, self.capabilities.name
        first = joint_budget(request, n, default=default, needed=terms, name=name)
        for budget in [first] if request.budget is not None else [first << k for k in range(DOUBLED)]:
            masks = self._masks(n, budget, request.seed)
            if len(masks) >= min(n + 2, 2 ** min(n, 62)):
                return budget, masks
        raise BudgetError(f"{name} makes nothing of {budget} game values for {n} players; give budget={2 * budget}.")

    def _run(self, n: int, budget: int, seed: int, values: Values) -> tuple[float, np.ndarray, np.ndarray]:
        try:
            pairing = getattr(self, "pairing", None)
            return _arrays(_approximate(self.approximator, n, self.index, budget, seed, values, pairing), n)
        except (ValueError, IndexError, ArithmeticError, MemoryError) as error:
            raise BudgetError(
                f"{self.capabilities.name} cannot explain {n} players from {budget} game values ({error}). "
                "Give another budget, or take another estimator."
            ) from error

    def _masks(self, n: int, budget: int, seed: int) -> np.ndarray:
        """The different masks that the approximator asks for."""
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
    """For pickles: the classes have no place in this module."""
    return survey().estimators[name](**options)


class _EnoughError(Exception):
    """Raised when a game has been asked for all of its budget."""


class Survey(NamedTuple):
    """What was found in the installed shapiq: estimators by name, and what was left out with the reason."""

    estimators: dict[str, type[ShapiqEstimator]]
    skipped: dict[str, str]


def approximators() -> dict[str, type[ShapiqEstimator]]:
    """The estimators by name: the entry point of the registry.

    Example:
        >>> approximators()["shapiq:KernelSHAPIQ"].capabilities.index
        ('k-SII', 'SII', 'SV')
    """
    return survey().estimators


def skipped() -> dict[str, str]:
    """Approximators, or indices of them (``SPEX``, ``SHAPIQ CHII``), that are left out, and why."""
    return survey().skipped


@cache
def survey() -> Survey:
    """Try every public approximator of shapiq; a second or so, once."""
    with without_warnings():
        import shapiq.approximator
        from shapiq.approximator.base import Approximator

    found = Survey({}, {})
    for name, cls in sorted(vars(shapiq.approximator).items()):
        if not (isinstance(cls, type) and issubclass(cls, Approximator)) or cls is Approximator:
            continue
        if name in LEFT_OUT:
            found.skipped[name] = LEFT_OUT[name]
            continue
        missing = [p for p, spec in _options(cls).items() if p not in GIVEN and spec.default is spec.empty]
        if inspect.isabstract(cls) or missing:
            found.skipped[name] = f"needs {', '.join(missing)}" if missing else "needs a package that is not installed"
            continue
        errors: dict[str, float] = {}
        failed: dict[str, str] = {}
        for index in cls.valid_indices:
            try:
                errors[index] = _error_with_all_masks(cls, index)
            except Exception as error:  # whatever an approximator may raise, the others go on
                failed[index] = str(error).split("\n")[0]
        if errors:
            found.estimators[f"shapiq:{name}"] = _estimator(name, cls, errors)
            found.skipped.update({f"{name} {index}": reason for index, reason in failed.items()})
        else:
            found.skipped[name] = next(iter(failed.values()))
    return found


def _estimator(name: str, cls: Any, errors: dict[str, float]) -> type[ShapiqEstimator]:
    """The dataclass of one approximator, from the indices that work and their errors with all masks."""
    options = _options(cls)
    default = getattr(options.get("index"), "default", None)
    index = default if default in errors else next(iter(errors))
    fields: list[Any] = [("index", Literal[tuple(errors)], field(default=index))]  # type: ignore[misc]
    if "pairing_trick" in options:
        fields.append(("pairing", Literal[True, False], field(default=options["pairing_trick"].default)))
    orders = sorted({1 if i in FIRST_ORDER else 2 for i in errors})
    summary = re.sub(r"\s*\[\w+\]_|:\w+:|`", "", (inspect.getdoc(cls) or name).split("\n")[0]).rstrip(".")
    capabilities = Capabilities(
        name=f"shapiq:{name}",
        summary=summary,
        index=tuple(errors),
        orders=tuple(orders),  # type: ignore[arg-type]
        cross=2 in orders,
        within=2 in orders,
        sampled=True,
        exact=errors[index] < 1e-6,
        axioms=() if errors[index] > 1e-10 else AXIOMS[:4] if index in FIRST_ORDER else AXIOMS,
        cost="a pass of each tower for each game value, at most",
        source=f"shapiq {version('shapiq')}",
    )
    names = {
        "approximator": cls,
        "capabilities": capabilities,
        "__doc__": ShapiqEstimator.__doc__,
        "__module__": __name__,
    }
    return make_dataclass(name, fields, bases=(ShapiqEstimator,), namespace=names, frozen=True)


def _error_with_all_masks(cls: Any, index: str) -> float:
    """How far an approximator that has a value for each mask is from the exact index, relative to it.

    Raises:
        ValueError: it does not estimate this index, or not all orders of it.
    """
    import shapiq

    weights = np.random.default_rng(0).normal(size=(TRIAL, 5))

    def values(masks: np.ndarray) -> np.ndarray:
        return np.tanh(np.atleast_2d(masks) @ weights).sum(1)

    with without_warnings(), np.errstate(all="ignore"):
        exact = cast(Any, shapiq.ExactComputer(values, n_players=TRIAL))(index=index, order=_order(index))
    truth = np.concatenate([part.ravel() for part in _arrays(exact, TRIAL)[1:]])
    error = float("inf")
    for budget in (2**TRIAL, 64 * 2**TRIAL):  # an approximator that draws with replacement needs many more
        found = _arrays(_approximate(cls, TRIAL, index, budget, 0, values), TRIAL)
        estimate = np.concatenate([part.ravel() for part in found[1:]])
        error = float(np.linalg.norm(estimate - truth) / np.linalg.norm(truth))
        if error < 1e-6:
            break
    if not error < 0.5:
        raise ValueError(
            f"is not {index}: wrong by {error:.0%} on a game of {TRIAL} players, however many masks it has."
        )
    return error


def _approximate(
    cls: Any, n: int, index: str, budget: int, seed: int, values: Values, pairing: bool | None = None
) -> Any:
    """Run an approximator; `values` gets boolean masks [B, n]."""
    offered = _options(cls)
    wanted = {"n": n, "index": index, "max_order": _order(index), "random_state": seed, "pairing_trick": pairing}
    with without_warnings():
        made = cls(**{name: value for name, value in wanted.items() if name in offered and value is not None})
        if made.max_order != _order(index):
            raise ValueError(f"gives {index} of order {made.max_order} only.")
        if made.top_order and made.max_order > 1:
            raise ValueError(f"gives the pairs of {index} only, no first order to go with them.")
        return made.approximate(budget, lambda masks: values(np.atleast_2d(np.asarray(masks, dtype=bool))))


def _arrays(found: Any, n: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Baseline, first order [n] and second order [n, n] of shapiq's values; what it leaves out is 0."""
    baseline, first, second = float(found.baseline_value), np.zeros(n), np.zeros((n, n))
    for interaction, position in found.interaction_lookup.items():
        value = float(found.values[position])
        if len(interaction) == 0:
            baseline = value
        elif len(interaction) == 1:
            first[interaction[0]] = value
        elif len(interaction) == 2:
            second[interaction] = second[interaction[::-1]] = value
    return baseline, first, second


def _order(index: str) -> int:
    return 1 if index in FIRST_ORDER else 2


def _options(cls: Any) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(cls.__init__).parameters
    return {name: p for name, p in parameters.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
