"""Tables in memory as data: a `datasets.Dataset`, a data frame, or a table of Arrow."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from fixlip.arguments import in_order, plain_number
from fixlip.datasets.base import BadItem, Box, Item
from fixlip.datasets.boxes import clipped, numbers
from fixlip.datasets.coco_words import synonyms
from fixlip.datasets.columns import IMAGES, column_of, columns_of, raw_picture
from fixlip.datasets.reading import has_words
from fixlip.datasets.spans import Vocabulary
from fixlip.errors import InputError, OptionError, unknown
from fixlip.io.images import open_image

CAPTIONS = ("caption", "captions", "text", "texts", "sentence", "sentences", "alt_text", "txt")


class Table:
    """One item for each row of a table, with all of its captions; its `id` is the number of the row.

    The objects of a caption are the categories that it names (`spans.Vocabulary`, `coco_words`) and that have a box in
    the row. Without a column of objects every caption has none, and metrics that need boxes have nothing to measure.

    Faults: "empty caption" (no caption with words), "malformed" (boxes that are not four numbers, or not as many as
    categories), "unreadable picture" (the row itself cannot be decoded).

    Args:
        rows: a `datasets.Dataset`, a data frame of pandas, or a table of Arrow.
        image: the column of pictures: PIL images, paths, bytes, arrays; the first with a usual name when None.
        caption: the column of captions, a string or several for each picture; likewise.
        objects: a column with the boxes of each picture: ``{"bbox": [...], "category": [...]}``, as data sets of
            detection on the Hugging Face hub have it, or a list of ``{"bbox": ..., "category": ...}``.
        categories: names of the categories, where they are numbers; those that the table has itself when None.
        boxes: "xywh" (left, top, width, height) or "xyxy" (left, top, right, bottom), in pixels of the picture.
        name: what results call the data.

    Raises:
        InputError: a table without rows, one that streams, or several at once.
        OptionError: there is no such column.

    Example:
        >>> import pandas
        >>> data = Table(pandas.DataFrame({"image": ["a.png"], "text": ["a dog"]}))
        >>> len(data), data[0].captions[0].text
        (1, 'a dog')
    """

    def __init__(
        self,
        rows: Any,
        *,
        image: str | None = None,
        caption: str | None = None,
        objects: str | None = None,
        categories: Iterable[str] | None = None,
        boxes: Literal["xywh", "xyxy"] = "xywh",
        name: str = "table",
    ) -> None:
        names = columns_of(rows)
        if not hasattr(rows, "__len__"):
            raise InputError(
                "A data set that streams has no length: take some rows of it, as in "
                "datasets.Dataset.from_list(list(rows.take(500)))."
            )
        if not len(rows):
            raise InputError("The table has no rows.")
        if boxes not in ("xywh", "xyxy"):
            raise OptionError(unknown("form of boxes", str(boxes), ("xywh", "xyxy")))
        self.name, self._rows, self._boxes = name, rows, boxes
        self._image = column_of(names, image, IMAGES, "pictures", "image")
        self._caption = column_of(names, caption, CAPTIONS, "captions", "caption")
        self._objects = column_of(names, objects, (), "objects", "objects") if objects else None
        known = None if categories is None else in_order("categories", categories)
        self._categories: list[str] | None = known or _names(getattr(rows, "features", {}).get(objects))
        self._vocabulary: Vocabulary | None = Vocabulary(self._categories, synonyms()) if self._categories else None

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Item | BadItem:
        if index >= len(self):
            raise IndexError(index)
        key = str(index)
        try:
            row = _row(self._rows, index)
        except Exception as error:  # whatever the decoder of a library raises
            return BadItem(key, "unreadable picture", " ".join(f"{type(error).__name__}: {error}".split()))
        texts = [text.strip() for text in _several(row[self._caption]) if isinstance(text, str) and has_words(text)]
        if not texts:
            return BadItem(key, "empty caption", f"Row {index} has no caption with words.")
        raw = raw_picture(row[self._image])
        try:
            picture = raw if isinstance(raw, Path) else _opened(raw)
        except InputError as error:
            return BadItem(key, "unreadable picture", str(error))
        try:
            found = self._places(row[self._objects], picture) if self._objects else {}
        except (InputError, TypeError, ValueError) as error:
            return BadItem(key, "malformed", f"Row {index}: {error}")
        vocabulary = self._vocabulary or Vocabulary(found, synonyms())
        return Item(key, picture, tuple(vocabulary.caption(text, found) for text in texts))

    def _places(self, objects: Any, picture: Path | Image.Image) -> dict[str, tuple[Box, ...]]:
        """Category -> its boxes, as far as they lie in the picture."""
        size = (math.inf, math.inf) if isinstance(picture, Path) else picture.size
        found: dict[str, tuple[Box, ...]] = {}
        for box, category in _pairs(objects):
            four = numbers([plain_number(edge) for edge in box], 4)
            if four is None:
                raise InputError(f"a box is four numbers, got {box!r}.")
            left, top, third, fourth = four
            edges = (left, top, left + third, top + fourth) if self._boxes == "xywh" else (left, top, third, fourth)
            kept = clipped(edges, size)
            if kept is not None:
                label = self._label(category)
                found[label] = (*found.get(label, ()), kept)
        return found

    def _label(self, category: Any) -> str:
        if isinstance(category, str):
            return category
        if self._categories is None or not 0 <= int(category) < len(self._categories):
            raise InputError(f"the category {category!r} has no name: give categories=.")
        return self._categories[int(category)]


def _row(rows: Any, index: int) -> Mapping[str, Any]:
    if hasattr(rows, "iloc"):
        row: Mapping[str, Any] = rows.iloc[index]
        return row
    if hasattr(rows, "to_pylist"):
        return dict(rows.slice(index, 1).to_pylist()[0])
    return dict(rows[index])


def _several(captions: Any) -> Iterable[Any]:
    if captions is None or isinstance(captions, (str, Mapping)):
        return [captions]
    return list(captions)


def _opened(raw: Any) -> Image.Image:
    if isinstance(raw, InputError):
        raise raw
    return open_image(raw)


def _pairs(objects: Any) -> list[tuple[Any, Any]]:
    """Boxes and their categories."""
    try:
        if isinstance(objects, Mapping):
            return list(zip(objects["bbox"], objects["category"], strict=True))
        return [(thing["bbox"], thing["category"]) for thing in objects]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("objects are as many `bbox` as `category`.") from error


def _names(feature: Any) -> list[str] | None:
    """Names of the categories of a column, where its type has them: `datasets.ClassLabel`, in lists of any kind."""
    if hasattr(feature, "names"):
        return list(feature.names)
    inner = getattr(feature, "feature", None)
    if isinstance(feature, Mapping):
        inner = feature.get("category")
    elif isinstance(feature, list) and feature:
        inner = feature[0]
    return None if inner is None else _names(inner)
