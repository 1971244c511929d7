"""Files are written whole or not at all, whatever happens meanwhile: to the disk, to the process, beside it."""

import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from fixlip import Explanation, InputError
from fixlip.io.files import read_bytes, replacing, write_atomically
from tests.helpers.saved import first_order, full

OLD = b"the old file"
WRITES = 200


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x.fixlip"
    path.write_bytes(OLD)
    return path


def left(folder):
    """Files in a folder beside the saved one."""
    return sorted(p.name for p in folder.iterdir() if p.name != "x.fixlip")


def refused(path, match="Cannot write"):
    with pytest.raises(InputError, match=match) as caught:
        full().save(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "what", ["a folder", "a missing folder", "a file as folder", "an endless link", "NUL", "a long name"]
)
def test_a_path_that_cannot_be(what, path):
    place = {
        "a folder": path.parent,
        "a missing folder": path.parent / "none" / "x",
        "a file as folder": path / "x",
        "an endless link": path.parent / "loop",
        "NUL": f"{path}\0",
        "a long name": path.parent / ("x" * 256),
    }[what]
    if what == "an endless link":
        place.symlink_to(place)
    refused(place)
    assert path.read_bytes() == OLD
    assert left(path.parent) in ([], ["loop"])


@pytest.mark.parametrize("device", ["/dev/null", "/dev/full", "/dev/zero", "pipe"])
def test_devices_are_not_replaced(device, tmp_path):
    place = device
    if device == "pipe":
        place = tmp_path / "pipe"
        os.mkfifo(place)
    before = os.stat(place)
    refused(place, "not a file")
    assert os.stat(place).st_ino == before.st_ino
    assert stat.S_IFMT(os.stat(place).st_mode) == stat.S_IFMT(before.st_mode)


def test_links_and_permissions_stay(path):
    link = path.with_name("link")
    link.symlink_to(path.name)
    path.chmod(0o600)
    full().save(link)
    assert link.is_symlink()
    assert Explanation.load(path) == full()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    dangling = path.with_name("dangling")
    dangling.symlink_to("new.fixlip")
    full().save(dangling)
    assert Explanation.load(path.with_name("new.fixlip")) == full()


def test_a_new_file_has_the_permissions_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        full().save(tmp_path / "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


@pytest.mark.parametrize("mode", [0o400, 0o000])
def test_what_may_not_be_written_is_not(path, mode, monkeypatch):
    monkeypatch.setattr("fixlip.io.files.os.access", lambda *_: False)  # root may all
    path.chmod(mode)
    refused(path, "read-only")
    path.chmod(0o600)
    assert path.read_bytes() == OLD


def in_a_process(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=60
    )


SMALL = """
import resource, sys
from tests.helpers.saved import full
from fixlip import InputError
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    full().save(sys.argv[1])
except InputError as error:
    print(error)
"""


def test_a_file_that_may_not_grow(path):
    done = in_a_process(SMALL, path)
    assert "File too large" in done.stdout, done.stderr
    assert path.read_bytes() == OLD
    assert left(path.parent) == []


@contextmanager
def small_disk(folder, size="64k"):
    """A file system that is soon full."""
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder]).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_leaves_the_old_file(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        first_order().save(disk / "x.fixlip")
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(b"x" * 4096)
        refused(disk / "x.fixlip", "No space left")
        assert Explanation.load(disk / "x.fixlip") == first_order()
        assert left(disk) == ["filler"]
        filler.unlink()
        full().save(disk / "x.fixlip")
        assert Explanation.load(disk / "x.fixlip") == full()


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ValueError, SystemExit])
def test_an_error_in_the_middle(path, error):
    def write():
        with replacing(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_bytes() == OLD
    assert left(path.parent) == []


FOREVER = """
import sys
from tests.helpers.saved import full, first_order
print("begun", flush=True)
while True:
    full().save(sys.argv[1])
    first_order().save(sys.argv[1])
"""


def test_killed_at_any_moment(tmp_path):
    path, rng, seen = tmp_path / "x.fixlip", random.Random(0), set()
    first_order().save(path)
    processes = [subprocess.Popen([sys.executable, "-c", FOREVER, path], stdout=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        found = Explanation.load(path)
        assert found in (full(), first_order())
        seen.add(found.index)
    assert all(name.startswith(".fixlip-") and name.endswith(".tmp") for name in left(tmp_path))
    assert len(left(tmp_path)) <= len(processes)
    full().save(path)
    assert Explanation.load(path) == full()


def test_concurrent_writers(tmp_path):
    path, over, trouble, seen = tmp_path / "x.fixlip", threading.Event(), [], set()
    contents = [bytes([k]) * 50_000 for k in range(4)]
    write_atomically(path, contents[0])

    def write(content):
        for _ in range(WRITES):
            write_atomically(path, content)

    def read():
        while not over.is_set():
            found = read_bytes(path, 1 << 20)
            seen.add(found[0])
            if found not in contents:
                trouble.append(len(found))

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    reader.join()
    assert trouble == []
    assert len(seen) > 1
    assert left(tmp_path) == []


def test_what_is_written_is_on_the_disk(path, monkeypatch):
    """In this order: the content, the new name, the folder."""
    calls, real = [], os.fsync

    def fsync(number):
        calls.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else path.read_bytes() == OLD)
        real(number)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(path, b"new")
    assert calls == [True, "folder"]
    assert path.read_bytes() == b"new"
