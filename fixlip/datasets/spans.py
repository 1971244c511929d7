"""Words of a caption that name a category: plurals, synonyms, whole words only, the longest name first."""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from fixlip.datasets.base import Caption, GroundedObject
from fixlip.players.base import Box

IRREGULAR = {
    "calf": "calves",
    "child": "children",
    "elf": "elves",
    "fish": "fish",
    "foot": "feet",
    "fungus": "fungi",
    "goose": "geese",
    "half": "halves",
    "hoof": "hooves",
    "knife": "knives",
    "leaf": "leaves",
    "loaf": "loaves",
    "mouse": "mice",
    "ox": "oxen",
    "person": "people",
    "potato": "potatoes",
    "scarf": "scarves",
    "scissors": "scissors",
    "sheep": "sheep",
    "shelf": "shelves",
    "skis": "skis",
    "tomato": "tomatoes",
    "tooth": "teeth",
    "wife": "wives",
    "wolf": "wolves",
}


def plural(name: str) -> str:
    """The plural of an English noun or of a phrase that ends in one.

    Example:
        >>> [plural(n) for n in ("dog", "wine glass", "butterfly", "policeman", "teddy bear", "knife", "donut")]
        ['dogs', 'wine glasses', 'butterflies', 'policemen', 'teddy bears', 'knives', 'donuts']
    """
    *before, word = name.split(" ")
    lower = word.lower()
    if lower in IRREGULAR:
        word = IRREGULAR[lower]
    elif lower.endswith("man") and lower not in ("human", "german", "ottoman", "roman"):
        word = word[:-2] + "en"
    elif lower.endswith(("s", "x", "z", "ch", "sh")):
        word += "es"
    elif lower.endswith("y") and lower[-2:-1] not in tuple("aeiou"):
        word = word[:-1] + "ies"
    else:
        word += "s"
    return " ".join([*before, word])


class Mention(NamedTuple):
    """A category, and the start and end character of the words that name it."""

    name: str
    span: tuple[int, int]


class Vocabulary:
    """The words for categories.

    A name matches whole words only, in either number and any case; its words may be joined by spaces or by a hyphen
    (``hot-dog``). A part of a hyphenated word is no match (no ``man`` in ``man-made``). From left to right the longest
    name wins: ``hot dog`` is no ``dog``.

    Args:
        names: the categories themselves.
        synonyms: other words for them: word to category; None as category keeps its words from matching anything
            (``bus stop`` is no ``bus``). Those of categories that are not in `names` do not count; a category's own
            name goes before a synonym.

    Example:
        >>> words = Vocabulary(["dog", "hot dog", "person"], {"woman": "person", "dog house": None})
        >>> words.find("Women, a hot-dog, a dog house")
        [Mention(name='person', span=(0, 5)), Mention(name='hot dog', span=(9, 16))]
    """

    def __init__(self, names: Iterable[str], synonyms: Mapping[str, str | None] | None = None) -> None:
        categories = {_normal(name): name for name in names if _normal(name)}
        named = set(categories.values())
        others = {_normal(w): c for w, c in (synonyms or {}).items() if c is None or c in named}
        forms: dict[str, str | None] = {}
        for table in (others, categories):  # the later go before the earlier
            forms |= {plural(word).lower(): category for word, category in table.items()}
            forms |= table
        self.forms = forms

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self.forms, key=lambda form: (-len(form), form))
        either = "|".join(re.escape(form).replace(r"\ ", r"(?:\s+|-)") for form in longest_first)
        return re.compile(rf"(?<!\w)(?<!\w-)(?:{either})(?!\w|-\w)" if either else r"(?!)", re.IGNORECASE)

    def find(self, text: str) -> list[Mention]:
        """The categories that a text names, in reading order; spans do not overlap."""
        mentions = []
        for match in self._pattern.finditer(text):
            category = self.forms.get(_normal(match[0]))
            if category is not None:
                mentions.append(Mention(category, match.span()))
        return mentions

    def caption(self, text: str, boxes: Mapping[str, tuple[Box, ...]]) -> Caption:
        """The caption with the categories that it names and that have boxes, each at the first words that name it."""
        objects: dict[str, GroundedObject] = {}
        for name, span in self.find(text):
            if name not in objects and boxes.get(name):
                objects[name] = GroundedObject(name, boxes[name], span)
        return Caption(text, tuple(objects.values()))


def _normal(name: str) -> str:
    return " ".join(re.findall(r"[^\s-]+", name.lower()))
