"""A stand-in for Ray in one process: nodes join and die, calls are answered in any order."""

import random
from types import SimpleNamespace


class RayError(Exception):
    pass


class DiedError(RayError):
    pass


class UnavailableError(RayError):
    pass


class TaskError(RayError):
    pass


class FakeRay:
    """A cluster.

    Args:
        prove: node, task -> a proof or a sentence, as of a worker there.
        work: this cluster, node, task -> rows, as of a worker there; it may raise the errors above.
        joins: node -> the second in which it joins, with one CPU.
        nodes: node -> its CPUs.
    """

    exceptions = SimpleNamespace(RayError=RayError, ActorUnavailableError=UnavailableError, RayTaskError=TaskError)
    util = SimpleNamespace(
        scheduling_strategies=SimpleNamespace(NodeAffinitySchedulingStrategy=lambda node, soft: node)
    )

    def __init__(self, prove, work, *, seed=0, joins=None, **nodes):
        self.prove, self.work, self.joins, self.cpus = prove, work, joins or {}, nodes
        self.actors, self.rng, self.now = [], random.Random(seed), 0.0

    def nodes(self):
        return [{"NodeID": n, "NodeName": n, "Alive": True, "Resources": {"CPU": c}} for n, c in self.cpus.items()]

    def remote(self, *actor_class, **options):
        if actor_class:
            return SimpleNamespace(options=lambda **o: SimpleNamespace(remote=lambda: FakeActor(self, **o)))
        task = SimpleNamespace(options=lambda scheduling_strategy: Pinned(scheduling_strategy))
        return lambda function: task

    def wait(self, refs, timeout):
        self.cpus |= {node: 1 for node, second in self.joins.items() if self.now > second}
        self.joins = {node: second for node, second in self.joins.items() if self.now <= second}
        for actor in self.actors:
            actor.look_for_a_place()
        ready = [ref for ref in refs if not isinstance(ref, Call) or ref.actor.at or ref.actor not in self.actors]
        self.now += 0.1 if ready else timeout
        return ([self.rng.choice(ready)] if ready else []), refs

    def get(self, ref):
        if isinstance(ref, Pinned):
            if ref.at not in self.cpus:
                raise RayError("no such node")
            return None
        if ref.actor not in self.actors or ref.actor.at not in self.cpus:
            raise DiedError("it was killed, or its node")
        return ref.answer()

    def kill(self, actor):
        self.actors.remove(actor)


class Pinned:
    def __init__(self, node):
        self.at = node

    def remote(self):
        return self


class Call:
    def __init__(self, actor, answer):
        self.actor, self.answer = actor, answer


class FakeActor:
    def __init__(self, ray, label_selector=None, **options):
        self.ray, self.at, self.out = ray, "", str(label_selector or "")
        ray.actors.append(self)
        self.node = self._method(lambda: self.at)
        self.prove = self._method(lambda make, folder, task: ray.prove(self.at, task))
        self.call = self._method(lambda method, task: ray.work(ray, self.at, task))

    def _method(self, answer):
        return SimpleNamespace(remote=lambda *arguments: Call(self, lambda: answer(*arguments)))

    def look_for_a_place(self):
        for node, cpus in self.ray.cpus.items():
            if not self.at and node not in self.out and sum(a.at == node for a in self.ray.actors) < cpus:
                self.at = node
