"""Kinds of text players: how the tokens of a caption are grouped into those that come and go together."""

from collections.abc import Callable, Sequence

from fixlip.errors import OptionError, unknown
from fixlip.players.alignment import Span
from fixlip.players.words import Group, group_by_content, group_into_words
from fixlip.plugins import joined

GROUP = "fixlip.text_players"  # of entry points, for other packages
Grouping = Callable[[str, Sequence[Span]], list[Group]]


def each_token(text: str, tokens: Sequence[Span]) -> list[Group]:
    """Make each token a player of its own.

    Args:
        text: the caption.
        tokens: its tokens, as spans of characters.
    """
    return [(span, (k,)) for k, span in enumerate(tokens)]


BUILT_IN: dict[str, Grouping] = {"words": group_into_words, "content": group_by_content, "tokens": each_token}


def text_players() -> dict[str, Grouping]:
    """All kinds by name; each is a function of a caption and the spans of its tokens."""
    return joined(GROUP, BUILT_IN)


def grouping(kind: str) -> Grouping:
    """Return the function of a kind of text players.

    Raises:
        OptionError: no such kind; the message names the nearest.
    """
    kinds = text_players()
    if kind not in kinds:
        raise OptionError(unknown("text_players", str(kind), kinds))
    return kinds[kind]
