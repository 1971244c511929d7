"""Workers on the nodes of a Ray cluster: they come and go, prove that they are able, and get one task at a time."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any
from warnings import warn

from fixlip.errors import ClusterError
from fixlip.evaluation.places import Places, Watch
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.readiness import Proof, proof_of_data, sendable
from fixlip.evaluation.records import BadRow, Row
from fixlip.evaluation.remote import worker_class
from fixlip.evaluation.schedule import ATTEMPTS, Schedule
from fixlip.evaluation.work import MACHINE, EntryError, Task, opened

Done = Iterable[tuple[Task, list[Row]]]
TICK = 1.0  # seconds between two looks


@dataclass(eq=False)
class Seat:
    """A worker, from the moment that it is asked for.

    Attributes:
        actor: of Ray.
        node: where it is; empty while it has no place.
        model: that it has proved to have.
        task: number of the one that it does, or prepares for.
    """

    actor: Any
    node: str = ""
    model: str = ""
    task: int | None = None


class Crew:
    """The workers of a run, which give back rows.

    What fails because of a node is not the fault of an item. A worker proves that it has fixlip, the data and the model
    of this process before it gets work; where it has not, or reads an entry of the data set as faulty that is not so
    here, its node is left out, with a warning. An item whose worker ended while the node lived on is suspect, and bad
    only if that happens `ATTEMPTS` times with nothing else on the node; one whose node ended is not.
    """

    def __init__(self, ray: Any, plan: Plan, method: str, tasks: list[Task], places: Places) -> None:
        self.ray, self.plan, self.method, self.tasks, self.places = ray, plan, method, tasks, places
        self.schedule = Schedule(len(tasks))
        self.proof, self.fields = proof_of_data(plan.dataset), sendable(plan)
        self.weights: dict[str, Proof] = {}  # by model: of the first worker that has it
        self.seats: list[Seat] = []
        self.calls: dict[Any, Callable[[Any], Done]] = {}
        self.left_out: dict[str, str] = {}
        self.lost_at_the_start = 0
        self.able: set[str] = set()  # nodes on which a worker has proved that it is
        self.watch = Watch(ray, places)

    def work(self) -> Iterator[tuple[Task, list[Row]]]:
        """Do the tasks.

        Raises:
            ClusterError: no node can do them, or no worker got a place in time.
        """
        for _ in range(self.places.workers):
            self._ask()
        while self.schedule.left:
            self._assign()
            for ref in self.ray.wait([*self.calls], timeout=TICK)[0]:
                yield from self.calls.pop(ref)(self._answer(ref))
            self.watch.look(self.seats, self.able, self.left_out)

    def dismiss(self) -> None:
        """End all workers."""
        while self.seats:
            self._end(self.seats[0])

    # A worker comes: it has a place, proves that it is able, and gets work

    def _ask(self) -> None:
        options: dict[str, Any] = {"num_cpus": self.places.cpus, "num_gpus": self.places.gpus, "max_restarts": 0}
        if self.left_out:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(self.left_out)})"}
        seat = Seat(self.ray.remote(worker_class()).options(**options).remote())
        self.seats.append(seat)
        self._call(seat.actor.node.remote(), self._placed, seat)

    def _placed(self, seat: Seat, answer: Any) -> Done:
        if seat not in self.seats:
            return ()
        if isinstance(answer, self.ray.exceptions.RayError):
            self.lost_at_the_start += 1
            if self.lost_at_the_start > ATTEMPTS * self.places.workers:
                raise ClusterError(f"Workers end before they begin: {_line(answer)}")
            return self._lost(seat)
        self.lost_at_the_start = 0
        seat.node = answer
        return self._prepare(seat, self.schedule.first())

    def _prepare(self, seat: Seat, number: int) -> Done:
        call = seat.actor.prove.remote(self.fields, os.getcwd(), asdict(self.tasks[number]))
        return self._call(call, self._proven, seat, self.tasks[number].model)

    def _proven(self, seat: Seat, model: str, answer: Any) -> Done:
        if isinstance(answer, self.ray.exceptions.RayError):
            if not isinstance(answer, self.ray.exceptions.ActorUnavailableError):
                reason = "the worker ended while it loaded data and model"
                self._ping(seat.node, partial(self._leave_out, seat.node, reason))
            return self._lost(seat)
        if isinstance(answer, Proof):
            theirs = answer
            answer = self.proof.difference(theirs) or self.weights.setdefault(model, theirs).difference(theirs)
        if answer:
            self._leave_out(seat.node, answer)
            return self._lost(seat)
        seat.model = model
        self.able.add(seat.node)
        if seat.task is not None:
            self._do(seat, seat.task)
        return ()

    def _assign(self) -> None:
        for seat in self.seats:
            if seat.model and seat.task is None:
                seat.task = self.schedule.next(seat.node, {s.node for s in self.seats if s.model}, self._alone(seat))
                if seat.task is None:
                    continue
                if self.tasks[seat.task].model == seat.model:
                    self._do(seat, seat.task)
                else:
                    self._prepare(seat, seat.task)

    def _do(self, seat: Seat, number: int) -> None:
        self._call(seat.actor.call.remote(self.method, self.tasks[number]), self._done, seat, number)

    # Work comes back

    def _done(self, seat: Seat, number: int, rows: Any) -> Done:
        task, exceptions = self.tasks[number], self.ray.exceptions
        if isinstance(rows, exceptions.RayTaskError):
            raise rows.cause from None
        if isinstance(rows, exceptions.ActorUnavailableError):
            return self._lost(seat)
        if isinstance(rows, exceptions.RayError):
            self._ping(seat.node, partial(self._suspect, number, seat.node, self._alone(seat)), number)
            seat.task = None
            return self._lost(seat)
        if any(isinstance(row, BadRow) and not row.model for row in rows):
            try:
                opened(self.plan.dataset, task.index)
            except EntryError as error:
                rows = [error.row()]
            else:
                self._leave_out(seat.node, rows[0].reason)
                return self._lost(seat)
        seat.task = None
        if any(isinstance(row, BadRow) and row.fault == MACHINE for row in rows):
            return self._failed(number, seat.node, self._alone(seat), rows)
        self.schedule.done(number)
        return [(task, rows)]

    def _suspect(self, number: int, node: str, alone: bool) -> Done:
        task, reason = self.tasks[number], f"the worker died on this item {ATTEMPTS} times"
        what: dict[str, Any] = {"item": f"#{task.index}", "index": task.index, "model": task.model}
        what |= {"fault": "worker died", "reason": reason}
        return self._failed(number, node, alone, [BadRow(**what, estimator=label) for label in task.missing or [""]])

    def _failed(self, number: int, node: str, alone: bool, rows: list[Row]) -> Done:
        return [(self.tasks[number], rows)] if self.schedule.failed(number, node, alone) else []

    # A worker goes

    def _lost(self, seat: Seat) -> Done:
        """Ask for another worker in the place of one that is not to be had any more."""
        if seat.task is not None:
            self.schedule.returned(seat.task)
        self._end(seat)
        self._ask()
        return ()

    def _ping(self, node: str, alive: Callable[[], Any], number: int | None = None) -> None:
        """Find out whether a node lives on where a worker ended, and only then put that down to something else."""
        affinity = self.ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
        ping = self.ray.remote(num_cpus=0, max_retries=0)(lambda: None).options(scheduling_strategy=affinity)

        def answered(answer: Any) -> Done:
            if not isinstance(answer, self.ray.exceptions.RayError):
                return alive() or ()
            if number is not None:
                self.schedule.returned(number)
            return ()

        self._call(ping.remote(), answered)

    def _leave_out(self, node: str, reason: str) -> None:
        if node not in self.left_out:
            name = next((n["NodeName"] for n in self.ray.nodes() if n["NodeID"] == node), "")
            self.left_out[node] = f"{name} ({node[:8]}): {' '.join(reason.split()).rstrip('.')}"
            warn(f"node left out: {self.left_out[node]}", stacklevel=2)
            for seat in [s for s in self.seats if not s.node]:  # asked for when the node was not known
                self._lost(seat)

    def _end(self, seat: Seat) -> None:
        self.seats.remove(seat)
        self.ray.kill(seat.actor)

    # Between

    def _call(self, ref: Any, then: Callable[..., Done], *what: Any) -> Done:
        self.calls[ref] = partial(then, *what)
        return ()

    def _answer(self, ref: Any) -> Any:
        try:
            return self.ray.get(ref)
        except self.ray.exceptions.RayError as error:
            return error

    def _alone(self, seat: Seat) -> bool:
        return not any(s.task is not None and s.node == seat.node for s in self.seats if s is not seat)


def _line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
