"""Words by which captions call the 80 categories of COCO, beside their own names: ``assets/coco_words.json``.

The table has singular words for each category, words for people that mean an animal when they go before its name, and
other phrases in which a word of the table means something else (``bus stop``). Words that mostly mean something else
are left out: ``glass`` (panes, spectacles), ``light``.
"""

import json
from functools import cache
from importlib.resources import files


@cache
def synonyms() -> dict[str, str | None]:
    """Word to category, and None for phrases that only look like one; see `spans.Vocabulary`.

    Example:
        >>> [synonyms()[word] for word in ("woman", "baby giraffe", "bus stop")]
        ['person', 'giraffe', None]
    """
    table = json.loads((files("fixlip") / "assets" / "coco_words.json").read_text(encoding="utf-8"))
    words = {word: category for category, listed in table["words"].items() for word in listed}
    animals = {f"{kin} {animal}": animal for animal in table["animals"] for kin in table["kin"]}
    return {**dict.fromkeys(table["other"]), **animals, **words}
