"""Rows of an evaluation: what is damaged is counted and left out, and a disk that fills up costs no row."""

import errno
import json
import os
import tracemalloc
from collections import Counter
from dataclasses import FrozenInstanceError, replace

import pytest

from fixlip import InputError
from fixlip.evaluation import rows
from fixlip.evaluation.folder import read_settings
from fixlip.evaluation.records import BadRow, ExplainedRow, PictureRow, ScoresRow, record
from fixlip.evaluation.rows import Journal, Results, line_of, lines, read, signed
from tests.robustness.test_storage_writing import small_disk


def row(k):
    return {"model": "m", "estimator": "e", "item": f"i{k}", "index": k, "status": "ok", "metrics": {}}


def explained(k, caption="a dog"):
    return replace(record(row(k)), caption=caption)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "rows-1-of-1.jsonl"
    with Journal(path) as journal:
        for k in range(3):
            journal.append(explained(k))
    return path


DEEP = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
DAMAGED = {
    "not JSON": b"{",
    "half a line": b'{"model": "m", "estima',
    "NUL bytes": bytes(40),
    "not UTF-8": b'{"model": "\xff"}',
    "UTF-16": json.dumps(row(1)).encode("utf-16-be"),
    "a number": b"1",
    "null": b"null",
    "a list": b"[]",
    "nothing": b"",
    "deep": DEEP,
    "two at once": b"{}{}",
    "a huge number": b'{"index": ' + b"9" * 5000 + b"}",
    **{
        f"{name}: {value!r}": json.dumps(row(1) | {name: value}).encode()
        for name, values in {
            "model": (1, None, ["m"], {}),
            "estimator": (1, []),
            "item": (1, None),
            "index": ("0", 1.5, True, None),
            "status": ("good", 1, None, []),
            "metrics": (None, [], "x", {"grounding": 1}, {"grounding": [1]}),
            "failed": ([], {"a": 1}),
            "caption": (1,),
            "seconds": ("1", []),
            "similarity": ("1", {}),
            "provenance": ([], "x"),
            "scores": (1, ["a"], {}),
        }.items()
        for value in values
    },
    **{
        f"no {name}": json.dumps({k: v for k, v in row(1).items() if k != name}).encode()
        for name in ("model", "estimator", "item", "index", "status")
    },
    "bad without a reason": json.dumps(row(1) | {"status": "bad"}).encode(),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_line_is_left_out_and_counted(path, what):
    """Whatever it holds, and also where its checksum is right."""
    first, _, last = path.read_bytes().splitlines(keepends=True)
    content = first + DAMAGED[what] + b"\n" + signed(DAMAGED[what][:-1]) + last
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"^2 damaged lines left out of rows-1-of-1.jsonl\.$"):
        assert read(path.parent) == [explained(0), explained(2)]
    assert path.read_bytes() == content, "nothing is thrown away"


def test_every_flipped_bit_is_seen(path):
    content, whole = path.read_bytes(), [explained(k) for k in range(3)]
    ends = [k for k, byte in enumerate(content) if byte == ord("\n")]
    for place in range(8 * len(content)):
        byte, flipped, damaged = place // 8, bytearray(content), Counter()
        flipped[byte] ^= 1 << place % 8
        path.write_bytes(flipped)
        line = sum(end < byte for end in ends)
        lost = {line, line + 1} if byte in ends else {line}  # without its end it is one with the next
        assert [*lines(path, damaged)] == [row for k, row in enumerate(whole) if k not in lost]
        assert damaged or byte == ends[-1], "a last line without its end is one that was being written"


def test_half_a_line_is_dropped(path):
    content = path.read_bytes()
    start = content[:-1].rfind(b"\n") + 1
    for k in range(start, len(content)):
        path.write_bytes(content[:k])
        assert [r.index for r in lines(path)] == [0, 1]
        with Journal(path) as journal:
            journal.append(explained(2))
        assert path.read_bytes() == content


@pytest.mark.parametrize("size", [0, 10, rows.BLOCK - 1, rows.BLOCK, 3 * rows.BLOCK + 5])
def test_what_is_cut_off_may_be_long(path, size):
    content = path.read_bytes()
    path.write_bytes(content + bytes(size))
    with Journal(path):
        assert path.read_bytes() == content
    path.write_bytes(bytes(size))
    with Journal(path):
        assert path.read_bytes() == b""


@pytest.mark.parametrize("what", ["folder", "pipe", "endless", "link"])
def test_only_files_of_lines_are_read(path, what):
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "link":
        path.symlink_to("/dev/zero")
    else:
        with path.open("wb") as file:
            file.truncate(10 << 30)
    with pytest.raises(InputError, match=r"is not a file|is longer than"):
        read(path.parent)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "does not hold"),
        (b"{", "does not hold"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b"\xff", "does not hold"),
        (bytes(100), "does not hold"),
        (DEEP, "does not hold"),
        (b'{"version": 2}', "update fixlip"),
        (b'{"version": "2"}', "version is '2'"),
        *(
            (json.dumps({name: 1.5}).encode(), name)
            for name in ("items", "metrics", "models", "data", "removal", "seed")
        ),
        (b'{"models": [1]}', r"models\[0\]"),
        (b'{"removal": {"image": 1}}', r"removal\.image"),
    ],
)
def test_damaged_settings(tmp_path, content, match):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(InputError, match=match) as caught:
        read_settings(tmp_path)
    assert "run.json" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_settings_say_their_version(tmp_path):
    from fixlip.evaluation import Plan
    from fixlip.evaluation.folder import settle

    settle(Plan(("grounding",), "scenes:2", ("demo-clip",)), tmp_path)
    assert read_settings(tmp_path)["version"] == 1
    (tmp_path / "run.json").write_text('{"version": 1}')
    with pytest.raises(InputError, match="lacks settings"):
        settle(Plan(("grounding",), "scenes:2", ("demo-clip",)), tmp_path)


def test_a_full_disk_costs_no_row(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        path, filler = disk / "rows-1-of-1.jsonl", disk / "filler"
        with Journal(path) as journal:
            journal.append(explained(0))
            long = explained(1, "x" * 10_000)
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            filler.write_bytes(bytes(free - 4096))
            with pytest.raises(InputError, match="No space left"):
                journal.append(long)
            assert list(lines(path)) == [explained(0)]
            assert path.read_bytes().endswith(b"\n")
            filler.unlink()
            journal.append(long)
        assert list(lines(path)) == [explained(0), long]


class Failing:
    """A file that takes some bytes and then fails."""

    def __init__(self, file, room, error):
        self.file, self.room, self.error = file, room, error

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, content):
        if self.room <= 0:
            raise self.error
        written = self.file.write(bytes(content[: self.room]))
        self.room -= written
        return written


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left"), OSError(errno.EIO, "I/O"), KeyboardInterrupt()]
)
def test_an_error_at_any_byte(path, error):
    before = path.read_bytes()
    length = len(before) // 3
    for room in range(length):
        with Journal(path) as journal:
            whole, journal.file = journal.file, Failing(journal.file, room, error)
            with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else InputError):
                journal.append(explained(9))
            assert path.read_bytes() == before
            journal.file = whole


def test_a_whole_row_outlives_an_interruption(path, monkeypatch):
    def fsync(number):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", fsync)
    with Journal(path) as journal, pytest.raises(KeyboardInterrupt):
        journal.append(explained(3))
    assert [r.index for r in lines(path)] == [0, 1, 2, 3]


WHERE = {"item": "i", "index": 3, "model": "m"}
BEGIN = '"item":"i","index":3,"model":"m"'
LINES = [  # each kind of row, and its line
    (
        ExplainedRow(
            **WHERE, estimator="e", similarity=0.0, order=2, metrics={"x": {"y": [1.5]}}, seconds=0.5,
            provenance={"seed": 0},
        ),
        '"estimator":"e","status":"ok","caption":"","similarity":0.0,"order":2,"metrics":{"x":{"y":[1.5]}},'
        '"seconds":0.5,"provenance":{"seed":0}',
    ),
    (
        ExplainedRow(**WHERE, estimator="e", metrics={"x": None}, failed={"x": "no"}),
        '"estimator":"e","status":"ok","caption":"","metrics":{"x":null},"failed":{"x":"no"}',
    ),
    (
        PictureRow(**WHERE, estimator="", caption="a dog", metrics={"picture": {"embedding": [1.5]}}),
        '"estimator":"","status":"ok","caption":"a dog","metrics":{"picture":{"embedding":[1.5]}}',
    ),
    (
        ScoresRow(**WHERE, estimator="", scores=[0.5, None]),
        '"estimator":"","status":"ok","scores":[0.5,null]',
    ),
    (
        BadRow(**WHERE, estimator="e", caption="", fault="", reason="It is."),
        '"estimator":"e","status":"bad","caption":"","fault":"","reason":"It is."',
    ),
    (
        BadRow(**WHERE, estimator="", fault="error", reason="It is."),
        '"estimator":"","status":"bad","fault":"error","reason":"It is."',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("record", "line"), LINES, ids=[type(record).__name__ for record, _ in LINES])
def test_a_record_is_written_and_read(tmp_path, record, line):
    path = tmp_path / "rows-1-of-1.jsonl"
    with Journal(path) as journal:
        journal.append(record)
    body = f"{{{BEGIN},{line}".encode()
    assert path.read_bytes() == signed(body)
    assert [*lines(path)] == [record]
    path.write_bytes(signed(body.replace(b"{", b'{"a later field":[1],', 1)))
    assert [*lines(path)] == [record]
    with pytest.raises(FrozenInstanceError):
        record.index = 0


def test_values_are_not_copied():
    parsed = row(1) | {"metrics": {"x": {"curve": [0.5] * 9}}}
    assert record(parsed).metrics["x"]["curve"] is parsed["metrics"]["x"]["curve"]


def test_an_outline_holds_little(tmp_path):
    """A folder of 100,000 rows is read into 200 MB; with all numbers they were 1.5 GB."""
    numbers = {f"metric {k}": {"curve": [k / 7] * 100} for k in range(8)}
    with (tmp_path / "rows-1-of-1.jsonl").open("wb") as file:
        file.writelines(line_of(row(k) | {"metrics": numbers, "provenance": numbers}) for k in range(300))
    tracemalloc.start()
    try:
        results = Results(tmp_path, outline=True)
        assert tracemalloc.get_traced_memory()[0] < 300 * 2000
    finally:
        tracemalloc.stop()
    whole = Results(tmp_path)
    assert [(r.item, [*r.metrics]) for r in results.rows()] == [(r.item, [*r.metrics]) for r in whole.rows()]
    results.add(whole.rows()[0])
    assert results.rows()[0].metrics == {name: {} for name in numbers}


def test_rows_of_one_key_are_joined(tmp_path):
    bad = BadRow(item="i0", index=0, model="m", estimator="e", fault="refused", reason="no")
    first, second = ({name: {"value": k}} for k, name in enumerate("ab"))
    with Journal(tmp_path / "rows-1-of-1.jsonl") as journal:
        for entry in (
            BadRow(item="#0", index=0, model="", estimator="", fault="worker died", reason="no"),
            bad,
            replace(explained(0), metrics=first),
            bad,
            replace(explained(0, "a cat"), metrics=second),
        ):
            journal.append(entry)
    assert read(tmp_path) == [replace(explained(0, "a cat"), metrics=first | second)]
