"""Runs that end early: when the standard errors are small enough, or the user interrupts them, or memory runs out.

Masks of a smaller number are a prefix of those of a larger one with the same seed, and `CountedGame` remembers what it
has encoded. So a run goes on from one number of masks to the next at the price of the new ones.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

import numpy as np

from fixlip.errors import BudgetError, NotEnoughMemoryError, OptionError
from fixlip.games.counted import CountedGame
from fixlip.request import Request
from fixlip.results.explanation import Explanation
from fixlip.runtime.memory import release, retried
from fixlip.runtime.progress import Tracker

MOST = 16  # times the default number of masks, where no budget is given
SMALLEST = 64  # of these the first round takes a share of 1 / 64, or the smallest that determines the terms
GROWTH = (1.5, 4.0)  # from one round to the next, at least and at most
SPARE = 1.1  # aimed beyond what the error of a round foretells
_whole: ContextVar[bool] = ContextVar("whole", default=False)


@dataclass(frozen=True)
class Run:
    """An estimator on one game, as far as stopping is concerned.

    Attributes:
        name: of the estimator.
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
    """Within it an interruption ends the run: for many explanations in a row, none of which is to be cut short."""
    before = _whole.set(True)
    try:
        yield
    finally:
        _whole.reset(before)


def one_of_many() -> bool:
    """Whether the run is within `all_or_nothing`."""
    return _whole.get()


def relative_error(found: Explanation) -> float:
    """Root mean square standard error of the interactions of patches and words, relative to their root mean square.

    Of first-order effects where there are no interactions; NaN without standard errors.
    """
    if found.stderr is None:
        return float("nan")
    values, errors = found.cross, found.cross_stderr
    if np.isnan(values).all():
        values, errors = found.first_order, found.stderr.first_order
    size = float(np.nansum(values**2))
    return float(np.sqrt(np.nansum(errors**2) / size)) if size else 0.0


def until(run: Run, game: CountedGame, request: Request, target: float, tracker: Tracker) -> Explanation:
    """Rounds of more and more masks, until `relative_error` is at most `target`.

    Args:
        run: of an estimator that gives standard errors.
        game: what is explained; remembers embeddings.
        request: with a budget or numbers of masks for the most that may be spent; without, 16 times the default.
        target: > 0.
        tracker: shows the error of the round before.

    Raises:
        OptionError: an estimator without standard errors, or a target that is none.
        BudgetError: as `Estimator.explain`, for the most that may be spent.
        KeyboardInterrupt, NotEnoughMemoryError: before the first round is complete.
    """
    if not run.stderr:
        raise OptionError(f"{run.name} gives no standard errors that target_error could ask for; give a budget.")
    if isinstance(target, bool) or not isinstance(target, (int, float)) or not 0 < target < float("inf"):
        raise OptionError(f"target_error is a share of the size of the interactions, such as 0.1, got {target!r}.")
    plan = _Plan(run, game, request)
    share, found, error = plan.first(), None, float("nan")
    while True:
        part = plan.part(share)
        tracker.restart(sum(plan.passes(part)), f"error {error:.0%}" if found else "")
        game.restart()
        try:
            found = _estimate(run, game, part, tracker)
        except (KeyboardInterrupt, NotEnoughMemoryError) as end:
            if found is None or one_of_many():
                raise
            return remarked(found, f"{how_it_ended(end)} at an error of {error:.0%}")
        error = relative_error(found)
        if error <= target:
            return found
        if share >= 1:
            more = f"give more than {max(plan.masks)} masks" if request.budget is None else "give a larger budget"
            return remarked(found, f"the error is {error:.0%}, target_error={target:g} is not reached; {more}")
        ratio = error / target
        needed = ratio * ratio * SPARE if error == error else GROWTH[1]
        share = min(1.0, share * min(max(needed, GROWTH[0]), GROWTH[1]))


def uninterrupted(run: Run, game: CountedGame, request: Request, tracker: Tracker) -> Explanation:
    """The estimate; if the user interrupts it, the estimate from the masks that are there, and a remark.

    Raises:
        KeyboardInterrupt: what is there determines nothing, or the estimator gives no standard errors.
        NotEnoughMemoryError: memory ran out, also at the second try.
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
            found = run.estimate(game, plan.part(share))
        except BudgetError:
            raise KeyboardInterrupt from None
        return remarked(found, f"interrupted: {share:.0%} of {max(plan.masks)} masks")


def how_it_ended(end: BaseException) -> str:
    """Say how a run was cut short, for its status."""
    return "interrupted" if isinstance(end, KeyboardInterrupt) else "ended by a lack of memory"


def _estimate(run: Run, game: CountedGame, request: Request, tracker: Tracker) -> Explanation:
    """Where memory ran out once more, with all that is remembered."""

    def anew() -> None:
        release()
        game.restart()
        tracker.restart(tracker.total, tracker.note)

    what = f"{run.name} with {game.n_image} + {game.n_text} players"
    return retried(lambda: run.estimate(game, request), what, anew)


def remarked(found: Explanation, remark: str) -> Explanation:
    """The explanation with one more remark in its status."""
    status = found.provenance.status
    return replace(
        found, provenance=replace(found.provenance, status=remark if status == "ok" else f"{remark}; {status}")
    )


class _Plan:
    """Parts of the most that a request allows."""

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
        """Of all masks; a tower that is enumerated stays so."""
        if self.joint:
            return replace(self.request, budget=max(1, round(share * self.masks[0])))
        image, text = (
            m if m == 2 ** min(n, 62) and m <= 1024 else max(2, round(share * m / 2) * 2)
            for m, n in zip(self.masks, self.shape, strict=True)
        )
        return replace(self.request, budget=None, image_masks=image, text_masks=text)

    def first(self) -> float:
        """The smallest share to begin with."""
        share = 1 / SMALLEST
        while share < 1:
            try:
                self.passes(self.part(share))
            except BudgetError:
                share *= 2
            else:
                break
        return share
