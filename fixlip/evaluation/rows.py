"""Results on disk: one JSON object a line, appended as it comes, read whatever happened in between."""

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fixlip.errors import InputError

Row = dict[str, Any]
Key = tuple[str, str, str]  # model, estimator, item


def key(row: Row) -> Key:
    """What a row is about; one of several rows with the same key goes on where the others stopped."""
    return row["model"], row["estimator"], row["item"]


class Journal:
    """A file of rows. A row is on the disk, whole, when `append` returns; half a row from a killed run is cut off.

    Args:
        path: the file; made where it does not exist.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.file = path.open("ab+")
        except OSError as error:
            raise InputError(f"Cannot write {str(path)!r}: {error.strerror or error}.") from error
        self.file.seek(0)
        whole = self.file.read().rfind(b"\n") + 1
        self.file.truncate(whole)

    def append(self, row: Row) -> None:
        """Write one row."""
        line = json.dumps(plain(row), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
        self.file.write(line.encode("utf-8", "backslashreplace"))
        self.file.flush()
        os.fsync(self.file.fileno())

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()


def plain(value: Any) -> Any:
    """The same in types of JSON; numbers that JSON has not are null."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):  # of numpy or torch
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def lines(path: Path) -> Iterable[Row]:
    """The rows of one file; a last line that is not whole is left out.

    Raises:
        InputError: a line in between is not a row.
    """
    content = path.read_bytes()
    for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), 1):
        try:
            row = json.loads(line)
            key(row)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"Line {number} of {str(path)!r} is not a row of results: {error}.") from error
        yield row


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
