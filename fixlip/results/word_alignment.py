"""Words of two captions that stand for each other."""

from dataclasses import replace
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal, NamedTuple

from fixlip.players.base import Players

VERSUS = " vs "  # between two captions, and between two words of which one takes the other's place
NOTHING = "–"  # where a caption has no word for one of the other's


class Part(NamedTuple):
    """Two words, one of each caption, that stand for each other; None where a caption has no such word."""

    label: str
    kind: Literal["changed", "shared"]
    first: int | None
    second: int | None


def aligned_words(one: Players, other: Players) -> tuple[Part, ...]:
    """Align the words of both captions in reading order; words that stand for each other are one part.

    Words are aligned by the longest runs that both captions have (`difflib.SequenceMatcher`, case ignored), not by
    their number. Words between two such runs stand for each other one by one, counted from the last.

    Example:
        >>> one, other = (Players.of(n_image=1, words=c.split()) for c in ("a dog by a bus", "a black cat by a bus"))
        >>> [part.label for part in aligned_words(one, other)]
        ['a', '– vs black', 'dog vs cat', 'by', 'a', 'bus']
    """
    words, others = ([p.label.casefold() for p in players.text] for players in (one, other))
    parts = []
    for kind, i, end, j, stop in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        for a, b in list(zip_longest(range(end - 1, i - 1, -1), range(stop - 1, j - 1, -1)))[::-1]:
            first = NOTHING if a is None else one.text[a].label
            second = NOTHING if b is None else other.text[b].label
            shared = kind == "equal"
            parts.append(Part(first if shared else first + VERSUS + second, "shared" if shared else "changed", a, b))
    return tuple(parts)


def aligned_players(one: Players, other: Players) -> Players:
    """Return the players of a difference, with words that stand for each other as one (its span is the first's)."""
    both = players_of_both(one, other)
    text = tuple(
        replace(both.text[one.n_text + part.second if part.first is None else part.first], label=part.label)  # type: ignore[operator]
        for part in aligned_words(one, other)
    )
    return replace(both, text=text)


def players_of_both(one: Players, other: Players) -> Players:
    """Return the players of the image, the words of the first caption, and those of the second."""
    start = len(one.caption) + len(VERSUS)
    text = (replace(p, span=p.span and (start + p.span[0], start + p.span[1])) for p in other.text)
    return replace(one, text=(*one.text, *text), caption=one.caption + VERSUS + other.caption)
