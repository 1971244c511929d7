"""Files out, whole or not at all; files in, at most so many bytes of them."""

import math
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fixlip.errors import InputError


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all; see `replacing`.

    Args:
        path: of the file; an old one is replaced.
        content: of the file.

    Raises:
        InputError: the path cannot be written; what was there before is untouched.
    """
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A file that takes the place of another one at the end, if nothing goes wrong until then.

    It is written beside the other one, flushed to the disk, and renamed; the folder is flushed too. So whoever reads
    the path, at any time and after any crash, finds the old file or the new one, and the last of several writers wins.
    A process that is killed in the middle leaves a hidden ``.fixlip-*.tmp`` behind, which nothing reads.

    A link is followed, and an old file keeps its permissions. Nothing but a file is replaced: no folder, no device.

    Args:
        path: of the file.

    Raises:
        InputError: the path cannot be written; what was there before is untouched.
    """
    try:
        target = Path(os.path.realpath(path))
        mode = _mode(target)
    except (OSError, ValueError) as error:
        raise _failed("write", path, error) from error
    new = target.parent / f".fixlip-{secrets.token_hex(8)}.tmp"
    try:
        with new.open("xb") as file:
            if mode is not None:
                new.chmod(mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        new.replace(target)
        _flush(target.parent)
    except OSError as error:
        raise _failed("write", path, error) from error
    finally:
        with suppress(OSError):  # the first error is the one to tell
            new.unlink(missing_ok=True)


def _failed(what: str, path: str | Path, error: Exception) -> InputError:
    if isinstance(error, InputError):
        return error
    return InputError(f"Cannot {what} {str(path)!r}: {getattr(error, 'strerror', None) or error}.")


def _mode(target: Path) -> int | None:
    """Permissions of what is to be replaced; None where there is nothing."""
    try:
        found = target.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found):
        raise InputError(f"Cannot write {str(target)!r}: it is {'a folder' if stat.S_ISDIR(found) else 'no file'}.")
    if not os.access(target, os.W_OK):
        raise InputError(f"Cannot write {str(target)!r}: it may only be read.")
    return stat.S_IMODE(found)


def _flush(folder: Path) -> None:
    with suppress(OSError):  # not every system can
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def read_bytes(path: str | Path, most: int) -> bytes:
    """The content of a file: of a real one, of moderate size.

    Args:
        path: of the file.
        most: bytes; no file that is larger is read.

    Raises:
        InputError: no such file, a folder, a pipe, a device, one that is too large, or one that cannot be read.
    """
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{str(path)!r} is {'a folder' if stat.S_ISDIR(found.st_mode) else 'no file'}.")
        if found.st_size <= most:
            with open(path, "rb") as file:
                content = file.read(most + 1)
            if len(content) <= most:
                return content
        raise InputError(f"{str(path)!r} is too large: {found.st_size:,} bytes, at most {most:,} are read.")
    except FileNotFoundError as error:
        raise InputError(f"No file {str(path)!r}.") from error
    except (OSError, ValueError) as error:
        raise _failed("read", path, error) from error


def plain(value: Any) -> Any:
    """The same in types of JSON; numbers that JSON has not are null.

    Args:
        value: mappings, lists, tuples, dataclasses, arrays and numbers of numpy or torch; what else is told as text.

    Example:
        >>> import numpy as np
        >>> plain({"a": np.array([1.5, np.nan]), "b": (1, "c")})
        {'a': [1.5, None], 'b': [1, 'c']}
    """
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if hasattr(value, "tolist"):  # of numpy or torch
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
