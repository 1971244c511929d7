"""Places for workers in a Ray cluster: what each takes, and what is said while they are waited for."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol
from warnings import warn

from fixlip.errors import ClusterError

NOTICE, LOADING = 10.0, 60.0  # seconds, until a place or a model is waited for aloud


@dataclass(frozen=True)
class Places:
    """The resources asked of a cluster; see `fixlip.cluster.ray.Ray`."""

    workers: int
    cpus: float
    gpus: float
    wait: float

    def __str__(self) -> str:
        return f"{self.cpus:g} CPU" + (f" and {self.gpus:g} GPU" if self.gpus else "")


class Worker(Protocol):
    """A worker that was asked for: its node and its model, empty while it has no place and is not ready."""

    node: str
    model: str


class Watch:
    """Says what is waited for, and ends the wait where it is in vain."""

    def __init__(self, ray: Any, places: Places) -> None:
        self.ray, self.places = ray, places
        self.missing, self.since, self.warned = "", monotonic(), False

    def look(self, workers: Sequence[Worker], able: Set[str], left_out: Mapping[str, str]) -> None:
        """Look at the workers, again and again.

        Args:
            workers: all that were asked for.
            able: nodes on which a worker was ready.
            left_out: node -> why it is not to be used.

        Raises:
            ClusterError: all nodes are left out, or no worker got a place in time.
        """
        placed, ready = (len([w for w in workers if has(w)]) for has in (lambda w: w.node, lambda w: w.model))
        missing = "any" if not placed else "some" if placed < len(workers) else "" if ready else "model"
        if self.missing != missing:
            self.missing, self.since, self.warned = missing, monotonic(), False
        waited = monotonic() - self.since
        if not placed:
            large = self._large_nodes(left_out) if left_out or waited > self.places.wait else 1
            reasons = "; ".join(left_out.values())
            if not large and able <= left_out.keys():  # else one that is able may come back
                raise ClusterError(f"No node of the cluster can do this work: {reasons or 'none is large enough'}.")
            if waited > self.places.wait:
                reasons = f" Left out: {reasons}." if reasons else ""
                raise ClusterError(
                    f"No worker got a place within {waited:.0f} s; each takes {self.places}, and {large} nodes "
                    f"are that large. The same command goes on from here.{reasons}"
                )
        if self.missing and not self.warned and waited > (LOADING if self.missing == "model" else NOTICE):
            self.warned = True
            warn(self._notice(placed, len(workers)), stacklevel=2)

    def _notice(self, placed: int, asked: int) -> str:
        place = f"a place in the cluster (each takes {self.places})"
        if self.missing == "any":
            return f"no worker has {place}; waiting for up to {self.places.wait:.0f} s"
        if self.missing == "some":
            return f"{placed} of {asked} workers have {place}; the others join when they get one"
        return "the workers are still loading data and model"

    def _large_nodes(self, left_out: Mapping[str, str]) -> int:
        """The number of nodes that could hold a worker if they were idle."""
        shares = {"CPU": self.places.cpus, "GPU": self.places.gpus}
        return sum(
            node["Alive"]
            and node["NodeID"] not in left_out
            and all(node["Resources"].get(what, 0) >= share for what, share in shares.items())
            for node in self.ray.nodes()
        )
