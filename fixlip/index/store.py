"""The table of an index on disk: one Lance table, of which every change is one commit.

It is `pylance` alone that is needed: lancedb on top of it has servers, embedding functions and another API, no storage.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.errors import FixlipError, InputError, MissingExtraError, OptionError
from fixlip.index.schema import Facts, Row, read_facts, read_row, table_schema

if TYPE_CHECKING:
    import lance
    import pyarrow

BLOCK = 8192  # rows whose vectors are read at once
AT_ONCE = 500  # rows that one command drops
EXACT_UP_TO = 100_000  # pictures; beyond, a vector index is made


def lance_package() -> Any:
    """Import `lance`.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import lance
    except ImportError as error:
        raise MissingExtraError("An index is stored by Lance: pip install 'fixlip[index]'.") from error
    return lance


@contextmanager
def refusing(folder: Path) -> Iterator[None]:
    """Turn whatever Lance raises about a damaged table into one line."""
    try:
        yield
    except (FixlipError, MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of Rust is no Exception
        reason = " ".join(str(error).split()).partition(", /")[0][:200]
        raise InputError(
            f"{str(folder)!r} is not an index, or is damaged: {reason or type(error).__name__}."
        ) from error


def own_folder(folder: Path) -> Path:
    """Make the folder of an index, if it is not there.

    Raises:
        InputError: it holds something else, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = {one.name for one in folder.iterdir()}
    except OSError as error:
        raise InputError(f"Cannot make the folder {str(folder)!r}: {error.strerror or error}.") from error
    if "_versions" not in names and any(not name.startswith(".") for name in names):
        raise InputError(f"{str(folder)!r} holds something else; an index needs a folder of its own.")
    return folder


class Store:
    """The rows of an index.

    Args:
        folder: of the table.
        table: as Lance opened it.
        facts: of the whole index.
    """

    def __init__(self, folder: Path, table: "lance.LanceDataset", facts: Facts) -> None:
        self.folder, self.table, self.facts = folder, table, facts

    @classmethod
    def open(cls, folder: str | Path) -> "Store":
        """Open the table of a folder.

        Raises:
            InputError: there is none, it is damaged, or of another program or version.
        """
        folder = Path(folder)
        lance = lance_package()
        if not (folder / "_versions").is_dir():
            raise InputError(f"No index in {str(folder)!r}; fixlip index build makes one.")
        with refusing(folder):
            table = lance.dataset(str(folder))
            facts = read_facts(table.schema.metadata)
            if not table.schema.equals(table_schema(facts)):
                raise ValueError("its columns are not those of an index")
            return cls(folder, table, facts)

    @classmethod
    def open_or_make(cls, folder: str | Path, facts: Facts) -> "Store":
        """Open the table of a folder, or make an empty one.

        Raises:
            InputError: the table is damaged, or cannot be written.
            OptionError: its index has other facts.
        """
        folder, lance = Path(folder), lance_package()
        if (folder / "_versions").is_dir():
            store = cls.open(folder)
            store.expect(facts)
            return store
        with refusing(folder):
            schema = table_schema(facts)
            return cls(folder, lance.write_dataset(schema.empty_table(), str(folder), schema=schema), facts)

    def expect(self, facts: Facts) -> None:
        """Refuse to mix pictures that were explained otherwise.

        Raises:
            OptionError: the facts differ; the message says in what.
        """
        for name in ("weights", "removal", "p", "seed", "image_masks", "image_players", "dtype"):
            ours, given = ("default" if one is None else one for one in (getattr(f, name) for f in (self.facts, facts)))
            if ours != given:
                what = f"the model {self.facts.model}" if name == "weights" else f"{name.replace('_', ' ')} {ours}"
                that = facts.model if name == "weights" else given
                other = " with other weights" if name == "weights" and self.facts.model == facts.model else ""
                raise OptionError(
                    f"{str(self.folder)!r} was built with {what}, now it is {that}{other}; take another folder."
                )

    def renewed(self) -> bool:
        """Go on to the newest version of the table, whose old ones a build removes; return whether there is one."""
        with refusing(self.folder):
            old = self.table.version
            self.table.checkout_latest()
            return bool(self.table.version != old)

    def __len__(self) -> int:
        return int(self.table.count_rows())

    def known(self) -> dict[str, str]:
        """Return the content hash of each picture by its id, those that cannot be read included."""
        with refusing(self.folder):
            rows = self.table.to_table(columns=["id", "hash"])
            return dict(zip(rows["id"].to_pylist(), rows["hash"].to_pylist(), strict=True))

    def errors(self) -> dict[str, str]:
        """Return what is wrong with the pictures that cannot be read, by their ids."""
        with refusing(self.folder):
            rows = self.table.to_table(columns=["id", "error"], filter="error IS NOT NULL")
            return dict(zip(rows["id"].to_pylist(), rows["error"].to_pylist(), strict=True))

    def write(self, tables: "Sequence[pyarrow.Table]") -> None:
        """Add rows, and replace those with the same ids, in one commit."""
        import pyarrow as pa

        merge = self.table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        merge.execute(pa.concat_tables(tables))
        self.renewed()

    def drop(self, ids: Iterable[str]) -> None:
        """Drop rows by their ids."""
        quoted = ["'" + name.replace("'", "''") + "'" for name in ids]
        for start in range(0, len(quoted), AT_ONCE):
            self.table.delete(f"id IN ({', '.join(quoted[start : start + AT_ONCE])})")

    def tidy(self) -> None:
        """Put small files together, drop old versions, and make the vector index of a large table."""
        self.table.optimize.compact_files()
        if len(self) > EXACT_UP_TO:
            parts = max(int(len(self) ** 0.5), 1)
            options: dict[str, Any] = {
                "num_partitions": parts,
                "num_sub_vectors": _divisor(self.facts.dimension, 16),
                "replace": True,
            }
            self.table.create_index("embedding", "IVF_PQ", metric="dot", **options)
        self.table.cleanup_old_versions(older_than=timedelta(0))

    def vectors(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the embeddings of the pictures in blocks, [B, D], with the places of their rows in the table, [B]."""
        start = 0
        with refusing(self.folder):
            for batch in self.table.scanner(columns=["embedding"], batch_size=BLOCK).to_batches():
                column = batch["embedding"]
                valid = column.is_valid().to_numpy(zero_copy_only=False)
                numbers = column.values.to_numpy(zero_copy_only=False).reshape(-1, self.facts.dimension)
                places = start + np.flatnonzero(valid)
                numbers = numbers[column.offset : column.offset + len(column)][valid]
                if not np.isfinite(numbers).all():
                    raise ValueError("an embedding is not finite")
                yield places, numbers
                start += len(column)

    def nearest(self, vector: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the places [k] and the embeddings [k, D] that the vector index proposes for a direction [D]."""
        with refusing(self.folder):
            near = {"column": "embedding", "q": vector, "k": k, "nprobes": 32, "refine_factor": 4}
            found = self.table.scanner(columns=["embedding", "_distance"], nearest=near, with_row_id=True).to_table()
            numbers = np.stack([value.values.to_numpy(zero_copy_only=False) for value in found["embedding"]])
            return self._places(found["_rowid"].to_numpy()), numbers

    def _places(self, ids: np.ndarray) -> np.ndarray:
        """Return the places in the table of rows by Lance's own numbers."""
        every = self.table.to_table(columns=[], with_row_id=True)["_rowid"].to_numpy()
        order = np.argsort(every)
        places: np.ndarray = order[np.searchsorted(every, ids, sorter=order)]
        return places

    def rows(self, places: Iterable[int]) -> dict[int, Row]:
        """Read the rows at some places in the table, by place.

        Raises:
            InputError: one of them is damaged.
        """
        wanted = sorted(set(places))
        with refusing(self.folder):
            table = self.table.take(wanted)
            return {place: read_row(table.slice(k, 1)) for k, place in enumerate(wanted)}

    def renamed(self, hashes: dict[str, str]) -> list[Row]:
        """Return the rows with these hashes under new names.

        Args:
            hashes: new id -> content hash, of pictures that the table has under other ids.
        """
        rows = []
        for name, content in hashes.items():
            with refusing(self.folder):
                found = self.table.to_table(filter=f"hash = '{content}'", limit=1)
                rows.append(read_row(found) | {"id": name})
        return rows


def _divisor(dimension: int, most: int) -> int:
    return next(k for k in range(min(most, dimension), 0, -1) if dimension % k == 0)
