"""Hard-negative captions: a true caption of each picture, and one that is wrong in a few words."""

import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

from fixlip.datasets.base import BadItem, Caption, GroundedObject, Item
from fixlip.datasets.options import at_least, texts
from fixlip.datasets.reading import folder, has_words, json_of, place_of, within
from fixlip.errors import InputError
from fixlip.players.base import MAX_CAPTION

FIELDS = (  # what formats call the picture's file, the true caption and the wrong one
    ("image", "filename", "image_file"),
    ("caption", "positive_caption"),
    ("foil", "negative_caption"),
)
WORD = re.compile(r"\w+(?:['’-]\w+)*")


def differing(true: str, wrong: str) -> tuple[Caption, Caption]:
    """Return both captions, with the runs of words in which they differ as objects without boxes.

    Words are compared without regard to case and punctuation; a swap of two words differs in both places. Words that
    the wrong caption has in addition have nothing in the true one that stands in their place.

    Example:
        >>> first, second = differing("A dog on a mat.", "A cat on a mat.")
        >>> first.objects[0].name, second.objects[0].span
        ('dog', (2, 5))
    """
    a, b = list(WORD.finditer(true)), list(WORD.finditer(wrong))
    matcher = SequenceMatcher(None, _words(true), _words(wrong), autojunk=False)
    changes = [change for change in matcher.get_opcodes() if change[0] != "equal"]
    return (
        Caption(true, _runs(true, a, [(start, end) for _, start, end, _, _ in changes])),
        Caption(wrong, _runs(wrong, b, [(start, end) for _, _, _, start, end in changes])),
    )


def _words(text: str) -> list[str]:
    return [word.casefold() for word in WORD.findall(text)]


def _runs(text: str, words: list[re.Match[str]], ranges: list[tuple[int, int]]) -> tuple[GroundedObject, ...]:
    spans = [(words[start].start(), words[end - 1].end()) for start, end in ranges if end > start]
    return tuple(GroundedObject(text[slice(*span)], (), span) for span in spans)


class Record(NamedTuple):
    """One entry of a file: its id here, where it is, and what it says; None where the field is not there."""

    id: str
    place: str
    image: Any
    caption: Any
    foil: Any


class Foils:
    """One item for each pair of a true and a wrong caption, in the order of the files.

    A file is a JSON list of records, or an object of records by their ids. A record has the picture's file (`image`,
    `filename` or `image_file`), the true caption (`caption` or `positive_caption`), the wrong one (`foil` or
    `negative_caption`), and in a list an `id` if it likes. So SugarCREPE and VALSE are read as they are. The differing
    words are found by comparing the captions word by word (`differing`).

    Faults: "no annotation" (a record without a wrong caption), "empty caption", "duplicate" (an id again, which here
    ends in ``#2``, or the same picture and captions again), "malformed" (other fields, or captions that do not differ).

    Source: Hsieh et al., SugarCREPE (2023), github.com/RAIVNLab/sugar-crepe; Parcalabescu et al., VALSE (2022),
    github.com/Heidelberg-NLP/VALSE, which asks for the records that two of three annotators confirmed.

    Args:
        root: a JSON file, or a folder with several of them, taken in the order of their names.
        pictures: folder of the pictures, absolute or relative to that of the files; that itself when None.
        votes: records with ``mturk`` votes and fewer than this for the caption are not part of the data set.

    Raises:
        InputError: a file or folder is missing or malformed.
        OptionError: a value outside its range.
    """

    def __init__(self, root: str | Path, *, pictures: str | None = None, votes: int = 2) -> None:
        at_least(0, votes=votes)
        texts(pictures=pictures)
        root = Path(os.path.expanduser(root))
        here = root.parent if os.path.isfile(root) else folder(root, "JSON files with captions and foils")
        files = [root] if here != root else [within(root, path.name) for path in sorted(root.glob("*.json"))]
        self.name = f"foils {root.stem}"
        self._place = place_of(here, pictures or "")
        folder(within(*self._place), "the pictures of the foils")
        self._entries = list(self._entered(record for path in files for record in _records(path, votes)))
        if not self._entries:
            raise InputError(f"{str(root)!r} has no records with a caption and a foil.")

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Item | BadItem:
        entry = self._entries[index]
        if isinstance(entry, BadItem):
            return entry
        try:
            picture = within(*self._place, entry.image)
        except InputError as error:
            return BadItem(entry.id, "malformed", str(error))
        true, wrong = differing(entry.caption, entry.foil)
        return Item(entry.id, picture, (true,), wrong)

    @staticmethod
    def _entered(records: Iterator[Record]) -> Iterator[Record | BadItem]:
        times: Counter[str] = Counter()
        seen: dict[tuple[str, str, str], str] = {}
        for record in records:
            times[record.id] += 1
            what = (record.image, record.caption, record.foil)
            if times[record.id] > 1:
                yield BadItem(f"{record.id}#{times[record.id]}", "duplicate", f"{record.place} has its id again.")
            elif bad := _fault(record):
                yield bad
            elif what in seen:
                yield BadItem(record.id, "duplicate", f"{record.place} says the same as {seen[what]}.")
            else:
                seen[what] = record.place
                yield record


def _fault(record: Record) -> BadItem | None:
    if record.foil is None:
        return BadItem(record.id, "no annotation", f"{record.place} has no {' or '.join(FIELDS[2])}.")
    for what, value in (("image", record.image), ("caption", record.caption), ("foil", record.foil)):
        if not isinstance(value, str) or (what == "image" and not value):
            return BadItem(record.id, "malformed", f"{record.place} has no text for its {what}.")
    if not has_words(record.caption) or not has_words(record.foil):
        return BadItem(record.id, "empty caption", f"{record.place} has a caption without words.")
    if max(len(record.caption), len(record.foil)) > MAX_CAPTION:
        return BadItem(record.id, "malformed", f"{record.place} has a caption of more than {MAX_CAPTION} characters.")
    if _words(record.caption) == _words(record.foil):
        return BadItem(record.id, "malformed", f"{record.place} has a foil that says the same as the caption.")
    return None


def _records(path: Path, votes: int) -> Iterator[Record]:
    document = json_of(path)
    if not isinstance(document, (list, dict)):
        raise InputError(f"{str(path)!r} is neither a list nor an object of records.")
    keyed = document if isinstance(document, dict) else dict(enumerate(document))
    for key, entry in keyed.items():
        fields = entry if isinstance(entry, dict) else {"foil": ""}  # which is malformed
        if _votes(fields) < votes:
            continue
        name = fields.get("id", key) if isinstance(document, list) else key
        image, caption, foil = (next((fields[n] for n in names if n in fields), None) for names in FIELDS)
        yield Record(f"{path.stem}/{name}", f"{path.name}[{key!r}]", image, caption, foil)


def _votes(fields: dict[str, Any]) -> float:
    votes = fields["mturk"].get("caption") if isinstance(fields.get("mturk"), dict) else None
    return votes if isinstance(votes, int) else math.inf
