"""Files that are no explanations, made to do harm: each is an error of one line, soon, in little memory."""

import json
import os
import subprocess
import sys
import time

import pytest

from fixlip import Explanation, InputError
from tests.helpers.hostile_files import changed, hostile, nested
from tests.helpers.saved import DATA

HARMLESS = ("a long text", "1e300", "-5", "gone", "an object")  # where a field may be so


@pytest.fixture(scope="module")
def files():
    return hostile()


def told(path):
    """The error of loading a file, which must be one line and come within a few seconds."""
    start = time.perf_counter()
    with pytest.raises(InputError) as caught:
        Explanation.load(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1, message
    assert len(message) < 600, message
    assert time.perf_counter() - start < 10
    return message


def kinds(files):
    return {name.partition(":")[0].partition(" ")[0] for name in files}


@pytest.mark.parametrize("name", ["a field twice", "a field of a field twice", "an array twice"])
def test_no_key_is_there_twice(name, files, tmp_path):
    (tmp_path / "x").write_bytes(files[f"header: {name}"])
    assert "twice in one object" in told(tmp_path / "x")


def test_headers_are_checked(files, tmp_path):
    others = {n: c for n, c in files.items() if not n.startswith(("picture", "arrays", "values", "regions"))}
    assert kinds(others) == {
        "header",
        "field",
        "players",
        "grid",
        "box",
        "span",
        "options",
        "details",
        "versions",
        "unit",
    }
    readable = 0
    for name, content in others.items():
        path = tmp_path / "x"
        path.write_bytes(content)
        if name.startswith("field") and name.partition(": ")[2] in HARMLESS:
            try:
                found = Explanation.load(path)
            except InputError:
                continue
            readable += 1
            assert found == Explanation.load(path)
            assert len(repr(found)) > 20
        else:
            assert "its checksum" not in told(path), name
    assert 20 < readable < 80


def test_arrays_are_checked(files, tmp_path):
    others = {n: c for n, c in files.items() if n.startswith(("arrays", "values", "regions"))}
    for name, content in others.items():
        (tmp_path / "x").write_bytes(content)
        assert "its checksum" not in told(tmp_path / "x") or name == "arrays: overlapping", name


def test_pictures_are_checked(files, tmp_path):
    pictures = {n: c for n, c in files.items() if n.startswith("picture")}
    for content in pictures.values():
        (tmp_path / "x").write_bytes(content)
        assert "picture" in told(tmp_path / "x")


def test_what_is_nested_as_deep_as_may_be_is_shown(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(changed(("provenance", "options"), {"a": json.loads(nested(150))}))
    found = Explanation.load(path)
    assert found == Explanation.load(path)
    assert len(found.to_html()) > 1000
    found.save(path)


LIMITED = """
import resource, sys
from fixlip import Explanation, InputError
Explanation.load(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[2:]:
    try:
        Explanation.load(path)
        sys.exit(f"{path} was read")
    except InputError as error:
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_stays_small(files, tmp_path):
    bombs = [
        n for n in files if "bomb" in n or "deep" in n or "many" in n or "8 MB" in n or ("long" in n and "header" in n)
    ]
    for k, name in enumerate(bombs):
        (tmp_path / f"{k}").write_bytes(files[name])
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.write((8).to_bytes(8, "little") + b'{"a": 1}')
        file.truncate(10 << 30)
    paths = [DATA / "v2-full.fixlip", sparse, *(tmp_path / str(k) for k in range(len(bombs)))]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *map(str, paths)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert len(bombs) > 5
    assert int(done.stdout) < 200_000, "kB"


@pytest.mark.parametrize(
    "what", ["folder", "pipe", "zero", "random", "full", "tty", "loop", "sparse", "missing", "NUL", "long"]
)
def test_only_files_are_read(what, tmp_path):
    path = tmp_path / "x"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "loop":
        path.symlink_to(path)
    elif what == "sparse":
        with path.open("wb") as file:
            file.truncate(10 << 30)
    elif what in ("zero", "random", "full", "tty"):
        path = f"/dev/{what}"
    elif what == "NUL":
        path = f"{path}\0"
    elif what == "long":
        path = tmp_path / ("x" * 300)
    told(path)
