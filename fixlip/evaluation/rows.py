"""Results on disk: one JSON object a line, appended as it comes, read whatever happened in between."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import FileIO
from itertools import count
from pathlib import Path

import numpy as np

from fixlip.errors import FixlipError, InputError
from fixlip.evaluation.records import ExplainedRow, PictureRow, Row, record
from fixlip.io.files import plain
from fixlip.io.schema import parsed

LONGEST, BLOCK = 1 << 26, 1 << 16  # bytes of a line, and of what is read at once to find its end
Key = tuple[str, str, str]  # model, estimator, item


@contextmanager
def as_written() -> Iterator[None]:
    """Around what reads the metrics of rows: those that no metric writes are an error of one line.

    Raises:
        InputError: a value is missing, of another type, or too large to compute with.
    """
    try:
        with np.errstate(over="raise", invalid="raise"):
            yield
    except FixlipError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        detail = f"{type(error).__name__}: {error}".split("\n")[0][:100]
        raise InputError(f"The results are damaged: a row has metrics that nothing writes so ({detail}).") from error


def key(row: Row) -> Key:
    """Key of a row; one of several rows with the same key goes on where the others stopped."""
    return row.model, row.estimator, row.item


class Journal:
    """A file of rows. A row is on the disk, whole, when `append` returns; half a row from a killed run is cut off.

    Args:
        path: the file; made where it does not exist.

    Raises:
        InputError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.file = path.open("ab+", buffering=0)
            self.file.truncate(_whole(self.file))
        except OSError as error:
            raise self._failed(error) from error

    def append(self, row: Row) -> None:
        """Write one row, or, where the disk is full, nothing.

        Args:
            row: with values of types that `fixlip.io.files.plain` knows.

        Raises:
            InputError: it cannot be written; the file is as before. So it is after Ctrl-C, unless the row is whole.
        """
        line = json.dumps(plain(row.as_json()), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
        rest, end = memoryview(line.encode("utf-8", "backslashreplace")), self.file.seek(0, os.SEEK_END)
        whole = end + len(rest)
        try:
            while rest:
                rest = rest[self.file.write(rest) :]
            os.fsync(self.file.fileno())
        except BaseException as error:
            if isinstance(error, OSError) or self.file.seek(0, os.SEEK_END) < whole:
                with suppress(OSError):
                    self.file.truncate(end)
            if isinstance(error, OSError):
                raise self._failed(error) from error
            raise

    def _failed(self, error: OSError) -> InputError:
        return InputError(f"Cannot write {str(self.path)!r}: {error.strerror or error}.")

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()


def _whole(file: FileIO) -> int:
    """Find the end of the last whole line."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - BLOCK)
        file.seek(start)
        last = file.read(end - start).rfind(b"\n")
        if last >= 0:
            return start + last + 1
        end = start
    return 0


def lines(path: Path) -> Iterator[Row]:
    """The rows of one file; a last line that is not whole is left out.

    Args:
        path: of the file.

    Raises:
        InputError: the file cannot be read, or a line is not a row; it names the line.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"{str(path)!r} is not a file.")
    try:
        with path.open("rb") as file:
            for number in count(1):
                line = file.readline(LONGEST + 1)
                if len(line) > LONGEST:
                    raise InputError(f"Line {number} of {str(path)!r} is longer than {LONGEST:,} bytes.")
                if not line.endswith(b"\n"):
                    return
                yield _row(line, f"Line {number} of {str(path)!r}")
    except OSError as error:
        raise InputError(f"Cannot read {str(path)!r}: {error.strerror or error}.") from error


def _row(line: bytes, where: str) -> Row:
    try:
        return record(parsed(line))
    except ValueError as error:
        raise InputError(f"{where} is not a row of results: {error}; take the line out to go on without it.") from error


def read(folder: str | Path) -> list[Row]:
    """All rows of a folder, of all shards, by model, estimator and place in the data set.

    Rows with the same key are joined: metrics add up, a later row replaces an earlier one that is bad. A fault of an
    item that was explained after all, when it was tried again, is left out.

    Raises:
        InputError: no such folder, or a damaged file in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"No folder {str(folder)!r}.")
    by_place: dict[tuple[str, str, int], Row] = {}  # the name of an item that could not be read is not known
    for path in sorted(folder.glob("rows-*.jsonl")):
        for row in lines(path):
            where = row.model, row.estimator, row.index
            by_place[where] = _joined(by_place.get(where), row)
    explained = {row.index for row in by_place.values() if row.model}
    kept = [row for row in by_place.values() if row.model or row.index not in explained]
    return sorted(kept, key=place)


def place(row: Row) -> tuple[str, str, int, str]:
    """Place of a row among all: by model, estimator and place of the item in the data set."""
    return row.model, row.estimator, row.index, row.item


def _joined(earlier: Row | None, later: Row) -> Row:
    """One row of two with the same key."""
    if isinstance(earlier, ExplainedRow | PictureRow):
        if not isinstance(later, ExplainedRow | PictureRow):
            return earlier
        return replace(later, metrics=earlier.metrics | later.metrics)
    return later
