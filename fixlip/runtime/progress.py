"""Progress of a run: a bar on the terminal, a function of the caller, or nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = bool | Callable[[int, int], None] | None


class Tracker:
    """A count of the passes made so far.

    Args:
        show: called with (done, total, note) whenever one of them changes.
        total: the number of passes to make.
    """

    def __init__(self, show: Callable[[int, int, str], object], total: int) -> None:
        self.show, self.total, self.done, self.note = show, total, 0, ""

    def tick(self, passes: int) -> None:
        """Count passes that were just made."""
        self.done += passes
        self.show(self.done, self.total, self.note)

    def restart(self, total: int, note: str = "") -> None:
        """Start counting again, for the next round of passes."""
        self.done, self.total, self.note = 0, total, note


@contextmanager
def tracking(progress: Progress, total: int, label: str, unit: str = "pass") -> Iterator[Tracker]:
    """Yield the tracker of a run that counts in `unit`; see `fixlip.estimator.Estimator.explain` for `progress`."""
    if callable(progress):
        given = progress
        yield Tracker(lambda done, total, note: given(done, total), total)
        return
    from tqdm import tqdm

    disable = None if progress is None else not progress
    with tqdm(total=total, desc=label, unit=unit, disable=disable, leave=False) as bar:

        def show(done: int, total: int, note: str) -> None:
            if done < bar.n or bar.total != total:
                bar.reset(total)
            bar.set_postfix_str(note, refresh=False)
            bar.update(done - bar.n)

        yield Tracker(show, total)
