"""Captions of one picture on the command line: reading them, and choosing two to contrast."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fixlip.errors import InputError, OptionError

if TYPE_CHECKING:
    from fixlip.results.ranking import Ranking


def read_captions(path: Path) -> list[str]:
    """Return the lines of a file that are not blank; ``-`` is standard input. Only newlines end a line.

    Raises:
        InputError: no such file, a file that is not text, no caption, or a repeated caption.
    """
    name = "standard input" if str(path) == "-" else repr(str(path))
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"No file {name}.") from error
    except OSError as error:
        raise InputError(f"Cannot read {name}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not text in UTF-8.") from error
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        caption = line.strip()
        if caption in lines:
            raise InputError(f"{name} has {caption!r} twice, in lines {lines[caption]} and {number}.")
        if caption:
            lines[caption] = number
    if not lines:
        raise InputError(f"{name} has no caption; write one caption per line.")
    return list(lines)


def gathered(text: str | None, captions: Path | None, against: str | None, every: bool = False) -> list[str]:
    """Return all captions of a command line without repetitions; with `every` a single caption is enough.

    Raises:
        InputError: there are none, or there is only one caption for a contrast.
    """
    listed = [] if captions is None else read_captions(captions)
    listed += [text] if text is not None and text not in listed else []
    if not listed:
        raise InputError("Give a caption, or a file with one caption per line: --captions FILE.")
    if against is not None and not _is_place(against) and against not in listed:
        listed.append(against)
    if len(listed) < 2 and not every and (captions is not None or against is not None):
        raise InputError(f"A contrast needs two captions; there is only {listed[0]!r}.")
    return listed


def chosen(ranking: "Ranking", text: str | None, against: str | None) -> tuple[str, str]:
    """Return the two captions to contrast; the defaults are the best caption and the best of the others.

    Raises:
        OptionError: a place outside the ranking, or the same caption twice.
    """
    names = [ranked.caption for ranked in ranking.captions]
    first = names[0] if text is None else text
    second = next(name for name in names if name != first)
    if against is not None and _is_place(against) and against not in names:
        if not 1 <= int(against) <= len(names):
            raise OptionError(f"--against takes a caption, or a place from 1 to {len(names)}, got {against}.")
        second = names[int(against) - 1]
    elif against is not None:
        second = against
    if first == second:
        raise OptionError(f"--against {against} is {first!r} itself; name another caption.")
    return first, second


def _is_place(against: str) -> bool:
    return against.isdecimal()
