"""Building an index: every picture is explained once, and written in blocks, each of them one commit."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from fixlip.arguments import real_number, whole_number
from fixlip.cluster.engines import Engine
from fixlip.errors import InputError, OptionError
from fixlip.index.explainer import Block, Explainer, Picture, named_encoder
from fixlip.index.job import Indexing
from fixlip.index.pictures import content_hash, pictures
from fixlip.index.schema import Facts, Row, table_of
from fixlip.index.store import Store, lance_package, own_folder
from fixlip.io.files import lock
from fixlip.runtime.progress import Progress, tracking

if TYPE_CHECKING:
    import pyarrow

    from fixlip.encoders.base import DualEncoder

BLOCK, SECONDS = 256, 30.0  # that one commit has at most, and how long they may wait for it
AT_ONCE = 4  # pictures that a worker gets: few are lost with it, and many take longer than to hand them out


@dataclass
class Changes:
    """The changes that a build made to an index, as numbers of pictures.

    Attributes:
        added, replaced, renamed, dropped, unchanged: pictures; a renamed one was known under another name.
        failed: pictures that cannot be read, by name, with the reason.
    """

    added: int = 0
    replaced: int = 0
    renamed: int = 0
    dropped: int = 0
    unchanged: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def facts_of(
    encoder: "DualEncoder", *, image_masks: int | None, image_players: str, p: float, seed: int, dtype: str
) -> Facts:
    """Gather the facts of an index that is built with this model.

    Raises:
        OptionError: a value out of range.
    """
    if not isinstance(image_players, str):
        raise OptionError("image_players of an index is a text such as 'patches' or 'grid:3', the same for all.")
    if not 0 < real_number("p", p) < 1:
        raise OptionError(f"p must be between 0 and 1, got {p}.")
    if dtype not in ("float16", "float32"):
        raise OptionError(f"dtype is float16 or float32, got {dtype!r}.")
    return Facts(
        model=encoder.name,
        weights=encoder.weights,
        removal=str(encoder.image_removal),
        p=float(p),
        seed=whole_number("seed", seed, least=0),
        image_masks=None if image_masks is None else whole_number("image_masks", image_masks, least=1),
        image_players=image_players,
        dimension=encoder.embed_dim,
        dtype=dtype,  # type: ignore[arg-type]
        versions={name: version(name) for name in ("fixlip", "torch", "numpy", "pylance")},
    )


def write_index(
    images: Any,
    folder: str | Path,
    model: "str | DualEncoder",
    *,
    removal: Mapping[str, str] | None,
    column: str | None,
    batch_size: int | Literal["auto"],
    keep: bool,
    engine: Engine,
    progress: Progress,
    **settings: Any,
) -> "tuple[DualEncoder, Changes]":
    """Build an index; see `fixlip.build_index`. The settings are those of `facts_of`."""
    lance_package()
    encoder = named_encoder(model, removal)
    facts = facts_of(encoder, **settings)
    job = Indexing(Explainer(encoder, facts, batch_size), model, removal)
    folder = own_folder(Path(folder))
    with lock(folder / ".build.lock", "another process is building this index"):
        store = Store.open_or_make(folder, facts)
        with tracking(progress, 0, "index", "picture") as tracker, _Commits(store) as commits:
            build = _Build(store, commits, partial(_ticked, tracker))
            for _, tables in engine.run(job, _blocks(encoder.name, build.new(pictures(images, column)))):
                for table in tables:
                    build.add(table)
            build.finish(keep)
    return encoder, build.changes


def _ticked(tracker: Any) -> None:
    tracker.total = max(tracker.total, tracker.done + 1)
    tracker.tick(1)


def _blocks(model: str, new: Iterator[Picture]) -> Iterator[Block]:
    while some := tuple(islice(new, AT_ONCE)):
        yield Block(model, some)


class _Commits:
    """Rows that wait for their commit; at the end, also of a run that ends early, none waits any more."""

    def __init__(self, store: Store) -> None:
        self.store, self.since, self.written = store, monotonic(), 0
        self.tables: list[pyarrow.Table] = []

    def add(self, table: "pyarrow.Table") -> None:
        self.tables.append(table)
        if sum(map(len, self.tables)) >= BLOCK or monotonic() - self.since > SECONDS:
            self.write()

    def write(self) -> None:
        tables, self.tables = self.tables, []
        if tables:
            self.store.write(tables)
            self.written += sum(map(len, tables))
        self.since = monotonic()

    def __enter__(self) -> "_Commits":
        return self

    def __exit__(self, *error: object) -> None:
        self.write()


class _Build:
    """A build that goes on: what is known, what is here, and what was done.

    Args:
        store, commits: of the index.
        tick: called for each picture.
    """

    def __init__(self, store: Store, commits: _Commits, tick: Callable[[], None]) -> None:
        self.store, self.commits, self.tick = store, commits, tick
        self.known, self.changes = store.known(), Changes()
        self.by_hash = {content for content in self.known.values() if content}
        self.here: set[str] = set()

    def new(self, listed: Iterable[tuple[str, Any]]) -> Iterator[Picture]:
        """Yield the pictures that are to be explained, and see to the others."""
        for name, raw in listed:
            self.here.add(name)
            try:
                content, failed = content_hash(raw), ""
            except InputError as error:
                content, failed = "", str(error)
            if failed:
                self._add({"id": name, "hash": "", "error": failed})
            elif self.known.get(name) == content:
                self.changes.unchanged += 1
            elif content in self.by_hash:
                self._add(*self.store.renamed({name: content}))
                self.changes.renamed += 1
            else:
                yield name, raw, content
                continue
            self.tick()

    def add(self, table: "pyarrow.Table") -> None:
        """Add the row of a picture that was explained."""
        self.commits.add(table)
        if table["error"][0].as_py() is None:
            old = table["id"][0].as_py() in self.known
            self.changes.added, self.changes.replaced = self.changes.added + (not old), self.changes.replaced + old
        self.tick()

    def _add(self, *rows: Row) -> None:
        self.commits.add(table_of(rows, self.store.facts))

    def finish(self, keep: bool) -> None:
        """Drop pictures that are not here any more, unless they are to be kept, and put the table in order.

        Raises:
            InputError: there is no picture.
        """
        self.commits.write()
        if not self.here:
            raise InputError("There is no picture to index.")
        gone = set() if keep else self.known.keys() - self.here
        if gone:
            self.store.drop(sorted(gone))
            self.changes.dropped = len(gone)
        if self.commits.written or gone:
            self.store.tidy()
        self.changes.failed = self.store.errors()
