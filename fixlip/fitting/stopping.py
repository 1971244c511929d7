"""Runs that end early: when the standard errors are small enough, when the user interrupts, or when memory runs out.

With one seed, the first masks of a large number are those of a smaller number, and `CountedGame` remembers what it has
encoded. So a run goes on to a larger number of masks at the cost of the new ones.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

import numpy as np

from fixlip.arguments import real_number
from fixlip.errors import BudgetError, NotEnoughMemoryError, OptionError
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.results.explanation import Explanation
from fixlip.runtime.memory import release, retried
from fixlip.runtime.progress import Tracker

MOST = 16  # times the default number of masks are spent at most for a target, where no budget is given
FIRST = 128  # masks in the first round where nobody asks for a target
SMALLEST = 64  # the first round takes 1 / 64 of the masks, or as many as determine the terms
GROWTH = (1.5, 4.0)  # least and largest factor from one round to the next
SPARE = 1.1  # more masks than the error of a round predicts to suffice
_whole: ContextVar[bool] = ContextVar("whole", default=False)


@dataclass(frozen=True)
class Run:
    """The parts of an estimator that a run needs.

    Attributes:
        name: name of the estimator.
        stderr: whether it gives standard errors.
        joint: whether it draws joint masks, though it could draw those of each tower.
        passes: a request -> passes of the image and of the text tower.
        estimate: the game and a request -> the explanation.
    """

    name: str
    stderr: bool
    joint: bool
    passes: Callable[[Request], tuple[int, int]]
    estimate: Callable[[CountedGame, Request], Explanation]


@dataclass(frozen=True)
class Goal:
    """The error at which a run stops.

    Attributes:
        error: `relative_error` to reach, above 0.
        asked: whether the caller asks for it. Else the run also goes on where the status is not "ok", but not beyond
            the default number of masks, or `most`, whether or not the error is reached.
        most: masks of a tower that are spent at most, where nobody asks.

    Raises:
        OptionError: the error is not a positive number.
    """

    error: float
    asked: bool = True
    most: int = 2**62

    def __post_init__(self) -> None:
        error = real_number("target_error", self.error)
        if error <= 0:
            raise OptionError(f"target_error is a share of the size of the interactions, such as 0.1, got {error!r}.")
        object.__setattr__(self, "error", error)

    def is_reached(self, explanation: Explanation) -> bool:
        """Return whether the run may stop."""
        settled = self.asked or explanation.provenance.status == "ok"
        return settled and relative_error(explanation) <= self.error

    def growth(self, error: float) -> float:
        """Return how many times the masks the next round takes, after a round with this error."""
        if not self.asked:
            return 2.0  # captions of one picture share its rounds
        ratio = error / self.error
        needed = ratio * ratio * SPARE if error == error else GROWTH[1]
        return min(max(needed, GROWTH[0]), GROWTH[1])


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """Let an interruption end the run within: for many explanations in a row, none of which is to be cut short."""
    before = _whole.set(True)
    try:
        yield
    finally:
        _whole.reset(before)


def one_of_many() -> bool:
    """Return whether the run is within `all_or_nothing`."""
    return _whole.get()


def relative_error(explanation: Explanation) -> float:
    """Compute the root mean square of the standard errors of the cross-modal interactions, relative to that of these.

    First-order effects take their place where there are no interactions. NaN without standard errors.
    """
    if explanation.stderr is None:
        return float("nan")
    values, errors = explanation.cross, explanation.cross_stderr
    if np.isnan(values).all():
        values, errors = explanation.first_order, explanation.stderr.first_order
    size = float(np.nansum(values**2))
    return float(np.sqrt(np.nansum(errors**2) / size)) if size else 0.0


def until(run: Run, game: CountedGame, request: Request, goal: Goal, tracker: Tracker) -> Explanation:
    """Estimate from more and more masks, until the goal is reached.

    Args:
        run: run of an estimator that gives standard errors.
        game: game to explain; it remembers embeddings.
        request: request whose budget or numbers of masks are the most that may be spent; the default number if it has
            none, 16 times as many if the goal is asked for.
        goal: error to reach.
        tracker: tracker, which shows the error of the last round.

    Raises:
        OptionError: the estimator has no standard errors.
        BudgetError: as `Estimator.explain`, for the most that may be spent.
        KeyboardInterrupt: the masks so far determine nothing.
        NotEnoughMemoryError: memory ran out in the first round.
    """
    if not run.stderr:
        raise OptionError(f"{run.name} gives no standard errors that target_error could ask for; give a budget.")
    plan = _Plan(run.passes, (game.n_image, game.n_text), request, run.joint, goal)
    share, explanation, error = plan.first(), None, float("nan")
    while True:
        part = plan.part(share)
        tracker.restart(sum(plan.passes(part)), f"error {error:.0%}" if explanation else "")
        game.restart()
        try:
            explanation = _estimate(run, game, part, tracker)
        except (KeyboardInterrupt, NotEnoughMemoryError) as end:
            if explanation is None and isinstance(end, KeyboardInterrupt):
                return _so_far(run, game, part)
            if explanation is None or one_of_many():
                raise
            return remarked(explanation, f"{how_it_ended(end)} at an error of {error:.0%}")
        error = relative_error(explanation)
        if goal.is_reached(explanation) or (share >= 1 and not goal.asked):
            return explanation
        if share >= 1:
            more = f"give more than {max(plan.masks)} masks" if request.budget is None else "give a larger budget"
            missed = f"the error is {error:.0%}, target_error={goal.error:g} is not reached; {more}"
            return remarked(explanation, missed)
        share = min(1.0, share * goal.growth(error))


def uninterrupted(run: Run, game: CountedGame, request: Request, tracker: Tracker) -> Explanation:
    """Estimate; after an interruption, estimate from the masks encoded so far, and add a remark.

    Raises:
        KeyboardInterrupt: the masks so far determine nothing, or the estimator gives no standard errors.
        NotEnoughMemoryError: memory ran out twice.
    """
    try:
        return _estimate(run, game, request, tracker)
    except KeyboardInterrupt:
        return _so_far(run, game, request)


def _so_far(run: Run, game: CountedGame, request: Request) -> Explanation:
    """Estimate from the masks that were encoded before an interruption, or raise it again."""
    plan = _Plan(run.passes, (game.n_image, game.n_text), request, run.joint)
    share = game.known / max(plan.masks[0], 1)
    if not run.stderr or share >= 1 or one_of_many():
        raise KeyboardInterrupt
    game.restart()
    try:
        explanation = run.estimate(game, plan.part(share))
    except BudgetError:
        raise KeyboardInterrupt from None
    return remarked(explanation, f"interrupted: {share:.0%} of {max(plan.masks)} masks")


def how_it_ended(end: BaseException) -> str:
    """Say how a run was cut short, for its status."""
    return "interrupted" if isinstance(end, KeyboardInterrupt) else "ended by a lack of memory"


def _estimate(run: Run, game: CountedGame, request: Request, tracker: Tracker) -> Explanation:
    """Estimate, and once more where memory ran out; what is remembered is not encoded again."""

    def anew() -> None:
        release()
        game.restart()
        tracker.restart(tracker.total, tracker.note)

    what = f"{run.name} with {game.n_image} + {game.n_text} players"
    return retried(lambda: run.estimate(game, request), what, anew)


def remarked(explanation: Explanation, remark: str) -> Explanation:
    """Return the explanation with one more remark in its status."""
    provenance = explanation.provenance
    status = remark if provenance.status == "ok" else f"{remark}; {provenance.status}"
    return replace(explanation, provenance=replace(provenance, status=status))


def fewest_and_most(
    passes: Callable[[Request], tuple[int, int]], shape: tuple[int, int], request: Request, goal: Goal
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the passes of the two towers after which a run can stop first, and those that it makes at most."""
    plan = _Plan(passes, shape, request, joint=False, goal=goal)
    return passes(plan.part(plan.first())), passes(plan.part(1.0))


class _Plan:
    """Parts of the largest number of masks that a request allows, and a goal."""

    def __init__(
        self,
        passes: Callable[[Request], tuple[int, int]],
        shape: tuple[int, int],
        request: Request,
        joint: bool,
        goal: Goal | None = None,
    ) -> None:
        self.request, self.passes, self.shape, self.goal = request, passes, shape, goal
        self.joint = request.joint or joint
        times = MOST if request.open and goal and goal.asked else 1
        most = goal.most if goal else 2**62
        image, text = (m - 2 for m in passes(request))
        self.masks = [min(m * times, most, 2 ** min(n, 62)) for m, n in zip((image, text), shape, strict=True)]
        if self.joint:
            self.masks = [request.budget or max(image, text) * times] * 2

    def part(self, share: float) -> Request:
        """Return a request for a share of all masks; an enumerated tower stays enumerated."""
        if self.joint:
            return replace(self.request, budget=max(1, round(share * self.masks[0])))
        image, text = (
            m if m == 2 ** min(n, 62) and m <= 1024 else max(2, round(share * m / 2) * 2)
            for m, n in zip(self.masks, self.shape, strict=True)
        )
        return replace(self.request, budget=None, image_masks=image, text_masks=text)

    def first(self) -> float:
        """Return the smallest share to begin with."""
        asked = self.goal is None or self.goal.asked
        share = 1 / SMALLEST if asked else min(1.0, FIRST / max(self.masks[0], 1))
        while share < 1:
            try:
                self.passes(self.part(share))
            except BudgetError:
                share *= 2
            else:
                break
        return share
