"""The files that a command reads and writes: what it writes is none that it reads, and no two are the same."""

import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fixlip import specs
from fixlip.errors import InputError

STREAM = Path("-")  # standard input, where captions are read


def keep_apart(outputs: Iterable[Path], inputs: Mapping[str, Iterable[Path]]) -> None:
    """Refuse an output that is an input or another output, by whatever name, link or spelling.

    Args:
        outputs: files and folders to write; standard output counts too, where it goes to a file.
        inputs: files and folders to read, by what they are; `STREAM` is standard input.

    Raises:
        InputError: two are the same, or an output is ``-``.
    """
    names = {mark: f"{what} {str(path)!r}" for what, paths in inputs.items() for path in paths for mark in _marks(path)}
    names |= dict.fromkeys(_stream(1), "standard output")
    for path in outputs:
        if path == STREAM:
            raise InputError(
                "A page, a figure or numbers cannot be written to standard output; give the name of a file."
            )
        same = next((names[mark] for mark in _marks(path) if mark in names), None)
        if same is not None:
            raise InputError(f"Cannot write {str(path)!r}: it is {same}; give another name.")
        names |= {mark: f"{str(path)!r}, which is written too" for mark in _marks(path)}


def places_of(spec: str) -> list[Path]:
    """Return the files and folders that a model or a data set, named with its options, is read from."""
    name, options = specs.parse(spec)
    texts = (name, name.partition(":")[2], *map(str, options.values()))
    return [Path(text) for text in texts if text and os.path.exists(text)]


def files_of_model(spec: str) -> list[Path]:
    """Return the files that a model, named with its options, is read from, where they are on this machine."""
    places = places_of(spec)
    inside = [Path(folder) / file for place in places for folder, _, files in os.walk(place) for file in files]
    return [*places, *inside]


def _marks(path: Path) -> set[Any]:
    """Return what tells a file from others: its place without links, and its number on its disk if it exists."""
    if path == STREAM:
        return _stream(0)
    try:
        real = os.path.realpath(path)
        marks: set[Any] = {real.casefold() if _ignores_case(os.path.dirname(real)) else real}
        with suppress(OSError):
            status = os.stat(real)
            marks.add((status.st_dev, status.st_ino))
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be the name of a file: {error}.") from error
    return marks


def _stream(number: int) -> set[Any]:
    """Return the mark of the file that an open stream reads or writes, if it is one."""
    with suppress(OSError):
        status = os.fstat(number)
        if stat.S_ISREG(status.st_mode):
            return {(status.st_dev, status.st_ino)}
    return set()


def _ignores_case(folder: str) -> bool:
    """Return whether a folder takes names that differ in capitals for the same."""
    swapped = folder.swapcase()
    with suppress(OSError):
        return swapped != folder and os.path.samefile(folder, swapped)
    return False
