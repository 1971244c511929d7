"""Map the tokens of a tokenizer to the characters of the caption as typed, its words and phrases."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import pairwise
from operator import index
from textwrap import shorten
from unicodedata import category, normalize

from fixlip.errors import InputError
from fixlip.players.alignment import QUOTES, Characters, Span, normal
from fixlip.players.base import MAX_CAPTION

Group = tuple[Span, tuple[int, ...]]  # the characters and the tokens of one player

_CJK = "\u3040-\u3098\u309b-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_DIVISIBLE = (  # scripts in which a phrase may end inside a run of letters
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u1b00-\u1b7f\ua980-\ua9ff\uaa60-\uaadf"
    "\uff66-\uff9f"  # Thai, Lao, Tibetan, Burmese, Khmer, Tai, Balinese, Javanese, narrow katakana: no spaces
    "\uac00-\ud7af"  # Hangul: particles are written together with the noun
)
_STACKING = "\u0f84\u1039\u17d2\u1a60\u1b44\ua9c0"  # signs that put the next letter below
_MARK = "\u0300-\u036f\u3099\u309a\ufe00-\ufe0f\U000e0100-\U000e01ef"  # accents, variation selectors
_WORD = re.compile(rf"[{_CJK}][{_MARK}]*|[^\s{_CJK}]+")
_LETTER = re.compile(f"[{_DIVISIBLE}]")
KEPT = set("%#@‰‱٪")  # signs that are part of a word, though Unicode counts them as punctuation
_STOP = """
    a an the this that these those some any each every either neither both all such which whose what
    about above across after against along among amongst around as at before behind below beneath beside besides
    between beyond by down during except for from in inside into near next of off on onto opposite out outside over past
    per since through throughout till to toward towards under underneath until up upon via with within without
    and but nor or so yet if because although though while whereas whether than
    am is are was were be been being has have had having do does did will would shall should could may might must
    i me my we us our you your he him his she her it its they them their myself himself herself itself themselves
    who whom there where when it's that's there's he's she's who's i'm you're we're they're
"""
STOP_WORDS = frozenset(_STOP.split())  # without "can", "like" and "round", which captions use in other senses


def check_caption(text: str) -> None:
    """Refuse what no tower can read.

    Raises:
        InputError: no string, nothing but white space, more than `MAX_CAPTION` characters, or half a character.
    """
    if not isinstance(text, str):
        several = isinstance(text, Iterable) and not isinstance(text, bytes)
        hint = "; fixlip.rank takes several captions, and fixlip.explain_many explains each" if several else ""
        raise InputError(f"A caption is a string, got {type(text).__name__}{hint}.")
    if not text.strip():
        raise InputError("The caption is empty.")
    if len(text) > MAX_CAPTION:
        raise InputError(f"A caption has at most {MAX_CAPTION} characters, got {len(text)}; shorten it.")
    half = next((k for k, c in enumerate(text) if "\ud800" <= c <= "\udfff"), None)
    if half is not None:
        raise InputError(f"Character {half} of the caption is half a character (a surrogate): it was read wrongly.")


def words_of(text: str) -> list[Span]:
    """Spans of the words: runs without white space, and single characters of Chinese and Japanese.

    Example:
        >>> words_of("a dog, 猫")
        [(0, 1), (2, 6), (7, 8)]
    """
    return [match.span() for match in _WORD.finditer(text)]


def _pieces_of(text: str) -> list[Span]:
    """Spans at whose edges a phrase may begin or end: words, and letters of some scripts."""
    pieces: list[Span] = []
    for start, end in words_of(text):
        inside = range(start + 1, end)
        edges = [k for k in inside if _LETTER.match(text[k - 1]) or _LETTER.match(text[k])]
        edges = [k for k in edges if not category(text[k]).startswith("M") and text[k - 1] not in _STACKING]
        pieces += pairwise([start, *edges, end])
    return pieces


def word_label(text: str, span: Span) -> str:
    """Words without the punctuation and space around them, or as they are where they have nothing else.

    Signs that carry meaning stay: ``50%``, ``C#``, ``@home``, and the minus of a number.

    Example:
        >>> word_label("a dog, a cat", (2, 6)), word_label("rock & roll (live)", (0, 18)), word_label("(-5%)", (0, 5))
        ('dog', 'rock & roll (live', '-5%')
    """
    words = " ".join(text[slice(*span)].split())
    around = "".join({c for c in words if category(c).startswith("P") and not set(normalize("NFKC", c)) & KEPT}) + " "
    label = words.strip(around) or words
    minus = words[max(words.find(label) - 1, 0)]
    return minus + label if minus in "-\u2010\u2011" and label[0].isdigit() else label


def group_into_words(text: str, tokens: Sequence[Span], cuts: Sequence[int] = ()) -> list[Group]:
    """For each word the indices of its tokens; a token over several words joins them.

    Tokens that stand for no character of a word (an accent that the tokenizer split off, say) go with the token before,
    or with the first word.

    Args:
        text: the caption.
        tokens: the characters that each token stands for, in order.
        cuts: places inside words where they are cut as well; a token across a cut goes with the larger part of it.

    Returns:
        Span and token indices of each word, in reading order; every token is in one of them. Words without a token are
        left out.

    Example:
        >>> group_into_words("a hotdog", [(0, 1), (2, 5), (5, 8)])
        [((0, 1), (0,)), ((2, 8), (1, 2))]
    """
    words = [piece for a, b in words_of(text) for piece in pairwise([a, *(k for k in cuts if a < k < b), b])]
    groups: list[Group] = []
    early: tuple[int, ...] = ()
    for i, token in enumerate(tokens):
        start, end = max(pairwise([token[0], *(k for k in cuts if token[0] < k < token[1]), token[1]]), key=_length)
        touched = [w for w in words if w[0] < end and start < w[1]]
        if groups and (not touched or touched[0][0] < groups[-1][0][1]):
            (first, last), members = groups[-1]
            groups[-1] = ((first, max([last] + [w[1] for w in touched])), (*members, i))
        elif touched:
            groups.append(((touched[0][0], touched[-1][1]), (*early, i)))
            early = ()
        else:
            early = (*early, i)
    if early and not groups:
        groups.append(((tokens[0][0], tokens[-1][1]), early))
    return groups


def group_by_phrases(text: str, tokens: Sequence[Span], phrases: Iterable[str | Span]) -> list[Group]:
    """Group tokens as `group_into_words` does, but each phrase is one player.

    A phrase that covers a part of a word takes the whole word. It does not in scripts without spaces between words
    (Thai, Lao, Khmer, Burmese, ...) and in Korean, where a particle follows the noun: what is left is a player too.

    Args:
        text: the caption.
        tokens: the characters that each token stands for, in order.
        phrases: strings, found at word boundaries with case ignored, where every occurrence is a player of its own; or
            spans (start, end) of characters.

    Returns:
        Span and token indices of each phrase and of each other word, in reading order.

    Raises:
        InputError: a phrase that is not in the caption, a span outside of it, nothing but white space, phrases that
            overlap, or a phrase of which the tokenizer leaves no token.

    Example:
        >>> group_by_phrases("a hot dog", [(0, 1), (2, 5), (6, 9)], ["Hot dog"])
        [((0, 1), (0,)), ((2, 9), (1, 2))]
    """
    if isinstance(phrases, str) or not isinstance(phrases, Iterable):
        raise InputError(f"Phrases are a list of strings or of (start, end), got {phrases!r}.")
    chosen = sorted(_whole_words(text, span) for phrase in phrases for span in _find(text, phrase))
    groups = group_into_words(text, tokens, sorted({edge for span in chosen for edge in span}))
    taken: list[tuple[int, int]] = []
    for span in chosen:
        inside = [k for k, ((start, end), _) in enumerate(groups) if start < span[1] and span[0] < end]
        if not inside:
            shared = any(start < span[1] and span[0] < end for start, end in tokens)
            hint = " alone: its token covers more; make them one phrase" if shared else ""
            raise InputError(f"The tokenizer leaves no token of the phrase {text[slice(*span)]!r}{hint}.")
        taken.append((inside[0], inside[-1] + 1))
    for k, ((_, end), (start, _)) in enumerate(pairwise(taken)):
        if start < end or chosen[k + 1][0] < chosen[k][1]:
            both = " and ".join(repr(text[slice(*span)]) for span in chosen[k : k + 2])
            raise InputError(f"The phrases {both} overlap; give one of them, or spans (start, end) that are apart.")
    starts = dict(zip((start for start, _ in taken), zip(taken, chosen, strict=True), strict=True))
    out: list[Group] = []
    k = 0
    while k < len(groups):
        (_, end), phrase = starts.get(k, ((k, k + 1), groups[k][0]))
        out.append(_joined(groups[k:end], phrase))
        k = end
    return out


def group_by_content(text: str, tokens: Sequence[Span]) -> list[Group]:
    """Group tokens as `group_into_words` does, but English stop words are joined with the content word that follows.

    Stop words are of the closed classes (articles, prepositions, conjunctions, auxiliaries, pronouns), with punctuation
    that stands alone. Negations are content. Stop words at the end join the word before; a caption of nothing else is
    one player per word.

    Example:
        >>> text = "a black dog next to a hydrant"
        >>> [text[slice(*span)] for span, _ in group_by_content(text, words_of(text))]
        ['a black', 'dog', 'next to a hydrant']
    """
    groups = group_into_words(text, tokens)
    content = [k for k, (span, _) in enumerate(groups) if not _is_stop(word_label(text, span))]
    if not content:
        return groups
    edges = [0, *(k + 1 for k in content[:-1]), len(groups)]
    return [_joined(groups[a:b]) for a, b in pairwise(edges)]


def _find(text: str, phrase: str | Span) -> list[Span]:
    """Find a phrase in a caption."""
    if not isinstance(phrase, str):
        try:
            start, end = (index(k) for k in phrase)
        except (TypeError, ValueError) as error:
            raise InputError(f"A phrase is a string or (start, end), got {phrase!r}.") from error
        if not 0 <= start < end <= len(text):
            raise InputError(f"A phrase lies in characters 0 to {len(text)} of the caption, got {start} to {end}.")
        if not text[start:end].strip():
            raise InputError(f"Characters {start} to {end} of the caption are white space, not a phrase.")
        return [(start, end)]
    wanted = "".join(c for c, _ in normal(phrase)).split()
    if not wanted:
        raise InputError(f"A phrase has at least one word, got {phrase!r}.")
    chars, found, place = normal(text), [], 0
    plain, pattern = "".join(c for c, _ in chars), re.compile(r" +".join(map(re.escape, wanted)))
    while match := pattern.search(plain, place):
        a, b = match.span()
        whole = _parts(text, chars, a) and _parts(text, chars, b)
        if whole:
            found.append((chars[a][1][0], chars[b - 1][1][1]))
        place = b if whole else a + 1
    if not found:
        raise InputError(_not_found(text, phrase))
    return found


def _parts(text: str, chars: Characters, place: int) -> bool:
    """Return whether a phrase may begin or end before the character at a place of the normal form."""
    if place in (0, len(chars)):
        return True
    left, right = chars[place - 1][1][0], chars[place][1][0]
    if left == right or any(right in piece for piece in _pieces_of(text)):
        return left != right
    inner = [text[k].isalnum() or category(text[k]).startswith("M") for k in (left, right)]
    return not all(inner)


def _not_found(text: str, phrase: str) -> str:
    words, n = words_of(text), len(words_of(phrase))
    runs = [
        (words[i][0], words[i + size - 1][1])
        for size in (n, n - 1, n + 1)
        for i in range(len(words) - size + 1)
        if size
    ]
    labels = {label.casefold(): label for label in (word_label(text, run) for run in runs)}
    near = get_close_matches(phrase.casefold(), labels, n=1, cutoff=0.5)
    hint = f" Did you mean {labels[near[0]]!r}?" if near else ""
    return f"No phrase {phrase!r} in the caption {shorten(text, 80)!r}.{hint}"


def _whole_words(text: str, span: Span) -> Span:
    touched = [piece for piece in _pieces_of(text) if piece[0] < span[1] and span[0] < piece[1]]
    return touched[0][0], touched[-1][1]


def _length(span: Span) -> int:
    return span[1] - span[0]


def _joined(groups: list[Group], span: Span | None = None) -> Group:
    """One player of several, over at least the characters of `span`."""
    ends = [g[0] for g in groups] + ([span] if span else [])
    return (min(e[0] for e in ends), max(e[1] for e in ends)), tuple(i for _, members in groups for i in members)


def _is_stop(word: str) -> bool:
    bare = word.casefold().translate(QUOTES)
    return bare in STOP_WORDS or all(category(c).startswith("P") for c in bare)
