"""Proof that a process elsewhere computes what this one would: the same fixlip, the same data, the same weights."""

import os
from dataclasses import dataclass, fields
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fixlip import specs
from fixlip.datasets import SOURCES
from fixlip.datasets.base import Item
from fixlip.errors import InputError
from fixlip.evaluation.plan import Plan
from fixlip.evaluation.work import EntryError, Task, Worker, is_of_machine, opened
from fixlip.io.files import read_bytes

if TYPE_CHECKING:
    from fixlip.datasets.base import Dataset

SAMPLE, LARGEST = 8, 1 << 28  # items that are compared, bytes of a picture


@dataclass(frozen=True)
class Proof:
    """The version, data and weights that a process has.

    Attributes:
        fixlip: its version.
        items: length of the data set.
        sample: place of some items in the data set -> hash of captions and picture.
        weights: hash of the weights of a model; empty where none was asked for.
    """

    fixlip: str
    items: int
    sample: dict[int, str]
    weights: str = ""

    def difference(self, other: "Proof") -> str:
        """The first difference of another proof from this one, as a sentence; empty where they agree."""
        if other.fixlip != self.fixlip:
            return f"it has fixlip {other.fixlip}, not {self.fixlip}"
        if other.items != self.items:
            return f"its data set has {other.items} items, not {self.items}"
        for place, item in self.sample.items():
            if other.sample[place] != item:
                return f"item {place} of its data set is missing or another one"
        if self.weights and other.weights != self.weights:
            return "its weights of the model are others"
        return ""


def proof_of_data(dataset: "Dataset") -> Proof:
    """The proof of this process, without a model."""
    n = len(dataset)
    places = sorted({round(k * (n - 1) / (SAMPLE - 1)) for k in range(SAMPLE)}) if n else []
    return Proof(version("fixlip"), n, {place: _hash(dataset, place) for place in places})


def proof_of_model(worker: Worker, task: Task) -> str:
    """The hash of the weights of a task's model, after it was put to use on the task's item.

    Raises:
        Exception: the model cannot be had, or the machine lacks what it takes to use it.
    """
    weights = worker.encoder(task.model).weights
    try:
        worker.prepare(task)
    except EntryError:
        pass  # a fault of the item, which shows when the task is done
    except Exception as error:
        if is_of_machine(error):
            raise
    return weights


def sendable(plan: Plan) -> dict[str, Any]:
    """The fields of a plan of names, the data with its whole path, to make the plan elsewhere."""
    values = {f.name: getattr(plan, f.name) for f in fields(plan)}
    name, options = specs.parse(str(plan.data))
    kind, _, place = name.partition(":")
    if SOURCES[kind].first == "root":
        name = f"{kind}:{os.path.abspath(os.path.expanduser(place))}"
    return values | {"data": specs.written(name, options), "removal": dict(plan.removal)}


def _hash(dataset: "Dataset", place: int) -> str:
    try:
        item, picture = opened(dataset, place)
    except EntryError as error:
        return f"{error.item} {error.fault}"
    return sha256(repr((item.id, item.captions, item.foil)).encode() + _content(item) + bytes(picture.size)).hexdigest()


def _content(item: Item) -> bytes:
    """The bytes of a picture's file; none of one that is drawn or composed, since its pixels may differ a little."""
    if not isinstance(item.picture, Path):
        return b""
    try:
        return read_bytes(item.picture, LARGEST)
    except InputError as error:
        return str(error).encode()
