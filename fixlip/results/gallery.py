"""Explanations of different captions or pictures, on one page."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fixlip.arguments import in_order
from fixlip.errors import InputError
from fixlip.results.comparison import table_row
from fixlip.results.explanation import Explanation
from fixlip.results.presentation import Presented
from fixlip.results.tables import Tabular, frame

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Gallery(Presented, Tabular):
    """Explanations of different captions of a picture, or of different pictures.

    The page shows one at a time beside a list, or all side by side; a word chosen in one is chosen wherever it occurs.
    For one caption by several models or estimators take `fixlip.Comparison`, which matches words by their characters.

    Attributes:
        explanations: the explanations, in the order of the page.
        labels: a label for each; the captions when none are given.
        title: title of the page; the numbers of captions and pictures when empty.
        shared_scale: whether a colour means the same value in all of them at first; the page can switch. False where
            units differ, or where effects are in "relevance".

    Raises:
        InputError: there are no explanations, or not a label for each.

    Example:
        >>> import fixlip
        >>> from fixlip.datasets.scenes import make_scene
        >>> image = make_scene(4, names=("dog", "umbrella")).image
        >>> captions = ["a dog", "an umbrella", "a dog and a bus"]
        >>> options = {"model": "demo-clip", "image_masks": 64, "progress": False}
        >>> found = Gallery(tuple(fixlip.explain_many([image], captions, pairs="all", **options)))
        >>> found
        Gallery('3 captions of one picture')
        >>> [row["label"] for row in found.table()]
        ['a dog', 'an umbrella', 'a dog and a bus']
        >>> found.to_html().startswith("<!doctype html>")
        True
    """

    explanations: tuple[Explanation, ...]
    labels: tuple[str, ...] = ()
    title: str = ""
    shared_scale: bool = True

    def __post_init__(self) -> None:
        explanations = tuple(in_order("explanations", self.explanations))
        labels = tuple(in_order("labels", self.labels)) or tuple(e.players.caption for e in explanations)
        if not explanations or len(explanations) != len(labels):
            raise InputError(f"{len(explanations)} explanations with {len(labels)} labels; give one each.")
        one_scale = len({e.unit for e in explanations}) == 1 and explanations[0].unit != "relevance"
        filled = {"explanations": explanations, "labels": labels, "title": self.title or _title(explanations)}
        for name, value in (filled | {"shared_scale": self.shared_scale and one_scale}).items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"Gallery({self.title!r})"

    def __len__(self) -> int:
        return len(self.explanations)

    def __iter__(self) -> Iterator[tuple[str, Explanation]]:
        return iter(zip(self.labels, self.explanations, strict=True))

    def __getitem__(self, label: str | int) -> Explanation:
        return self.explanations[self.labels.index(label) if isinstance(label, str) else label]

    def table(self) -> list[dict[str, Any]]:
        """Return one row for each explanation: that of `fixlip.Comparison.table`, with the caption."""
        return [{**table_row(label, e), "caption": e.players.caption} for label, e in self]

    def to_pandas(self) -> "pandas.DataFrame":
        """Return `table` as a table of pandas.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame(self.table())


def _title(explanations: tuple[Explanation, ...]) -> str:
    captions = len({e.players.caption for e in explanations})
    pictures = {None if (p := e.players.picture) is None else (p.shape, p.tobytes()) for e in explanations}
    return f"{_count(captions, 'caption')} of {_count(len(pictures), 'picture')}"


def _count(n: int, noun: str) -> str:
    return f"one {noun}" if n == 1 else f"{n} {noun}s"
