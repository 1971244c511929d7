"""Results on disk: one JSON object a line, appended as it comes, read whatever happened in between.

The last field of a line, ``crc32``, is the checksum of all bytes before it, so that no damaged number is ever used.
"""

import json
import os
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import FileIO
from itertools import count
from pathlib import Path

import numpy as np
from pydantic_core import from_json

from fixlip.errors import FixlipError, InputError
from fixlip.evaluation.records import ExplainedRow, PictureRow, Row, record
from fixlip.io.files import plain
from fixlip.io.schema import parsed

LONGEST, BLOCK = 1 << 26, 1 << 16  # bytes of a line, and of what is read at once to find its end
MEASURED: dict[str, object] = {}  # stands for the numbers of a metric in an outline
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


def line_of(values: dict[str, object]) -> bytes:
    """The line of a row with these fields, in types of JSON."""
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return signed(text[:-1].encode("utf-8", "backslashreplace"))


def signed(body: bytes) -> bytes:
    """A line of JSON without its last brace, completed by its checksum.

    Example:
        >>> print(signed(b'{"index":3').decode(), end="")
        {"index":3,"crc32":"988520f7"}
    """
    return body + b',"crc32":"%08x"}\n' % zlib.crc32(body)


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
        rest, end = memoryview(line_of(plain(row.as_json()))), self.file.seek(0, os.SEEK_END)
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


def lines(path: Path, damaged: Counter[str] | None = None) -> Iterator[Row]:
    """The rows of one file; a last line that is not whole is left out, and so is one that is damaged in any bit.

    Args:
        path: of the file.
        damaged: counts the damaged lines by the name of the file.

    Raises:
        InputError: the file cannot be read, or has a line of more than 64 MiB.
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
                row = _row(line)
                if row is not None:
                    yield row
                elif damaged is not None:
                    damaged[path.name] += 1
    except OSError as error:
        raise InputError(f"Cannot read {str(path)!r}: {error.strerror or error}.") from error


def _row(line: bytes) -> Row | None:
    """The row of a line; None where it is damaged, or where somebody else computed the checksum of what is no row."""
    if line != signed(line[: -len(signed(b""))]):
        return None
    try:
        try:
            value = from_json(line, allow_inf_nan=False)
        except ValueError:  # half characters, from undecodable file names
            value = parsed(line)
        return record(value)
    except ValueError:
        return None


class Results:
    """The rows of a folder, of all shards, one for each key.

    Rows with the same key are joined: metrics add up, a later row replaces an earlier one that is bad. A fault of an
    item that was explained after all, when it was tried again, is left out.

    Args:
        folder: of the run.
        outline: keep of a row what tells whether it is done, and not its numbers.

    Attributes:
        damaged: numbers of damaged lines, which are left out, by the name of the file.

    Raises:
        InputError: no such folder, or what is no file of rows in it.
    """

    def __init__(self, folder: str | Path, *, outline: bool = False) -> None:
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(f"No folder {str(folder)!r}.")
        self.outline, self.damaged = outline, Counter[str]()
        self._by_place: dict[tuple[str, str, int], Row] = {}  # an item that could not be read has no name
        for path in sorted(folder.glob("rows-*.jsonl")):
            for row in lines(path, self.damaged):
                self.add(row)

    def add(self, row: Row) -> None:
        """Join a row that is written after those that are here."""
        row = _outline(row) if self.outline else row
        where = row.model, row.estimator, row.index
        self._by_place[where] = _joined(self._by_place.get(where), row)

    def rows(self) -> list[Row]:
        """The rows by model, estimator and place in the data set."""
        explained = {row.index for row in self._by_place.values() if row.model}
        kept = [row for row in self._by_place.values() if row.model or row.index not in explained]
        return sorted(kept, key=place)


def read(folder: str | Path) -> list[Row]:
    """All rows of a folder, of all shards, by model, estimator and place in the data set; see `Results`.

    Damaged lines are left out, with a warning that counts them; `evaluate` does their items again.

    Raises:
        InputError: no such folder, or what is no file of rows in it.
    """
    results = Results(folder)
    for name, number in results.damaged.items():
        warnings.warn(f"{damage(name, number)}.", stacklevel=2)
    return results.rows()


def damage(name: str, number: int) -> str:
    """Count the damaged lines of a file in words.

    Example:
        >>> damage("rows-1-of-1.jsonl", 1), damage("rows-1-of-2.jsonl", 2)
        ('1 damaged line left out of rows-1-of-1.jsonl', '2 damaged lines left out of rows-1-of-2.jsonl')
    """
    return f"{number:,} damaged {'line' if number == 1 else 'lines'} left out of {name}"


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


def _outline(row: Row) -> Row:
    """The row without captions, numbers and provenance."""
    if not isinstance(row, ExplainedRow | PictureRow):
        return row
    metrics = {name: None if numbers is None else MEASURED for name, numbers in row.metrics.items()}
    if isinstance(row, ExplainedRow):
        return replace(row, caption="", metrics=metrics, provenance=None)
    return replace(row, caption="", metrics=metrics)
