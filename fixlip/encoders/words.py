"""From the tokens of a tokenizer back to the characters of the caption as typed, and on to its words."""

import re
from difflib import SequenceMatcher
from unicodedata import category

Span = tuple[int, int]

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]|[^\s{_CJK}]+")


def words_of(text: str) -> list[Span]:
    """Spans of the words: runs without white space, and single characters of Chinese, Japanese and Korean.

    Example:
        >>> words_of("a dog, 猫")
        [(0, 1), (2, 6), (7, 8)]
    """
    return [match.span() for match in _WORD.finditer(text)]


def word_label(text: str, span: Span) -> str:
    """A word without the punctuation around it, or as it is where it has nothing else.

    Example:
        >>> word_label("a dog, a cat", (2, 6))
        'dog'
    """
    word = text[slice(*span)]
    punctuation = "".join({c for c in word if category(c).startswith("P")})
    return word.strip(punctuation) or word


def group_into_words(text: str, tokens: tuple[Span, ...]) -> list[tuple[Span, tuple[int, ...]]]:
    """For each word the indices of its tokens; a token over several words joins them.

    Tokens that stand for no character (an accent that the tokenizer split off, say) go with the token before.

    Returns:
        Word span and token indices, in reading order. Words without a token are left out.
    """
    words = words_of(text)
    groups: list[tuple[Span, tuple[int, ...]]] = []
    for index, (start, end) in enumerate(tokens):
        touched = [w for w in words if w[0] < end and start < w[1]]
        if groups and (not touched or touched[0][0] < groups[-1][0][1]):
            (first, last), members = groups[-1]
            groups[-1] = ((first, max([last] + [w[1] for w in touched])), (*members, index))
        else:
            span = (touched[0][0], touched[-1][1]) if touched else (start, end)
            groups.append((span, (index,)))
    return groups


def align(cleaned: str, original: str) -> list[int]:
    """For each character of a cleaned text the index of the character of the original that it comes from.

    Tokenizers lower-case, strip, mend and canonicalise before they tokenise. Characters that the cleaning made up take
    the place of their neighbour to the left.
    """
    new, old = _lowered(cleaned), _lowered(original)
    matcher = SequenceMatcher(None, [c for c, _ in new], [c for c, _ in old], autojunk=False)
    places = [-1] * len(cleaned)
    for a, b, size in matcher.get_matching_blocks():
        for (_, to), (_, source) in zip(new[a : a + size], old[b : b + size], strict=True):
            places[to] = source
    previous = 0
    for k, place in enumerate(places):
        places[k] = previous = place if place >= 0 else previous
    return places


def _lowered(text: str) -> list[tuple[str, int]]:
    """The characters of the lower-cased text, each with the index of the character that it comes from."""
    return [(low, i) for i, char in enumerate(text) for low in char.lower()]
