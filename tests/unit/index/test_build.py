"""Pictures go into an index, of any origin, once each, whatever happens on the way."""

import os
import shutil
import signal
import time

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from fixlip.datasets.scenes import make_scene
from fixlip.errors import InputError, OptionError
from fixlip.index import build, build_index, open_index
from fixlip.index.pictures import pictures
from fixlip.index.store import Store
from tests.helpers.processes import Command, wait_until

pytest.importorskip("lance")
FAST = {"image_players": "grid:2", "progress": False}  # 16 masks of each picture


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for name, seed in (("a.png", 1), ("b.jpg", 2), ("more/c.png", 3)):
        make_scene(seed, n_objects=1).image.save(folder / name)
    return folder


def rows(index):
    """Everything in an index, by the names of the pictures."""
    table = index.store.table.to_table().to_pylist()
    assert len({row["id"] for row in table}) == len(table)
    return {os.path.basename(row["id"]): row | {"id": ""} for row in table}


@pytest.fixture
def explained(monkeypatch):
    """The names of the pictures that are explained, as they are."""
    names, row = [], build.Explainer.row
    monkeypatch.setattr(build.Explainer, "row", lambda self, name, *a: names.append(name) or row(self, name, *a))
    return names


def test_pictures_that_are_new_changed_moved_or_gone(photos, tmp_path, demo_clip, explained):
    out = tmp_path / "index"
    first = build_index(photos, out, model=demo_clip, **FAST)
    assert (first.changes.added, len(first), len(explained)) == (3, 3, 3)
    (photos / "a.png").rename(photos / "d.png")
    (photos / "more" / "c.png").unlink()
    make_scene(7, n_objects=1).image.save(photos / "b.jpg")
    (photos / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (photos / "none.png").symlink_to("nowhere")
    second = build_index(photos, out, model=demo_clip, **FAST)
    changes = second.changes
    assert (changes.added, changes.replaced, changes.renamed, changes.dropped, changes.unchanged) == (0, 1, 1, 2, 0)
    assert [os.path.basename(name) for name in explained[3:]] == ["b.jpg", "bad.png"]
    assert [os.path.basename(name) for name in second.errors()] == ["bad.png"]
    found = rows(second)
    assert set(found) == {"b.jpg", "bad.png", "d.png"}
    fresh = rows(build_index(photos, tmp_path / "other", model=demo_clip, **FAST))
    for row in (*found.values(), *fresh.values()):
        row.pop("checksum")  # it covers the name
    assert found == fresh
    assert {os.path.basename(hit.name) for hit in second.search("a dog")} == {"b.jpg", "d.png"}
    assert len(build_index(photos / "b.jpg", out, model=demo_clip, keep=True, **FAST)) == 3


def test_an_old_reader_goes_on_with_the_new_table(photos, tmp_path, demo_clip):
    out = tmp_path / "index"
    reader = build_index(photos, out, model=demo_clip, **FAST)
    assert len(reader.search("a dog")) == 3
    (photos / "a.png").unlink()
    build_index(photos, out, model=demo_clip, **FAST)
    assert len(reader.search("a dog")) == 2
    assert all(hit.explanation() for hit in reader.search("a dog"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "demo-siglip"}, "model demo-clip, now it is demo-siglip"),
        ({"p": 0.7}, "p 0.5, now it is 0.7"),
        ({"seed": 1}, "seed 0, now it is 1"),
        ({"image_masks": 64}, "image masks default, now it is 64"),
        ({"removal": {"image": "blur"}}, "removal mean, now it is blur"),
        ({"image_players": "grid:3"}, "image players grid:2, now it is grid:3"),
        ({"dtype": "float32"}, "dtype float16, now it is float32"),
    ],
)
def test_one_index_holds_pictures_of_one_kind(tmp_path, demo_clip, scene, options, message):
    build_index(scene.image, tmp_path, model=demo_clip, **FAST)
    with pytest.raises(OptionError, match=message):
        build_index(scene.image, tmp_path, **{"model": demo_clip, **FAST, **options})


def test_pictures_of_any_origin(photos, tmp_path):
    import pandas
    import pyarrow
    from pyarrow import parquet

    shutil.make_archive(str(tmp_path / "shard"), "tar", photos)
    (photos / "table.csv").write_text("path,caption\na.png,one\nmore/c.png,two\n../shard.tar,out\n")
    content = (photos / "a.png").read_bytes()
    parquet.write_table(
        pyarrow.table({"image": [{"bytes": content, "path": None}, {"bytes": None, "path": None}]}),
        tmp_path / "t.parquet",
    )
    frame = pandas.DataFrame({"file": [str(photos / "a.png")]}, index=[5])

    def names(images, **options):
        return {os.path.basename(name): type(raw).__name__ for name, raw in pictures(images, **options)}

    path, error = type(photos).__name__, "InputError"
    assert names(photos) == {"a.png": path, "b.jpg": path, "c.png": path}
    assert names(f"{photos}/*.png") == {"a.png": path}
    assert names([photos / "a.png", str(photos / "b.jpg"), photos]) == names(photos)
    assert names(tmp_path / "shard.tar") == {"a.png": "bytes", "b.jpg": "bytes", "c.png": "bytes"}
    assert names(photos / "table.csv") == {"a.png": path, "c.png": path, "table.csv#2": error}
    assert names(tmp_path / "t.parquet") == {"t.parquet#0": "bytes", "t.parquet#1": error}
    assert names(frame) == {"a.png": path}
    assert names(pyarrow.table({"bytes": [content]})) == {"0": "bytes"}
    assert names([Image.new("RGB", (4, 4)), np.zeros((4, 4, 3)), 7]) == {"0": "Image", "1": "ndarray", "2": error}
    with pytest.raises(OptionError, match=r"Unknown column 'pth'. Did you mean 'path'"):
        names(photos / "table.csv", column="pth")
    for nothing in (tmp_path / "nowhere", photos / "none-*.png"):
        with pytest.raises(InputError, match=r"^No picture"):
            names(nothing)
    (tmp_path / "shard.tar").write_bytes((tmp_path / "shard.tar").read_bytes()[:900])
    with pytest.raises(InputError, match="not a complete tar file"):
        names(tmp_path / "shard.tar")


def test_a_folder_of_other_things_is_left_alone(photos, tmp_path, demo_clip):
    with pytest.raises(InputError, match="holds something else"):
        build_index(photos / "a.png", photos, model=demo_clip, **FAST)
    assert sorted(os.listdir(photos)) == ["a.png", "b.jpg", "more"]
    with pytest.raises(InputError, match="no picture to index"):
        build_index([], tmp_path / "index", model=demo_clip, **FAST)
    with FileLock(tmp_path / "index" / ".build.lock"), pytest.raises(OptionError, match="another process is building"):
        build_index(photos, tmp_path / "index", model=demo_clip, **FAST)


def test_what_was_written_before_an_end_is_kept(photos, tmp_path, demo_clip, monkeypatch, explained):
    monkeypatch.setattr(build, "BLOCK", 2)
    row = build.Explainer.row

    def stop(self, name, *rest):
        if name.endswith("c.png"):
            raise KeyboardInterrupt
        return row(self, name, *rest)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(build.Explainer, "row", stop)
        build_index(photos, tmp_path / "index", model=demo_clip, **FAST)
    assert len(open_index(tmp_path / "index")) == 2
    index = build_index(photos, tmp_path / "index", model=demo_clip, **FAST)
    assert (index.changes.added, index.changes.unchanged) == (1, 2)


def manifests(folder):
    """How many commits there are."""
    return len(list((folder / "_versions").glob("*.manifest")))


@pytest.mark.slow
def test_a_build_that_is_killed_goes_on(tmp_path, demo_clip):
    folder, out, rng = tmp_path / "photos", tmp_path / "index", np.random.default_rng(0)
    folder.mkdir()
    for seed in range(30):
        make_scene(seed, n_objects=1).image.save(folder / f"{seed:02}.png")
    command = ("index", "build", folder, out, "--model", "demo-clip", "--image-players", "grid:2")
    counts, commits = [], 0
    for _ in range(10):
        running = Command(*command, before="from fixlip.index import build; build.BLOCK = 2")
        wait_until(running, lambda before=commits: manifests(out) > before)
        time.sleep(rng.uniform(0, 0.2))  # after its first commit
        running.send_signal(signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
        commits = manifests(out)
        counts.append(len(Store.open(out)))
    assert counts == sorted(counts)
    assert 0 < counts[len(counts) // 2] < 30
    whole = build_index(folder, out, model=demo_clip, **FAST)
    assert rows(whole) == rows(build_index(folder, tmp_path / "other", model=demo_clip, **FAST))
