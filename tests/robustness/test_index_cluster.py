"""An index built on a cluster whose nodes lack the pictures, die, and join late; and whose builder dies. Real nodes."""

import re

import pytest

from fixlip.datasets.scenes import make_scene
from fixlip.index import build_index, open_index
from fixlip.index.store import Store
from tests.helpers.processes import wait_until
from tests.helpers.ray_cluster import finish, running

pytest.importorskip("lance")
pytestmark = pytest.mark.usefixtures("heard")
N = 24
OFTEN = "from fixlip.index import build; build.BLOCK = 4"  # commits


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "photos"
    folder.mkdir()
    for seed in range(N):
        make_scene(seed, n_objects=1).image.save(folder / f"{seed:02}.png")
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return folder


def rows(index):
    return sorted(map(repr, index.store.table.to_table().to_pylist()))


def count(out):
    return len(Store.open(out)) if (out / "_versions").is_dir() else 0


def start(cluster, out, workers):
    command = ["index", "build", "photos", str(out), "--model", "demo-clip", "--image-masks", "64"]
    return cluster.start(*command, "--workers", str(workers), before=OFTEN)


def test_the_index_of_a_serial_build_whatever_happens(photos, tmp_path, monkeypatch):
    out = tmp_path / "index"
    monkeypatch.chdir(photos.parent)
    serial = build_index("photos", tmp_path / "serial", model="demo-clip", image_masks=64, progress=False)
    with running(photos.parent) as cluster:
        cluster.join("bare", without_data=True)
        code, document, said = finish(start(cluster, out, 2))
        assert (code, document, count(out)) == (1, None, 0), said
        said = [line for line in said if "workers have a place" not in line]  # one more word while a worker starts
        assert re.match(r"fixlip: node left out: bare \(.*'photos/00.png' is missing or another one", said[0]), said
        assert said[1].startswith("fixlip: No node of the cluster can do this work: bare (")

        cluster.join("able")
        run = start(cluster, out, 2)
        wait_until(run, lambda: count(out))
        run.kill()
        run.communicate()
        before = count(out)
        assert 0 < before < N

        run = start(cluster, out, 9)  # more than there is room for
        wait_until(run, lambda: count(out) > before)
        cluster.kill("able")  # none is left
        cluster.join("late")
        code, document, said = finish(run)
    print(*said, document, sep="\n")
    assert code == 0, said
    assert document["changes"]["unchanged"] == before
    assert document["changes"]["added"] == N - before, "nothing is done twice"
    assert rows(open_index(out)) == rows(serial)
    assert [line for line in said if re.search(r"no worker has a place|\d of \d workers have a place", line)], said
    assert all(line.startswith("fixlip: ") for line in said)
