"""A build of an index on a cluster: blocks, what a node sees of the pictures, what kills a worker. Without Ray."""

import subprocess
import sys
from dataclasses import replace

import pytest

from fixlip.cluster.crew import Crew
from fixlip.cluster.places import Places
from fixlip.datasets.scenes import make_scene
from fixlip.errors import BudgetError, OptionError
from fixlip.index import build_index
from fixlip.index.build import write_index
from fixlip.index.explainer import Explainer
from fixlip.index.job import Indexing
from tests.helpers.fake_ray import DiedError, FakeRay, TaskError

pytest.importorskip("lance")
FAST = {"image_players": "grid:2", "progress": False}  # 16 masks of each picture


class FakeEngine:
    """An engine of a crew on a `FakeRay` with two nodes, whose workers do as told.

    Args:
        do: node, block, tables -> tables.
        prove: node, proof -> proof, or a sentence.
    """

    def __init__(self, do=lambda node, block, tables: tables, prove=lambda node, proof: proof):
        self.do, self.prove = do, prove

    def run(self, job, tasks):
        worker = job.remote()()
        ray = FakeRay(
            lambda node, fields: self.prove(node, worker.prove(fields)),
            lambda ray, node, block: self.do(node, block, list(worker.tables(block))),
            one=1,
            two=1,
        )
        crew = Crew(ray, job, job.remote(), tasks, Places(2, cpus=1, gpus=0, wait=300))
        yield from crew.work()
        crew.dismiss()


@pytest.fixture
def photos(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    for seed in range(6):
        make_scene(seed, n_objects=1).image.save(tmp_path / "photos" / f"{seed}.png")
    (tmp_path / "photos" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return tmp_path


@pytest.fixture
def built(photos, monkeypatch):
    """Build by workers that do as told; rows by name."""

    def build(**told):
        monkeypatch.setattr("fixlip.cluster.engines.engine", lambda *a, **options: FakeEngine(**told))
        return rows(build_index("photos", "cluster", model="demo-clip", engine="ray", **FAST))

    return build


def rows(index):
    return {row["id"]: row for row in index.store.table.to_table().to_pylist()}


def told_apart(found, serial):
    return {name for name in serial if repr(found[name]) != repr(serial[name])}


def test_the_same_rows_and_relative_paths(built):
    serial = rows(build_index("photos", "serial", model="demo-clip", **FAST))
    assert len(serial) == 7
    assert not told_apart(built(), serial)


@pytest.mark.slow
def test_a_picture_that_kills_is_one_row_and_is_tried_again(built):
    def do(node, block, tables):
        if any(name.endswith("2.png") for name, *_ in block.pictures):
            raise DiedError
        return tables

    serial = rows(build_index("photos", "serial", model="demo-clip", **FAST))
    found = built(do=do)
    assert told_apart(found, serial) == {"photos/2.png"}
    assert found["photos/2.png"]["error"] == "the worker died on this item 3 times"
    assert not told_apart(built(), serial)


@pytest.mark.parametrize("fault", ["unreadable", "another"])
def test_a_picture_that_only_one_node_cannot_read_is_no_error(built, fault):
    column = {"unreadable": ("error", "torn"), "another": ("hash", "abc")}[fault]

    def do(node, block, tables):
        if node == "one":
            at = tables[0].schema.get_field_index(column[0])
            tables[0] = tables[0].set_column(at, tables[0].schema.field(at), [[column[1]]])
        return tables

    with pytest.warns(UserWarning, match="node left out: one"):
        found = built(do=do)
    assert [name for name, row in found.items() if row["error"]] == ["photos/bad.png"]


def test_a_node_with_other_pictures_or_weights_gets_no_work(built):
    def do(node, block, tables):
        assert node == "two"
        return tables

    with pytest.warns(UserWarning, match="node left out: one .*weights of the model are others"):
        assert len(built(do=do, prove=lambda node, proof: replace(proof, weights="x") if node == "one" else proof)) == 7


@pytest.mark.parametrize(("error", "attempts"), [(BudgetError("too few"), 1), (MemoryError(), 3)])
def test_what_is_not_the_pictures_fault_ends_the_build(built, error, attempts):
    tried = []

    def do(node, block, tables):
        tried.append([name for name, *_ in block.pictures])
        failed = TaskError()
        failed.cause = error
        raise failed

    with pytest.raises(type(error)):
        built(do=do)
    assert max(map(tried.count, tried)) == attempts


def test_a_model_that_is_an_object_is_refused(photos, demo_clip):
    with pytest.raises(OptionError, match="give the model by name"):
        write_index(
            "photos",
            "o",
            demo_clip,
            removal=None,
            column=None,
            batch_size="auto",
            keep=False,
            engine=FakeEngine(),
            progress=False,
            image_masks=None,
            image_players="grid:2",
            p=0.5,
            seed=0,
            dtype="float16",
        )


def test_what_makes_a_worker_is_read_where_fixlip_is_missing(demo_clip):
    cloudpickle = pytest.importorskip("ray.cloudpickle")
    from fixlip.index.build import facts_of

    facts = facts_of(demo_clip, image_masks=16, image_players="grid:2", p=0.5, seed=0, dtype="float16")
    make = cloudpickle.dumps(Indexing(Explainer(demo_clip, facts), "demo-clip").remote())
    code = (
        "import sys\nsys.modules['fixlip'] = None\nimport pickle\nmake = pickle.loads(sys.stdin.buffer.read())\n"
        "try:\n    make()\nexcept ModuleNotFoundError:\n    print('missing')"
    )
    done = subprocess.run([sys.executable, "-c", code], input=make, capture_output=True, check=False)
    assert done.stdout == b"missing\n", done.stderr.decode()
