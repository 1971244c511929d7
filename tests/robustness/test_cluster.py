"""A cluster whose nodes lack the data, die, and join late: real nodes of Ray on this machine, kill -9."""

import json
import re

import pytest

from fixlip.evaluation import Plan, evaluate, read
from tests.helpers.layouts import write_coco
from tests.helpers.processes import wait_until
from tests.helpers.ray_cluster import finish, running

pytestmark = pytest.mark.usefixtures("heard")

N = 8
ESTIMATOR = "interaction-lime image_masks=128"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_coco(folder / "coco", N, size=64)
    return folder


@pytest.fixture(scope="module")
def cluster(data):
    with running(data) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def serial(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("serial")
    plan = Plan(("grounding",), f"coco:{data / 'coco'}", ("demo-clip",), (ESTIMATOR,), threads=1)
    evaluate(plan, folder, progress=False)
    return rows(folder)


def rows(folder):
    return json.dumps([row.as_json() | {"seconds": 0} for row in read(folder)])


def lines(folder):
    return [line for path in folder.glob("rows-*.jsonl") for line in path.read_bytes().splitlines()]


def start(cluster, out, workers):
    """The command, in the folder of the data, whose path is relative."""
    command = ["evaluate", "grounding", "--data", "coco:coco", "--model", "demo-clip", "--estimator", ESTIMATOR]
    return cluster.start(*command, "--threads", "1", "--workers", str(workers), "--out", str(out))


def until_it_writes(process, out, more=1):
    before = len(lines(out))
    wait_until(process, lambda: len(lines(out)) >= before + more)


def test_nodes_without_the_data_nodes_that_die_and_nodes_that_join(cluster, serial, tmp_path):
    cluster.join("bare", without_data=True)
    code, document, said = finish(start(cluster, tmp_path, 2))
    assert (code, document, lines(tmp_path)) == (1, None, [])
    begin = "fixlip: node left out: bare (", "fixlip: No node of the cluster can do this work: bare ("
    said = [line for line in said if "workers have a place" not in line]  # one more word while a worker starts
    assert len(said) == 2, said
    for line, words in zip(said, begin, strict=True):
        assert line.startswith(words)
        assert f"No folder '{cluster.data / 'coco'}'" in line

    cluster.join("able")
    run = start(cluster, tmp_path, 2)
    until_it_writes(run, tmp_path)
    run.kill()
    run.communicate()
    assert lines(tmp_path)

    run = start(cluster, tmp_path, 9)  # more than there is room for
    until_it_writes(run, tmp_path)
    cluster.kill("able")  # none is left
    cluster.join("late")
    cluster.join("spare")
    until_it_writes(run, tmp_path, more=3)
    cluster.kill("late")
    code, document, said = finish(run)
    assert (code, document["evaluated"]) == (0, N)
    assert rows(tmp_path) == serial
    assert len(lines(tmp_path)) == 2 * N, "nothing is done twice"
    assert [line for line in said if line.startswith("fixlip: node left out: bare (")]
    assert [line for line in said if re.search(r"no worker has a place|\d of \d workers have a place", line)], said
    assert all(line.startswith("fixlip: ") for line in said)
