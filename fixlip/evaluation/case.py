"""All that a metric may look at: one item, explained by one estimator and model."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fixlip.datasets.base import Box, Caption, GroundedObject, Item
from fixlip.games.counted import CountedGame
from fixlip.results.explanation import Explanation

if TYPE_CHECKING:
    from fixlip.encoders.base import DualEncoder, ImageInput

EDGE = 0.005  # of a side: an object that comes so near to it is cut


@dataclass(frozen=True)
class SeenObject:
    """A thing that the caption names, as the model sees it.

    Attributes:
        name, span: as in the data set.
        boxes: in fractions (0..1) of what the model sees.
        cut: whether it touches the border, or the model sees only a part of it.
    """

    name: str
    span: tuple[int, int]
    boxes: tuple[Box, ...]
    cut: bool


def seen_objects(objects: Sequence[GroundedObject], visible: Box) -> tuple[SeenObject, ...]:
    """Objects with a box in the part of the picture that the model sees (left, top, right, bottom; pixels)."""
    seen = []
    for thing in objects:
        boxes = [_fractions(box, visible) for box in thing.boxes]
        inside = tuple(box for box in map(_clipped, boxes) if box[0] < box[2] and box[1] < box[3])
        cut = any(min(box[:2]) < EDGE or max(box[2:]) > 1 - EDGE for box in boxes)
        if inside:
            seen.append(SeenObject(thing.name, thing.span, inside, cut))
    return tuple(seen)


def _fractions(box: Box, visible: Box) -> Box:
    left, top, right, bottom = visible
    (x0, y0, x1, y1), width, height = box, right - left, bottom - top
    return (x0 - left) / width, (y0 - top) / height, (x1 - left) / width, (y1 - top) / height


def _clipped(box: Box) -> Box:
    x0, y0, x1, y1 = (min(max(value, 0.0), 1.0) for value in box)
    return x0, y0, x1, y1


@dataclass(frozen=True)
class Case:
    """One explanation with its surroundings.

    Attributes:
        item, caption: what is explained.
        explanation: the answer.
        game: what all estimators are scored on.
        encoder, image: the model, and the picture prepared for it.
        again: explains anew, with `text`, `encoder` or `seed` in the place of those of the explanation.
        shared: what estimators of the same item and model have in common, computed once.
    """

    item: Item
    caption: Caption
    explanation: Explanation
    game: CountedGame
    encoder: "DualEncoder"
    image: "ImageInput"
    again: Callable[..., Explanation]
    shared: dict[Hashable, Any]

    @cached_property
    def objects(self) -> tuple[SeenObject, ...]:
        """The things that the caption names and that the model sees and reads."""
        seen = seen_objects(self.caption.objects, self.image.visible)
        read = [player.span for player in self.explanation.players.text if player.span is not None]
        return tuple(o for o in seen if any(start < o.span[1] and o.span[0] < end for start, end in read))

    def once(self, what: Hashable, compute: Callable[[], Any]) -> Any:
        """The result of a function that does not depend on the estimator."""
        if what not in self.shared:
            self.shared[what] = compute()
        return self.shared[what]
