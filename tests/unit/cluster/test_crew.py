"""Workers that come, die and refuse: what is done again, what is bad, which node is left out. Without Ray."""

import warnings
from collections import Counter
from dataclasses import replace

import pytest

from fixlip.cluster import crew, places
from fixlip.cluster.crew import Crew
from fixlip.cluster.places import Places
from fixlip.errors import ClusterError
from fixlip.evaluation import BadRow, PictureRow, Plan
from fixlip.evaluation.job import Evaluation
from fixlip.evaluation.readiness import proof_of_data
from fixlip.evaluation.work import MACHINE, Task
from tests.helpers.fake_ray import DiedError, FakeRay, UnavailableError

N = 12
PLAN = Plan(("grounding",), f"scenes:{N}", ("demo-clip",), ("itsm", "mask-clip"))
TASKS = [Task("demo-clip", index, missing=dict.fromkeys(PLAN.methods, ("grounding",))) for index in range(N)]
PROOF = replace(proof_of_data(PLAN.dataset), weights="abc")
POISON = 4


def proves(node, task):
    return PROOF


def works(ray, node, task):
    return [PictureRow(item=f"scene-{task.index}", index=task.index, model=task.model, estimator="")]


def bad(task, fault, model=""):
    return [BadRow(item="#", index=task.index, model=model, estimator="", fault=fault, reason=f"{fault}!")]


def run(monkeypatch, ray, workers=4, wait=300):
    """The rows of each item; every item came back once."""
    monkeypatch.setattr(places, "monotonic", lambda: ray.now)
    job = Evaluation(PLAN, "rows")
    hands = Crew(ray, job, job.remote(), TASKS, Places(workers, cpus=1, gpus=0, wait=wait))
    try:
        found = [(task.index, rows) for task, rows in hands.work()]
    finally:
        hands.dismiss()
    assert not ray.actors
    assert sorted(index for index, _ in found) == [*range(N)]
    return dict(found)


def faults(found):
    return Counter(row.fault for rows in found.values() for row in rows if isinstance(row, BadRow))


@pytest.mark.parametrize("seed", range(5))
def test_an_item_that_kills_is_bad_and_no_other(monkeypatch, seed):
    deaths = Counter()

    def work(ray, node, task):
        if task.index == POISON:
            deaths[node] += 1
            raise DiedError
        return works(ray, node, task)

    found = run(monkeypatch, FakeRay(proves, work, seed=seed, one=3, two=1))
    assert faults(found) == {"worker died": 2}
    assert [(row.index, row.model, row.estimator) for row in found[POISON]] == [
        (POISON, "demo-clip", "itsm"),
        (POISON, "demo-clip", "mask-clip"),
    ]
    assert found[POISON][0].reason == "the worker died on this item 3 times"
    assert 3 <= sum(deaths.values()) <= 4


@pytest.mark.parametrize("seed", range(5))
def test_items_that_are_too_much_together_are_done_alone(monkeypatch, seed):
    def work(ray, node, task):
        if any(a is not ray.asked and a.at == node and a.busy for a in ray.actors):
            raise DiedError
        return works(ray, node, task)

    class Narrow(FakeRay):
        """A node on which a worker dies while another one has work."""

        def get(self, ref):
            self.asked = getattr(ref, "actor", None)
            return super().get(ref)

    ray = Narrow(proves, work, seed=seed, one=3)
    monkeypatch.setattr(crew.Seat, "__setattr__", _note_work)
    assert not faults(run(monkeypatch, ray, workers=3))


def _note_work(seat, name, value):
    object.__setattr__(seat, name, value)
    if name in ("actor", "task"):
        seat.actor.busy = getattr(seat, "task", None) is not None


@pytest.mark.parametrize("seed", range(5))
def test_a_node_that_dies_takes_no_item_along(monkeypatch, seed):
    def work(ray, node, task):
        if node == "two" and task.index >= 5:
            ray.cpus.pop("two", None)
            raise DiedError
        return works(ray, node, task)

    assert not faults(run(monkeypatch, FakeRay(proves, work, seed=seed, one=1, two=3)))


def test_a_worker_that_cannot_be_reached_says_nothing_of_its_item(monkeypatch):
    calls = Counter()

    def work(ray, node, task):
        calls[task.index] += 1
        if calls[task.index] <= 5:
            raise UnavailableError
        return works(ray, node, task)

    assert not faults(run(monkeypatch, FakeRay(proves, work, one=2)))
    assert set(calls.values()) == {6}


def test_what_the_machine_lacks_is_looked_for_on_another_one(monkeypatch):
    tried = []

    def work(ray, node, task):
        tried.append((task.index, node))
        if (node == "small" and task.index >= 6) or task.index == POISON:
            return bad(task, MACHINE, task.model)
        return works(ray, node, task)

    found = run(monkeypatch, FakeRay(proves, work, small=1, large=1))
    assert faults(found) == {MACHINE: 1}
    assert found[POISON][0].fault == MACHINE
    assert len({node for index, node in tried if index == POISON}) == 2


REFUSALS = {
    "No folder 'x'.": "No folder 'x'.",
    "another fixlip": replace(PROOF, fixlip="0.0"),
    "another length": replace(PROOF, items=N + 1),
    "another item": replace(PROOF, sample=PROOF.sample | {"item 0 of its data set": "?"}),
    "other weights": replace(PROOF, weights="xyz"),
}


@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS)
def test_a_node_that_is_not_able_gets_no_work(monkeypatch, answer):
    def work(ray, node, task):
        assert node == "able"
        return works(ray, node, task)

    ray = FakeRay(lambda node, task: PROOF if node == "able" else answer, work, seed=1, able=1, other=3)
    if answer == REFUSALS["other weights"]:  # the first that answers is right
        ray.cpus.pop("other")
        ray.joins = {"other": 0.35}
    with pytest.warns(UserWarning, match=r"^node left out: other \(other\): ") as caught:
        assert not faults(run(monkeypatch, ray))
    assert len([w for w in caught if "left out" in str(w.message)]) == 1


def test_a_fault_that_only_a_node_sees_is_its_own(monkeypatch):
    def work(ray, node, task):
        return bad(task, "unreadable picture") if node == "torn" and task.index > 2 else works(ray, node, task)

    with pytest.warns(UserWarning, match="node left out: torn .*: unreadable picture!"):
        assert not faults(run(monkeypatch, FakeRay(proves, work, torn=2, whole=2)))


def test_no_able_node_is_one_error(monkeypatch):
    ray = FakeRay(lambda node, task: "No folder 'x'.", works, one=2, two=1)
    with (
        pytest.warns(UserWarning, match="left out"),
        pytest.raises(ClusterError, match=r"^No node of the cluster can do this work: ") as caught,
    ):
        run(monkeypatch, ray)
    assert all(f"{node} ({node}): No folder 'x'" in str(caught.value) for node in ("one", "two"))
    assert ray.now < 60


def test_an_able_node_that_died_is_waited_for_although_others_are_left_out(monkeypatch):
    def work(ray, node, task):
        if node == "able" and task.index >= 5:
            ray.cpus.pop("able", None)
            raise DiedError
        return works(ray, node, task)

    prove = {"able": PROOF, "late": PROOF, "bare": "No folder 'x'."}
    ray = FakeRay(lambda node, task: prove[node], work, able=1, bare=1, joins={"late": 60})
    with pytest.warns(UserWarning, match=r"left out: bare|no worker has a place"):
        assert not faults(run(monkeypatch, ray))
    assert ray.now > 60


def test_work_begins_with_the_workers_that_have_a_place(monkeypatch):
    def work(ray, node, task):
        ray.now += 10
        return works(ray, node, task)

    ray = FakeRay(proves, work, one=2, joins={"late": 60})
    with pytest.warns(UserWarning, match="a place") as caught:
        assert not faults(run(monkeypatch, ray, workers=9))
    rest = "workers have a place in the cluster (each takes 1 CPU); the others join when they get one"
    assert [str(warning.message) for warning in caught] == [f"2 of 9 {rest}"]


NO_PLACE = "no worker has a place in the cluster .each takes 1 CPU.; waiting for up to 90 s"


def test_a_place_is_waited_for(monkeypatch):
    with pytest.warns(UserWarning, match=NO_PLACE):
        assert not faults(run(monkeypatch, FakeRay(proves, works, joins={"late": 50}), wait=90))


def test_the_wait_for_a_place_has_an_end(monkeypatch):
    ray = FakeRay(proves, works)
    with (
        pytest.warns(UserWarning, match=NO_PLACE),
        pytest.raises(ClusterError, match="of the cluster can do this work: none is large enough"),
    ):
        run(monkeypatch, ray, wait=90)
    assert 90 <= ray.now < 95


def test_warnings_are_errors_where_all_goes_well(monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not faults(run(monkeypatch, FakeRay(proves, works, one=4)))
