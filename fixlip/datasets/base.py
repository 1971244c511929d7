"""Items of data sets: a picture, its captions, and the places of the things that the captions name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from PIL import Image

from fixlip.io.images import open_image
from fixlip.players.base import Box

Fault = Literal["unreadable picture", "no annotation", "empty caption", "duplicate", "malformed"]


@dataclass(frozen=True)
class GroundedObject:
    """A thing that a caption names.

    Attributes:
        name: its kind or class; what results are grouped by.
        boxes: left, top, right, bottom in pixels of the upright picture; several where one phrase means several
            things; none where it is not known where the thing is.
        span: start and end character of its words in the caption.
    """

    name: str
    boxes: tuple[Box, ...]
    span: tuple[int, int]


@dataclass(frozen=True)
class Caption:
    """A caption, and the things that it names."""

    text: str
    objects: tuple[GroundedObject, ...] = ()


@dataclass(frozen=True, eq=False)
class Item:
    """One picture with its captions.

    Attributes:
        id: unique in the data set and the same in every run.
        picture: a file, or a picture that is made of others or drawn; see `open`.
        captions: at least one; all describe the picture.
        foil: a caption that is wrong in one place, where the data set has one: its objects are the wrong words (without
            boxes), those of the true caption the words in whose place they are.
    """

    id: str
    picture: Path | Image.Image
    captions: tuple[Caption, ...]
    foil: Caption | None = None

    def open(self) -> Image.Image:
        """The upright RGB picture.

        Raises:
            InputError: no such file, not a picture, or a damaged one.
        """
        return open_image(self.picture)


@dataclass(frozen=True)
class BadItem:
    """An entry of a data set that cannot be used: its `id`, the kind of fault, and what is wrong, in a sentence."""

    id: str
    fault: Fault
    reason: str


class Dataset(Protocol):
    """Items by number, in an order that is the same in every run; pictures are opened one at a time."""

    name: str

    def __len__(self) -> int:
        """Number of items, bad ones included."""

    def __getitem__(self, index: int) -> Item | BadItem:
        """The item; IndexError beyond the last."""
