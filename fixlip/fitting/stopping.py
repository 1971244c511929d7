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

MOST = 16  # times the default number of masks are spent at most, where no budget is given
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


def until(run: Run, game: CountedGame, request: Request, target: float, tracker: Tracker) -> Explanation:
    """Estimate from more and more masks, until `relative_error` is at most `target`.

    Args:
        run: run of an estimator that gives standard errors.
        game: game to explain; it remembers embeddings.
        request: request whose budget or numbers of masks are the most that may be spent; 16 times the default if it has
            none.
        target: relative error to reach, above 0.
        tracker: tracker, which shows the error of the last round.

    Raises:
        OptionError: the estimator has no standard errors, or the target is not a positive number.
        BudgetError: as `Estimator.explain`, for the most that may be spent.
        KeyboardInterrupt, NotEnoughMemoryError: the run ended before its first round was complete.
    """
    if not run.stderr:
        raise OptionError(f"{run.name} gives no standard errors that target_error could ask for; give a budget.")
    target = real_number("target_error", target)
    if target <= 0:
        raise OptionError(f"target_error is a share of the size of the interactions, such as 0.1, got {target!r}.")
    plan = _Plan(run, game, request)
    share, explanation, error = plan.first(), None, float("nan")
    while True:
        part = plan.part(share)
        tracker.restart(sum(plan.passes(part)), f"error {error:.0%}" if explanation else "")
        game.restart()
        try:
            explanation = _estimate(run, game, part, tracker)
        except (KeyboardInterrupt, NotEnoughMemoryError) as end:
            if explanation is None or one_of_many():
                raise
            return remarked(explanation, f"{how_it_ended(end)} at an error of {error:.0%}")
        error = relative_error(explanation)
        if error <= target:
            return explanation
        if share >= 1:
            more = f"give more than {max(plan.masks)} masks" if request.budget is None else "give a larger budget"
            return remarked(explanation, f"the error is {error:.0%}, target_error={target:g} is not reached; {more}")
        ratio = error / target
        needed = ratio * ratio * SPARE if error == error else GROWTH[1]
        share = min(1.0, share * min(max(needed, GROWTH[0]), GROWTH[1]))


def uninterrupted(run: Run, game: CountedGame, request: Request, tracker: Tracker) -> Explanation:
    """Estimate; after an interruption, estimate from the masks encoded so far, and add a remark.

    Raises:
        KeyboardInterrupt: the masks so far determine nothing, or the estimator gives no standard errors.
        NotEnoughMemoryError: memory ran out twice.
    """
    try:
        return _estimate(run, game, request, tracker)
    except KeyboardInterrupt:
        plan = _Plan(run, game, request, more=1)
        share = game.known / max(plan.masks[0], 1)
        if not run.stderr or share >= 1 or one_of_many():
            raise
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


class _Plan:
    """Parts of the largest number of masks that a request allows."""

    def __init__(self, run: Run, game: CountedGame, request: Request, more: int = MOST) -> None:
        self.request, self.passes, shape = request, run.passes, (game.n_image, game.n_text)
        self.joint = request.joint or run.joint
        self.shape = shape
        given = (request.budget, request.image_masks, request.text_masks) != (None, None, None)
        times = 1 if given else more
        image, text = (m - 2 for m in self.passes(request))
        self.masks = [min(m * times, 2 ** min(n, 62)) for m, n in zip((image, text), self.shape, strict=True)]
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
        share = 1 / SMALLEST
        while share < 1:
            try:
                self.passes(self.part(share))
            except BudgetError:
                share *= 2
            else:
                break
        return share
