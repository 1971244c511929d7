"""Results on disk: one JSON object a line, appended as it comes, read whatever happened in between."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from itertools import count
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import ConfigDict, Field, JsonValue, model_validator

from fixlip.errors import FixlipError, InputError
from fixlip.io.files import plain
from fixlip.io.schema import Fields, Number, checked, parsed

Row = dict[str, Any]


class RowFields(Fields):
    """Fields that a row has at least; later versions may add to them."""

    model_config = ConfigDict(extra="allow")

    model: str
    estimator: str
    item: str
    index: int
    status: Literal["ok", "bad"]
    fault: str = ""
    reason: str = ""
    caption: str = ""
    similarity: Number | None = None
    order: int | None = None
    metrics: dict[str, dict[str, JsonValue] | None] = Field(default_factory=dict)
    failed: dict[str, str] = Field(default_factory=dict)
    seconds: Number | None = None
    provenance: dict[str, JsonValue] | None = None
    scores: list[Number | None] = Field(default_factory=list)

    @model_validator(mode="after")
    def _reason(self) -> Self:
        if self.status == "bad" and not {"fault", "reason"} <= self.model_fields_set:
            raise ValueError("what is bad has no fault or no reason")
        return self


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
        said = f"{type(error).__name__}: {error}".split("\n")[0][:100]
        raise InputError(f"The results are damaged: a row has metrics that nothing writes so ({said}).") from error


def key(row: Row) -> Key:
    """Key of a row; one of several rows with the same key goes on where the others stopped."""
    return row["model"], row["estimator"], row["item"]


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
            row: in types that `fixlip.io.files.plain` knows.

        Raises:
            InputError: it cannot be written; the file is as before. So it is after Ctrl-C, unless the row is whole.
        """
        line = json.dumps(plain(row), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
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
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
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
        row: Row = parsed(line)
        checked(row, RowFields)
    except ValueError as error:
        raise InputError(f"{where} is not a row of results: {error}; take the line out to go on without it.") from error
    return row


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
    found: dict[Key, Row] = {}
    for path in sorted(folder.glob("rows-*.jsonl")):
        for row in lines(path):
            before = found.get(key(row))
            good = before is not None and before["status"] == "ok"
            if good and row["status"] != "ok":
                continue
            earlier = before["metrics"] if before is not None and good else {}
            found[key(row)] = {**row, "metrics": {**earlier, **row.get("metrics", {})}}
    explained = {row["index"] for row in found.values() if row["model"]}
    kept = [row for row in found.values() if row["model"] or row["index"] not in explained]
    return sorted(kept, key=lambda row: (row["model"], row["estimator"], row["index"], row["item"]))
