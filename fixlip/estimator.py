"""The base class of estimators, and their capabilities."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from importlib.metadata import version
from time import perf_counter
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from fixlip.arguments import plain_number, real_number, whole_number
from fixlip.errors import InputError, OptionError, unknown
from fixlip.fitting.numerics import sound
from fixlip.fitting.stopping import Goal, Run, fewest_and_most, uninterrupted, until
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.runtime.modes import plain_torch
from fixlip.runtime.progress import Progress, tracking

if TYPE_CHECKING:
    from fixlip.games.base import Game
    from fixlip.results.explanation import Explanation

AXIOMS = ("additive", "null player", "symmetry", "linearity", "cross pairs of a bilinear game")


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """The capabilities of an estimator, readable without making one. Every claim made here is tested.

    Attributes:
        name: name that it is registered under.
        summary: one line about it.
        index: interaction indices that it estimates.
        orders: 1, 2 or both.
        cross, within: whether it gives interactions between the modalities, and inside them.
        gradients: whether it needs a model whose blocks can be opened (`fixlip.games.base.DifferentiableGame`).
        separable: whether it needs a game of two towers.
        sampled: whether it draws masks, so that budget and seed matter.
        exact: whether it has no sampling error once the budget covers all masks.
        stderr: whether it gives standard errors, so that it can stop by itself (`target_error`) or be interrupted.
        axioms: axioms of `AXIOMS` that it guarantees at full budget.
        cost: cost in encoder passes, in words.
        source: the paper.
    """

    name: str
    summary: str
    index: tuple[str, ...]
    orders: tuple[int, ...]
    cross: bool = False
    within: bool = False
    gradients: bool = False
    separable: bool = False
    sampled: bool = False
    exact: bool = False
    stderr: bool = False
    axioms: tuple[str, ...] = ()
    cost: str
    source: str


class Estimator(ABC):
    """A frozen dataclass of options, with `capabilities`, `passes` and `estimate`."""

    capabilities: ClassVar[Capabilities]

    def __post_init__(self) -> None:
        """Refuse a value that the annotation of its option does not allow; numbers become numbers of Python."""
        for name, kind in get_type_hints(type(self)).items():
            if get_origin(kind) is ClassVar:
                continue
            kinds, value = get_args(kind) or (kind,), plain_number(getattr(self, name))
            object.__setattr__(self, name, value)
            if get_origin(kind) is Literal and value not in kinds:
                raise OptionError(unknown(f"value of {name}", str(value), map(str, kinds)))
            if not {int, float}.isdisjoint(kinds) and not (value is None and NoneType in kinds):
                number = real_number(name, value) if float in kinds else whole_number(name, value)
                object.__setattr__(self, name, number)

    @abstractmethod
    def passes(self, n_image: int, n_text: int, request: Request) -> tuple[int, int]:
        """Count the passes of the image and of the text tower, forward and backward, for a number of players.

        Args:
            n_image, n_text: numbers of players.
            request: budget, masks and seed that `explain` was called with.

        Raises:
            BudgetError, OptionError: as `explain`, where the numbers of players alone decide.
        """

    @abstractmethod
    def estimate(self, game: CountedGame, request: Request) -> "Explanation":
        """Estimate the effects, and return them by `game.explanation`."""

    def explain(
        self,
        game: "Game",
        *,
        budget: int | None = None,
        image_masks: int | None = None,
        text_masks: int | None = None,
        target_error: float | None = None,
        seed: int = 0,
        progress: Progress = None,
    ) -> "Explanation":
        """Explain a game.

        After an interruption (Ctrl-C) an estimator with standard errors explains the game from the masks encoded so
        far, if they suffice, and the status says so.

        Args:
            game: the game to explain.
            budget: game values to spend (image masks x text masks); None for the estimator's default: a number of
                masks, or as many as `by_default` needs.
            image_masks, text_masks: masks of each tower, instead of a budget.
            target_error: stop as soon as the standard errors of the interactions, relative to their size (root mean
                squares), are at most this, such as 0.1; at most the budget is spent, or 16 times the default.
            seed: seed of the masks; the same seed gives the same masks.
            progress: None shows a bar on a terminal; True, False, or a function of (done, total) passes.

        Raises:
            InputError: the estimator needs a game of two towers, or gradients, and this game has none; or the game, its
                gradients or its attention hold NaN or infinity (docs/trust_numbers.md).
            OptionError: a target is given for an estimator without standard errors, or a number is out of range.
            BudgetError: the masks do not determine the terms; the message names the minimum.
            NotEnoughMemoryError: memory ran out even for the smallest batches.
        """
        needs = self.capabilities
        joint = not hasattr(game, "image_embeddings")
        if needs.separable and joint:
            raise InputError(f"{needs.name} needs a game of two towers; this game has joint values only.")
        if needs.gradients and not hasattr(game, "layers"):
            raise InputError(
                f"{needs.name} needs gradients, which {game.source.model or 'this game'} does not give; explain a "
                "model of open_clip or transformers, or take an estimator that needs none: see `fixlip estimators`."
            )
        start, request = perf_counter(), Request(budget, image_masks, text_masks, seed, joint)
        estimator, goal = self.chosen(game.n_image, request)
        if target_error is not None:
            estimator, goal = self, Goal(target_error)
        passes = partial(estimator.passes, game.n_image, game.n_text)
        with plain_torch(), tracking(progress, sum(passes(request)), needs.name) as tracker:
            counted = CountedGame(game, tracker.tick)
            run = Run(needs.name, needs.stderr, self.joint, passes, estimator.estimate)
            if goal is None:
                explanation = uninterrupted(run, counted, request, tracker)
            else:
                explanation = until(run, counted, request, goal, tracker)
        noted = explanation.provenance
        remarks = [noted.status] if noted.status != "ok" else []
        notes = [*game.source.notes, *sound(explanation, needs.name, remarks)]
        provenance = replace(
            noted,
            model=game.source.model,
            weights=game.source.weights,
            dtype=game.source.dtype,
            logit_scale=getattr(game, "scale", float("nan")),
            logit_bias=getattr(game, "bias", float("nan")),
            removal=game.source.removal,
            estimator=needs.name,
            options=estimator.options() | noted.options,
            budget=request.budget,
            image_passes=counted.image_passes,
            text_passes=counted.text_passes,
            seed=request.seed,
            seconds=perf_counter() - start,
            status="; ".join(notes) or "ok",
            versions=dict(_versions()),
        )
        return replace(explanation, provenance=provenance)

    def chosen(self, n_image: int, request: Request) -> tuple["Estimator", Goal | None]:
        """Return what `by_default` does, if the request leaves the choice; this estimator and None otherwise."""
        return self.by_default(n_image) if request.open and not request.joint else (self, None)

    def passes_between(self, n_image: int, n_text: int, request: Request) -> tuple[tuple[int, int], tuple[int, int]]:
        """Count the passes of both towers that a request takes at least, and at most; see `passes`."""
        estimator, goal = self.chosen(n_image, request)
        passes = partial(estimator.passes, n_image, n_text)
        if goal is None:
            return passes(request), passes(request)
        return fewest_and_most(passes, (n_image, n_text), request, goal)

    def by_default(self, n_image: int) -> tuple["Estimator", Goal | None]:
        """Return the estimator that a game of two towers gets where nobody says how many masks, and when it stops.

        Args:
            n_image: number of image players.

        Returns:
            An estimator with other options, or this one; the error to stop at, or None for its default number of masks.
        """
        return self, None

    @property
    def joint(self) -> bool:
        """Return whether joint masks of image and text are drawn, though masks of each tower would do."""
        return self.options().get("sampling") == "joint"

    def options(self) -> dict[str, Any]:
        """Return all options by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    """Return the versions of fixlip and of the packages that the numbers depend on."""
    return tuple((name, version(name)) for name in ("fixlip", "torch", "numpy"))
