"""Alignment of the characters of a cleaned text with those of the original."""

import re
from difflib import SequenceMatcher
from html import unescape
from unicodedata import normalize

Span = tuple[int, int]
Characters = list[tuple[str, Span]]

QUOTES = str.maketrans("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f", "''''\"\"\"\"")
_ENTITY = re.compile(r"&(?:amp;)*#?\w{1,32};")


def align(cleaned: str, original: str) -> list[Span]:
    """For each character of a cleaned text the characters of the original that it comes from.

    Tokenizers lower-case, strip, mend and canonicalise before they tokenise. Characters that the cleaning made up take
    the place of what it replaced, or else, as spaces do, of their neighbour to the left.

    Returns:
        Start and end of each character of `cleaned`; starts never decrease.

    Example:
        >>> align("é & x", "e\u0301 &amp; X")
        [(0, 2), (0, 2), (3, 8), (3, 8), (9, 10)]
    """
    new = normal(cleaned, spaces=False)
    for entities in (True, False):
        old = normal(original, spaces=False, entities=entities)
        here, there = _shared(new, old)
        one, other = ([chars[k][0] for k in places] for chars, places in ((new, here), (old, there)))
        if one == other or not _ENTITY.search(original):
            break
    blocks = [(0, 0, len(one))]  # as nearly always; to look for others takes the square of the length
    if one != other:
        blocks = [(a, b, n) for a, b, n in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()]
    same = [(here[a + k], there[b + k]) for a, b, size in blocks for k in range(size)]
    pairs: list[tuple[int, Span]] = []
    i = j = 0
    for a, b in [*same, (len(new), len(old))]:
        for k in range(i, a if j < b else i):  # spread what has no like over what is between
            first = j + (k - i) * (b - j) // (a - i)
            last = max(first, j + (k - i + 1) * (b - j) // (a - i) - 1)
            pairs.append((new[k][1][0], (old[first][1][0], old[last][1][1])))
        pairs += [(to, span) for (_, (to, _)), (_, span) in zip(new[a : a + 1], old[b : b + 1], strict=True)]
        i, j = a + 1, b + 1
    found: dict[int, Span] = {}
    for to, (start, end) in pairs:
        first, last = found.get(to, (start, end))
        found[to] = (min(first, start), max(last, end))
    lead = min(len(original) - len(original.lstrip()), max(len(original) - 1, 0))
    before = min(found.values(), default=(lead, lead + 1))
    return [before := found.get(k, before) for k in range(len(cleaned))]


def normal(text: str, *, spaces: bool = True, entities: bool = False) -> Characters:
    """Caseless, decomposed characters with plain spaces and quotes, each with the characters that it comes from."""
    units = [(char, (i, i + 1)) for i, char in enumerate(text)]
    for match in reversed([*_ENTITY.finditer(text)] if entities else []):
        meant = unescape(unescape(match.group()))
        if meant != match.group():
            units[slice(*match.span())] = [(char, match.span()) for char in meant]
    return [(low, span) for c, span in units for low in _plain(c) if spaces or low != " "]


def _plain(char: str) -> str:
    if char.isspace():
        return " "
    if char.isalnum() or "\uff00" <= char <= "\uffef":  # half and full width
        return normalize("NFKD", normalize("NFKD", char).casefold())
    return normalize("NFD", char.casefold().translate(QUOTES))


def _shared(new: Characters, old: Characters) -> tuple[list[int], list[int]]:
    """Places in each text of the characters that the other one has somewhere."""
    both = {c for c, _ in new} & {c for c, _ in old}
    here, there = ([k for k, (c, _) in enumerate(chars) if c in both] for chars in (new, old))
    return here, there
