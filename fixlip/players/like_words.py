"""Words of one kind in a caption, and captions in which two of them change places."""

import re
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from fixlip.errors import InputError

KINDS = {
    "colour": "red orange yellow green blue purple violet pink brown black white grey gray golden silver turquoise",
    "size": "small big large little tiny huge giant tall short long wide narrow",
    "age": "old young new",
    "material": "wooden metal plastic glass stone brick leather paper",
    "state": "open closed full empty wet dry clean dirty hot cold",
    "number": "one two three four five six seven eight nine ten",
}
KIND_OF = {word: kind for kind, words in KINDS.items() for word in words.split()}
VOWELS = "aeiou"


class Exchange(NamedTuple):
    """A caption in which two words have changed places: the words, in the order of the true caption, and the text."""

    words: tuple[str, str]
    caption: str


def exchanges(caption: str, pairs: Iterable[tuple[str, str]] | None = None) -> list[Exchange]:
    """Exchange each pair of like words of a caption, and see to "a" and "an".

    Args:
        caption: the true caption.
        pairs: words or phrases to exchange; None for all pairs of different words that are both colours, sizes, ages,
            materials, states or numbers.

    Raises:
        InputError: there is nothing to exchange, or a word is not in the caption.

    Example:
        >>> [found.caption for found in exchanges("An orange cat and a black dog")]
        ['A black cat and an orange dog']
        >>> exchanges("a cat on a mat", [("cat", "mat")])[0].caption
        'a mat on a cat'
    """
    if pairs is None:
        spans = list(combinations(_like(caption), 2))
        chosen = [(one, other) for (kind, one), (same, other) in spans if kind == same]
    else:
        chosen = [tuple(sorted((_place(caption, one), _place(caption, other)))) for one, other in pairs]  # type: ignore[misc]
    found = dict[str, Exchange]()
    for one, other in chosen:
        words = caption[slice(*one)], caption[slice(*other)]
        if words[0].casefold() != words[1].casefold():
            made = Exchange(words, exchanged(caption, one, other))
            found.setdefault(made.caption, made)
    if not found:
        raise InputError(
            f"{caption!r} has no two different words of one kind ({', '.join(KINDS)}); give pairs=[('dog', 'cat')]."
        )
    return list(found.values())


def exchanged(caption: str, one: tuple[int, int], other: tuple[int, int]) -> str:
    """Exchange the characters of two spans, the first one first."""
    if one[1] > other[0]:
        raise InputError(f"{caption[slice(*one)]!r} and {caption[slice(*other)]!r} overlap.")
    first, second = caption[slice(*one)], caption[slice(*other)]
    if one[0] == 0 and first[:1].isupper():
        first, second = first[:1].lower() + first[1:], second[:1].upper() + second[1:]
    before, between, after = caption[: one[0]], caption[one[1] : other[0]], caption[other[1] :]
    return _article(before, second) + second + _article(between, first) + first + after


def _like(caption: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the kind and the span of each word that has one."""
    for match in re.finditer(r"(?<![\w-])\w+(?![\w-])", caption):
        if match[0].casefold() in KIND_OF:
            yield KIND_OF[match[0].casefold()], match.span()


def _place(caption: str, words: str) -> tuple[int, int]:
    match = re.search(rf"(?<!\w){re.escape(words)}(?!\w)", caption, re.IGNORECASE) if words else None
    if match is None:
        raise InputError(f"{words!r} is not in the caption {caption!r}.")
    return match.span()


def _article(before: str, word: str) -> str:
    """Return the text before a word with the article that the word needs, where it ends in one."""
    match = re.search(r"(?<!\w)(an?)(\s+)$", before, re.IGNORECASE)
    if match is None:
        return before
    article = match[1][0] + ("n" if word[:1].lower() in VOWELS else "")
    return before[: match.start()] + article + match[2]
