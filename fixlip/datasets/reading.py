"""Reading annotation files and folders; a fault is one line that names the file and the place in it."""

import json
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from fixlip.errors import InputError
from fixlip.io.files import read_bytes
from fixlip.io.schema import distinct

LARGEST = 1 << 31  # bytes of an annotation file
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def root_folder(path: str | Path, what: str) -> Path:
    """Open a folder as `folder` does, with ``~`` for the user's home."""
    return folder(Path(os.path.expanduser(path)), what)


def folder(path: Path, what: str) -> Path:
    """The folder, if it is there.

    Raises:
        InputError: it is not.
    """
    if not os.path.isdir(path):
        raise InputError(f"No folder {str(path)!r} ({what}).")
    return path


def text_of(path: Path) -> str:
    """A text file in UTF-8, with or without byte order mark.

    Raises:
        InputError: no such file, or other bytes than UTF-8.
    """
    try:
        return read_bytes(path, LARGEST).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not UTF-8 text (byte {error.start}): save it as UTF-8.") from error


def within(root: Path, *names: str) -> Path:
    """The file or folder of these names in a folder or below it: names that annotations give, or a layout.

    Links are followed as long as they stay below the folder, which may be a link itself.

    Args:
        root: the folder.
        names: of folders and a file in it.

    Raises:
        InputError: a name or a link that leads out of the folder, or a name that no file can have.
    """
    name = os.path.join(*names)
    if os.path.isabs(name) or ".." in Path(name).parts or "\0" in name:
        raise InputError(f"The name {name!r} leads out of the folder {root.name!r}.")
    path = root / name
    if os.path.exists(path) and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise InputError(f"The link {name!r} leads out of the folder {root.name!r}: put there what it leads to.")
    return path


def place_of(root: Path, name: str) -> tuple[Path, str]:
    """Arguments of `within` for a file or folder of an option, which may lie outside of `root` if its name says so."""
    elsewhere = os.path.isabs(name) or ".." in Path(name).parts
    return (root / name, "") if elsewhere else (root, name)


def lines_of(path: Path) -> list[str]:
    """The lines of a text file, without blank ones and the spaces around each."""
    return [line.strip() for line in text_of(path).split("\n") if line.strip()]


def json_of(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: it cannot be read or is not JSON (line and column are named), or a key is there twice.
    """
    text = text_of(path)
    try:
        return json.loads(text, object_pairs_hook=distinct)
    except json.JSONDecodeError as error:
        raise InputError(f"{str(path)!r}, line {error.lineno}, column {error.colno}: {error.msg}.") from error
    except RecursionError as error:
        raise InputError(f"{str(path)!r} is nested too deeply.") from error
    except ValueError as error:  # thousands of digits, a key twice
        raise InputError(f"{str(path)!r} is not usable JSON: {error}.") from error


def xml_of(path: Path) -> ElementTree.Element:
    """The root of an XML file.

    Raises:
        InputError: it cannot be read or is not well-formed (line and column are named).
    """
    content = read_bytes(path, LARGEST)
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        line, column = error.position
        raise InputError(f"{str(path)!r}, line {line}, column {column + 1}: {str(error).partition(':')[0]}.") from error
    except (LookupError, ValueError) as error:  # an encoding that the file declares and Python does not have
        raise InputError(f"{str(path)!r} is not readable XML: {error}.") from error


def entries_of(document: Any, key: str, path: Path) -> list[Any]:
    """The list under a key of a JSON document.

    Raises:
        InputError: there is none.
    """
    if not isinstance(document, dict) or not isinstance(document.get(key), list):
        raise InputError(f"{str(path)!r} has no list {key!r} at its top level.")
    return document[key]


def pictures_in(root: Path, name: str) -> list[Path]:
    """The pictures of a folder below `root`, by the endings of their names, sorted.

    Raises:
        InputError: the folder, or one of them, is a link that leads out of `root`.
    """
    path = within(root, name)
    with os.scandir(path) as entries:
        pictures = [entry for entry in entries if Path(entry.name).suffix.lower() in PICTURES]
    for entry in pictures:
        if entry.is_symlink():
            within(root, name, entry.name)
    return sorted(path / entry.name for entry in pictures if entry.is_file())


def has_words(text: str) -> bool:
    """Return whether a caption has a letter or a digit of any script."""
    return any(map(str.isalnum, text))
