"""Writing of files, completely or not at all, and reading of files up to a limit."""

import math
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fixlip.errors import InputError, OptionError


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a file completely or not at all; see `replacing`.

    Args:
        path: the file; an old file is replaced.
        content: the new content.

    Raises:
        InputError: the path cannot be written; what was there before is untouched.
    """
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Yield a file that replaces the file at a path on exit, unless there was an error.

    It is written to the same folder, flushed to the disk, and renamed; the folder is flushed too. So a reader of the
    path, at any time and after any crash, finds the complete old file or the complete new one, and the last of several
    writers wins. A process that is killed while writing leaves a hidden ``.fixlip-*.tmp`` behind, which nothing reads.

    A link is followed, and a replaced file keeps its permissions. Only files are replaced, no folders or devices.

    Args:
        path: the file to replace.

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
        with suppress(OSError):  # the first error is the one to show
            new.unlink(missing_ok=True)


def _failed(what: str, path: str | Path, error: Exception) -> InputError:
    if isinstance(error, InputError):
        return error
    return InputError(f"Cannot {what} {str(path)!r}: {getattr(error, 'strerror', None) or error}.")


def _mode(target: Path) -> int | None:
    """Return the permissions of the file to replace; None if there is no file."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise InputError(f"Cannot write {str(target)!r}: it is {'a folder' if stat.S_ISDIR(mode) else 'not a file'}.")
    if not os.access(target, os.W_OK):
        raise InputError(f"Cannot write {str(target)!r}: it is read-only.")
    return stat.S_IMODE(mode)


def _flush(folder: Path) -> None:
    with suppress(OSError):  # not every system can flush folders
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def read_bytes(path: str | Path, most: int) -> bytes:
    """Return the content of a regular file of limited size.

    Args:
        path: the file.
        most: the largest number of bytes to read.

    Raises:
        InputError: no such file, a folder, a pipe, a device, a file that is too large, or an unreadable file.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{str(path)!r} is {'a folder' if stat.S_ISDIR(status.st_mode) else 'not a file'}.")
        if status.st_size <= most:
            with open(path, "rb") as file:
                content = file.read(most + 1)
            if len(content) <= most:
                return content
        raise InputError(f"{str(path)!r} is too large: {status.st_size:,} bytes, the limit is {most:,}.")
    except FileNotFoundError as error:
        raise InputError(f"No file {str(path)!r}.") from error
    except (OSError, ValueError) as error:
        raise _failed("read", path, error) from error


@contextmanager
def lock(path: Path, who: str, wait: float = 0) -> Iterator[None]:
    """Hold a file for this process.

    Raises:
        OptionError: another process holds it for longer than `wait` seconds (-1: however long); `who` says which.
    """
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, timeout=wait):
            yield
    except Timeout as error:
        raise OptionError(f"{str(path.parent)!r}: {who}.") from error


def plain(value: Any) -> Any:
    """Convert a value to types of JSON; numbers that are not finite become null.

    Args:
        value: mappings, lists, tuples, dataclasses, arrays and numbers of numpy or torch; anything else becomes text.

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
