"""Captions of one picture on the command line: which there are, and which two are contrasted."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fixlip.errors import InputError, OptionError

if TYPE_CHECKING:
    from fixlip.results.ranking import Ranking


def read_captions(path: Path) -> list[str]:
    """The lines of a file that are not blank, of standard input for ``-``.

    Raises:
        InputError: no such file, not text, no caption, or one that is there twice.
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
    for number, line in enumerate(text.splitlines(), 1):
        caption = line.strip()
        if caption in lines:
            raise InputError(f"{name} has {caption!r} twice, in lines {lines[caption]} and {number}.")
        if caption:
            lines[caption] = number
    if not lines:
        raise InputError(f"{name} has no caption; write one on each line.")
    return list(lines)


def gathered(text: str | None, captions: Path | None, against: str | None, every: bool = False) -> list[str]:
    """All captions that a command line names, each once; every one is for itself, or two are to be contrasted.

    Raises:
        InputError: there are none, or only one to be contrasted.
    """
    listed = [] if captions is None else read_captions(captions)
    listed += [text] if text is not None and text not in listed else []
    if not listed:
        raise InputError("Give a caption, or a file with one on each line: --captions FILE.")
    if against is not None and not _is_place(against) and against not in listed:
        listed.append(against)
    if len(listed) < 2 and not every and (captions is not None or against is not None):
        raise InputError(f"A contrast is of two captions; there is only {listed[0]!r}.")
    return listed


def chosen(ranking: "Ranking", text: str | None, against: str | None) -> tuple[str, str]:
    """The captions to contrast: the one given or the best, and the one given or the best of the others.

    Raises:
        OptionError: a place that is not in the ranking, or the same caption twice.
    """
    names = [one.caption for one in ranking.captions]
    first = names[0] if text is None else text
    second = next(name for name in names if name != first)
    if against is not None and _is_place(against) and against not in names:
        if not 1 <= int(against) <= len(names):
            raise OptionError(f"--against is a caption, or a place from 1 to {len(names)}, got {against}.")
        second = names[int(against) - 1]
    elif against is not None:
        second = against
    if first == second:
        raise OptionError(f"--against {against} is {first!r} itself; name another caption.")
    return first, second


def _is_place(against: str) -> bool:
    return against.isdecimal()
