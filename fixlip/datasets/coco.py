"""COCO: captions and boxes of the same pictures, matched by the names of the categories."""

import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from fixlip.datasets.base import BadItem, Box, Item
from fixlip.datasets.boxes import clipped, numbers, orientation_of, turned
from fixlip.datasets.coco_words import synonyms
from fixlip.datasets.options import texts
from fixlip.datasets.reading import entries_of, folder, has_words, json_of, lines_of, place_of, root_folder, within
from fixlip.datasets.spans import Vocabulary
from fixlip.errors import InputError


class Picture(NamedTuple):
    """One entry of ``images``: id, file name, and width and height where it has them."""

    id: str
    file_name: str
    size: tuple[float, float] | None


class Coco:
    """One item for each picture of the captions file, in its order, with all of its captions.

    Read are ``annotations/captions_{split}.json``, ``annotations/instances_{split}.json`` and the pictures in
    ``{split}/``. The objects of a caption are the categories that it names (`spans.Vocabulary`, `coco_words`) and that
    are annotated in the picture: one object for each category, with the boxes of all of its instances, groups
    (``iscrowd``) among them since a word may well mean them; its span is the first words that name it. Categories of
    any other data set in this layout are found by their own names.

    Boxes are cut off at the edge of the picture; those without area are left out. Where a picture is stored on its side
    and the file gives the size as stored, boxes turn with it (`boxes.orientation_of`). An empty caption among others is
    left out.

    Faults: "no annotation" (no instance in the picture), "empty caption" (no caption with words), "duplicate" (an id or
    a file again; an id here then ends in ``#2``), "malformed". An annotation that says no picture is an item of its
    own, at the end.

    Source: Lin et al., Microsoft COCO (2014); Chen et al., Microsoft COCO Captions (2015); data format on
    cocodataset.org.

    Args:
        root: folder with ``annotations`` and the pictures.
        split: val2017, val2014, train2017, ...: part of the file names.
        pictures: folder of the pictures when it is not ``root/{split}``; relative to `root`.
        only: a file with the ids or file names of the pictures to take, one a line; relative to `root`.

    Raises:
        InputError: a file or folder is missing or malformed.
    """

    def __init__(
        self, root: str | Path, *, split: str = "val2017", pictures: str | None = None, only: str | None = None
    ) -> None:
        texts(split=split, pictures=pictures, only=only)
        root = root_folder(root, "the root of a data set in COCO's layout")
        annotations = folder(within(root, "annotations"), "the annotations of COCO")
        self.name = f"coco {split}"
        self._captions_file = _existing(root, annotations, "captions", split)
        instances_file = _existing(root, annotations, "instances", split)
        self._place = place_of(root, pictures) if pictures else (root, split)
        folder(within(*self._place), f"the pictures of {split}")
        captions, instances = json_of(self._captions_file), json_of(instances_file)
        self._categories = _categories(instances, instances_file)
        self._vocabulary = Vocabulary(self._categories.values(), synonyms())
        self._faults: dict[str, str] = {}  # these three by the id of the picture
        self._texts: dict[str, list[str]] = defaultdict(list)
        self._boxes: dict[str, dict[str, list[Box]]] = defaultdict(dict)
        lost = self._read(captions, self._captions_file, self._caption)
        lost += self._read(instances, instances_file, self._instance)
        self._entries: list[Picture | BadItem] = [*self._pictures(captions), *lost]
        if only:
            self._entries = self._chosen(within(*place_of(root, only)))
        if not self._entries:
            raise InputError(f"{str(self._captions_file)!r} has no pictures.")

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Item | BadItem:
        entry = self._entries[index]
        if isinstance(entry, BadItem):
            return entry
        if entry.id in self._faults:
            return BadItem(entry.id, "malformed", self._faults[entry.id])
        texts = [text for text in self._texts.get(entry.id, []) if has_words(text)]
        if not texts:
            return BadItem(entry.id, "empty caption", f"No caption with words for {entry.file_name}.")
        if entry.id not in self._boxes:
            return BadItem(entry.id, "no annotation", f"No instance is annotated in {entry.file_name}.")
        try:
            path = within(*self._place, entry.file_name)
            boxes = self._upright(entry, path)
        except InputError as error:
            return BadItem(entry.id, "malformed", str(error))
        return Item(entry.id, path, tuple(self._vocabulary.caption(text, boxes) for text in texts))

    def _upright(self, entry: Picture, path: Path) -> dict[str, tuple[Box, ...]]:
        size = entry.size or (math.inf, math.inf)
        orientation = orientation_of(path, size) if entry.size else 1
        return {
            name: turned(filter(None, (clipped(box, size) for box in boxes)), orientation, size)
            for name, boxes in self._boxes[entry.id].items()
        }

    def _read(self, document: Any, path: Path, take: Callable[[str, dict[str, Any]], str | None]) -> list[BadItem]:
        """Hand each annotation to `take`, which says what is wrong with it; return those that say no picture."""
        lost = []
        for i, entry in enumerate(entries_of(document, "annotations", path)):
            place = f"{path.name}, annotations[{i}]"
            if not isinstance(entry, dict) or not isinstance(entry.get("image_id"), (int, str)):
                lost.append(BadItem(place, "malformed", f"{place} has no image_id."))
            elif fault := take(str(entry["image_id"]), entry):
                self._faults.setdefault(str(entry["image_id"]), f"{place} {fault}.")
        return lost

    def _caption(self, picture: str, entry: dict[str, Any]) -> str | None:
        if not isinstance(entry.get("caption"), str):
            return "has no text `caption`"
        self._texts[picture].append(entry["caption"].strip())
        return None

    def _instance(self, picture: str, entry: dict[str, Any]) -> str | None:
        box, category = numbers(entry.get("bbox"), 4), entry.get("category_id")
        if box is None:
            return "has no `bbox` of four numbers"
        if type(category) is not int or category not in self._categories:
            return f"has a category_id that is not in categories: {category!r}"
        left, top, width, height = box
        boxes = self._boxes[picture].setdefault(self._categories[category], [])
        boxes.append((left, top, left + width, top + height))
        return None

    def _pictures(self, captions: Any) -> list[Picture | BadItem]:
        pictures: list[Picture | BadItem] = []
        times: Counter[str] = Counter()
        files: dict[str, str] = {}
        for i, entry in enumerate(entries_of(captions, "images", self._captions_file)):
            place = f"{self._captions_file.name}, images[{i}]"
            key, file_name = (entry.get("id"), entry.get("file_name")) if isinstance(entry, dict) else (None, None)
            if not isinstance(key, (int, str)) or not isinstance(file_name, str) or not file_name:
                pictures.append(BadItem(place, "malformed", f"{place} has no `id` and text `file_name`."))
                continue
            times[str(key)] += 1
            if times[str(key)] > 1:
                pictures.append(BadItem(f"{key}#{times[str(key)]}", "duplicate", f"{place} has the id {key} again."))
            elif file_name in files:
                pictures.append(BadItem(str(key), "duplicate", f"{place} has the file of {files[file_name]} again."))
            else:
                files[file_name] = str(key)
                size = numbers([entry.get("width"), entry.get("height")], 2)
                pictures.append(Picture(str(key), file_name, (size[0], size[1]) if size else None))
        return pictures

    def _chosen(self, path: Path) -> list[Picture | BadItem]:
        wanted = set(lines_of(path))
        chosen = [e for e in self._entries if isinstance(e, Picture) and wanted & {e.id, e.file_name}]
        missing = wanted - {name for e in chosen if isinstance(e, Picture) for name in (e.id, e.file_name)}
        if missing:
            raise InputError(f"{str(path)!r} names {min(missing)!r}, which is not in {self._captions_file.name}.")
        return list(chosen)


def _existing(root: Path, annotations: Path, kind: str, split: str) -> Path:
    path = within(root, annotations.name, f"{kind}_{split}.json")
    if not os.path.isfile(path):
        others = sorted(p.stem.removeprefix(f"{kind}_") for p in annotations.glob(f"{kind}_*.json"))
        hint = f" There are the splits {', '.join(others)}: choose one with split=..." if others else ""
        raise InputError(f"No {str(path)!r}.{hint}")
    return path


def _categories(instances: Any, path: Path) -> dict[int, str]:
    categories = {}
    for i, entry in enumerate(entries_of(instances, "categories", path)):
        number, name = (entry.get("id"), entry.get("name")) if isinstance(entry, dict) else (None, None)
        if not isinstance(number, int) or not isinstance(name, str):
            raise InputError(f"{str(path)!r}, categories[{i}]: a category has a number `id` and a text `name`.")
        categories[number] = name
    return categories
