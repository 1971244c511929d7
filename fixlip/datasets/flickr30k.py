"""Flickr30k Entities: five captions for each picture, with phrases that are linked to boxes."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten
from typing import NamedTuple
from xml.etree.ElementTree import Element

from fixlip.datasets.base import BadItem, Box, Caption, GroundedObject, Item
from fixlip.datasets.boxes import FARTHEST, clipped, orientation_of, turned
from fixlip.datasets.options import texts
from fixlip.datasets.reading import folder, has_words, lines_of, place_of, root_folder, text_of, within, xml_of
from fixlip.errors import InputError

PHRASE = re.compile(r"\[/EN#(?P<chain>\d+)/(?P<types>[^\s\[\]]+)\s+(?P<words>[^\[\]]*[^\[\]\s])\s*\]")
SENTENCES, ANNOTATIONS = "Sentences", "Annotations"  # folders
NOT_VISUAL = "0"  # the chain of phrases that mean nothing one could see


class Phrase(NamedTuple):
    """A phrase of a caption: its chain of coreference, its first type, and its start and end character."""

    chain: str
    type: str
    span: tuple[int, int]


def read_caption(line: str) -> tuple[str, list[Phrase]]:
    """The plain caption of a line with marked phrases, with one space between words, and its phrases.

    Raises:
        InputError: a bracket is not part of a well-formed phrase.

    Example:
        >>> read_caption("[/EN#7/people A man] waits .")
        ('A man waits .', [Phrase(chain='7', type='people', span=(0, 5))])
    """
    text, phrases, end = "", [], 0
    line = " ".join(line.split())
    for match in PHRASE.finditer(line):
        text += line[end : match.start()]
        span = (len(text), len(text) + len(match["words"]))
        phrases.append(Phrase(match["chain"], match["types"].split("/")[0], span))
        text, end = text + match["words"], match.end()
    text += line[end:]
    if "[" in text or "]" in text:
        raise InputError(f"A phrase is not of the form [/EN#chain/type words]: {line!r}.")
    return text, phrases


class Flickr30k:
    """One item for each picture of a split, in its order, with all of its captions.

    Read are ``{split}.txt``, ``Sentences/{id}.txt``, ``Annotations/{id}.xml`` and ``flickr30k-images/{id}.jpg``. The
    captions are tokenised as in the data set (``a man 's hat .``). The objects of a caption are the things its phrases
    mean (chains of coreference): one object for each, with all of its boxes, at its first phrase. Its `name` is the
    first type of that phrase: people, clothing, bodyparts, animals, vehicles, instruments, scene or other. Phrases of
    the type "notvisual" are no objects; a thing that is the whole scene or is not in the picture has no boxes.

    Boxes of the files count pixels from 1 and include the last one; here they are edges. They are cut off at the edge
    of the picture, and turn with one that is stored on its side (`boxes.orientation_of`). An empty caption among others
    is left out.

    Faults: "no annotation" (no sentences or no XML for a picture), "empty caption" (no caption with words), "duplicate"
    (an id again in the split; its id here ends in ``#2``), "malformed" (one of its two files).

    Source: Plummer et al., Flickr30k Entities (2017), github.com/BryanPlummer/flickr30k_entities.

    Args:
        root: folder with ``Sentences``, ``Annotations`` and the pictures.
        split: test, val or train: the file with the ids; "all" takes every file of ``Sentences``, sorted.
        pictures: folder of the pictures, relative to `root`.

    Raises:
        InputError: a folder or the file of the split is missing.
    """

    def __init__(self, root: str | Path, *, split: str = "test", pictures: str = "flickr30k-images") -> None:
        texts(split=split, pictures=pictures)
        root = root_folder(root, "the root of Flickr30k Entities")
        self.name = f"flickr30k {split}"
        self._root, self._place = root, place_of(root, pictures)
        sentences = folder(within(root, SENTENCES), "the captions of Flickr30k Entities")
        folder(within(root, ANNOTATIONS), "the boxes of Flickr30k Entities")
        folder(within(*self._place), "the pictures of Flickr30k")
        if split == "all":
            self._ids = sorted(path.stem for path in sentences.glob("*.txt"))
        else:
            self._ids = lines_of(within(root, f"{split}.txt"))
        if not self._ids:
            raise InputError(f"The split {split!r} of {str(root)!r} has no pictures.")
        times: Counter[str] = Counter()
        self._times = []  # the how-manieth time that the split has this id
        for key in self._ids:
            times[key] += 1
            self._times.append(times[key])

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> Item | BadItem:
        key, times = self._ids[index], self._times[index]
        if times > 1:
            return BadItem(f"{key}#{times}", "duplicate", f"The split has the picture {key} again.")
        try:
            sentences = within(self._root, SENTENCES, f"{key}.txt")
            annotation = within(self._root, ANNOTATIONS, f"{key}.xml")
            picture = within(*self._place, f"{key}.jpg")
        except InputError as error:
            return BadItem(key, "malformed", str(error))
        for path in (sentences, annotation):
            if not os.path.isfile(path):
                return BadItem(key, "no annotation", f"No {path.parent.name}/{path.name}.")
        try:
            captions = [(text, phrases) for text, phrases in _captions(sentences) if has_words(text)]
            boxes = _boxes(annotation, picture)
        except InputError as error:
            return BadItem(key, "malformed", str(error))
        if not captions:
            return BadItem(key, "empty caption", f"No caption with words in {sentences.parent.name}/{sentences.name}.")
        return Item(key, picture, tuple(_grounded(text, phrases, boxes) for text, phrases in captions))


def _captions(path: Path) -> Iterator[tuple[str, list[Phrase]]]:
    for i, line in enumerate(text_of(path).split("\n"), start=1):
        try:
            yield read_caption(line)
        except InputError as error:
            raise InputError(f"{str(path)!r}, line {i}: {error}") from error


def _grounded(text: str, phrases: list[Phrase], boxes: dict[str, tuple[Box, ...]]) -> Caption:
    objects: dict[str, GroundedObject] = {}
    for chain, kind, span in phrases:
        if chain != NOT_VISUAL and kind != "notvisual" and chain not in objects:
            objects[chain] = GroundedObject(kind, boxes.get(chain, ()), span)
    return Caption(text, tuple(objects.values()))


def _boxes(path: Path, picture: Path) -> dict[str, tuple[Box, ...]]:
    """The boxes of each chain; one box may be of several chains."""
    root = xml_of(path)

    def number(element: Element, tag: str) -> int:
        text = element.findtext(tag)
        try:
            value = int(text or "")
        except ValueError as error:
            raise InputError(f"{str(path)!r}: <{tag}> is not a whole number: {shorten(repr(text), 80)}.") from error
        if abs(value) > FARTHEST:
            raise InputError(f"{str(path)!r}: <{tag}> is larger than any picture.")
        return value

    size = (number(root, "size/width"), number(root, "size/height"))
    by_chain: dict[str, list[Box]] = defaultdict(list)
    for element in root.iterfind("object"):
        if element.find("bndbox") is None:
            continue
        left, top, right, bottom = (number(element, f"bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax"))
        if box := clipped((left - 1, top - 1, right, bottom), size):
            for name in element.iterfind("name"):
                by_chain[(name.text or "").strip()].append(box)
    orientation = orientation_of(picture, size)
    return {chain: turned(boxes, orientation, size) for chain, boxes in by_chain.items()}
