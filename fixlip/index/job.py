"""The work of a build, as an engine does it.

It runs on the actors that evaluations have rather than on `ray.data`, which neither asks a node to prove what it sees
nor tells a picture that kills from a node that dies.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fixlip.cluster.job import UnableError
from fixlip.cluster.proof import Proof
from fixlip.errors import OptionError
from fixlip.index.explainer import Block, Explainer, proof_of, seen
from fixlip.index.schema import table_of

if TYPE_CHECKING:
    import pyarrow

    from fixlip.encoders.base import DualEncoder


class Indexing:
    """Pictures that are explained; see `fixlip.cluster.job.Job`. A row is a table of one row.

    Args:
        explainer: of this process.
        model, removal: as in `fixlip.build_index`; for workers elsewhere the model is a name.
    """

    method = "tables"

    def __init__(
        self, explainer: Explainer, model: "str | DualEncoder", removal: Mapping[str, str] | None = None
    ) -> None:
        self.explainer, self.model, self.removal = explainer, model, removal

    def worker(self) -> Explainer:
        """The explainer of this process."""
        return self.explainer

    def remote(self) -> Callable[[], Any]:
        """Make the function that makes a `RemoteExplainer`; see `fixlip.cluster.job.Job`.

        Raises:
            OptionError: the model is an object, which workers could not load.
        """
        if not isinstance(self.model, str):
            raise OptionError("Workers of Ray load what they need: give the model by name.")
        model, removal = self.model, self.removal and dict(self.removal)
        facts, batch_size, folder = self.explainer.facts.model_dump(), self.explainer.batch_size, os.getcwd()

        def make() -> Any:
            from fixlip.index.explainer import RemoteExplainer, named_encoder
            from fixlip.index.schema import Facts

            return RemoteExplainer(named_encoder(model, removal), Facts(**facts), batch_size, folder)

        return make

    def difference(self, task: Block, theirs: Proof) -> str:
        """Say what differs in a worker: fixlip, one of the pictures, or the weights."""
        return proof_of(task, self.explainer.facts.weights).difference(theirs)

    def checked(self, task: Block, rows: "list[pyarrow.Table]") -> "list[pyarrow.Table]":
        """The rows; those of pictures that cannot be read, as they are here.

        Raises:
            UnableError: a picture is another one here, or can be read.
        """
        return [self._checked(*picture, row) for picture, row in zip(task.pictures, rows, strict=True)]

    def _checked(self, name: str, raw: Any, content: str, row: "pyarrow.Table") -> "pyarrow.Table":
        theirs, error = row["hash"][0].as_py(), row["error"][0].as_py()
        if error is None:
            if theirs != content and theirs != seen(raw):
                raise UnableError(f"{name!r} is missing or another one")
            return row
        here = self.explainer.table(name, raw, content)
        if here["error"][0].as_py() is None:
            raise UnableError(error)
        return here

    def is_short(self, rows: "list[pyarrow.Table]") -> bool:
        """Return False: what the machine lacks is raised, and ends a build."""
        return False

    def dead(self, task: Block, reason: str) -> "list[pyarrow.Table]":
        """Rows of pictures that end their worker; without a hash, so that the next build tries them again."""
        return [
            table_of([{"id": name, "hash": "", "error": reason}], self.explainer.facts) for name, *_ in task.pictures
        ]

    def parts(self, task: Block) -> list[Block]:
        """A block for each of several pictures."""
        several = len(task.pictures) > 1
        return [replace(task, pictures=(picture,)) for picture in task.pictures] if several else []
