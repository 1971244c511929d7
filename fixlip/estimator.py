"""What an estimator is."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, fields
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from fixlip.errors import OptionError, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixlip.explanation import Explanation
    from fixlip.games.base import SeparableGame

Progress = bool | Callable[[int, int], None] | None
AXIOMS = ("additive", "null player", "symmetry", "linearity", "cross pairs of a bilinear game")


@dataclass(frozen=True)
class Capabilities:
    """What an estimator can do, readable without making one. Every axiom named here is tested.

    Attributes:
        summary: one line.
        index: the interaction indices that it estimates.
        orders: 1, 2 or both.
        cross, within: interactions between, and inside, the modalities.
        gradients: needs a differentiable encoder.
        separable: needs a game of two towers.
        exact: without sampling error once the budget covers all masks.
        axioms: those of `AXIOMS` that it guarantees at full budget.
        cost: in encoder passes.
        source: paper.
    """

    summary: str
    index: tuple[str, ...]
    orders: tuple[int, ...]
    cross: bool
    within: bool
    gradients: bool
    separable: bool
    exact: bool
    axioms: tuple[str, ...]
    cost: str
    source: str


class Estimator(ABC):
    """A frozen dataclass of options, with `capabilities` and `explain`."""

    capabilities: ClassVar[Capabilities]

    def __post_init__(self) -> None:
        """Refuse a value that the annotation of its option does not allow."""
        for name, kind in get_type_hints(type(self)).items():
            if get_origin(kind) is Literal and getattr(self, name) not in get_args(kind):
                raise OptionError(unknown(f"value of {name}", str(getattr(self, name)), map(str, get_args(kind))))
            if kind is float and not isinstance(getattr(self, name), (int, float)):
                raise OptionError(f"{name} is a number, got {getattr(self, name)!r}.")

    @abstractmethod
    def explain(
        self,
        game: "SeparableGame",
        *,
        budget: int | None = None,
        image_masks: int | None = None,
        text_masks: int | None = None,
        seed: int = 0,
        progress: Progress = None,
    ) -> "Explanation":
        """Explain a game.

        Args:
            game: the value function.
            budget: game values to spend (image masks x text masks); None for the estimator's default.
            image_masks, text_masks: passes of each tower, instead of a budget.
            seed: alone fixes the masks.
            progress: None shows a bar on a terminal; True, False, or a function of (done, total) passes.
        """

    def options(self) -> dict[str, Any]:
        """All options by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]


@contextmanager
def tracking(progress: Progress, total: int, label: str) -> "Iterator[Callable[[int], None]]":
    """A function to call with the number of passes just made; see `Estimator.explain` for `progress`."""
    if callable(progress):
        done = 0

        def tick(n: int) -> None:
            nonlocal done
            done += n
            progress(done, total)

        yield tick
        return
    from tqdm import tqdm

    with tqdm(
        total=total, desc=label, unit="pass", disable=None if progress is None else not progress, leave=False
    ) as bar:
        yield lambda n: bar.update(n) and None


def versions() -> dict[str, str]:
    """Of fixlip and of what its numbers depend on."""
    return {name: version(name) for name in ("fixlip", "torch", "numpy")}
