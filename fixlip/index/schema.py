"""The content of an index: the facts of the whole, the columns of its table, and a checksum for each row."""

import json
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, JsonValue

from fixlip.errors import InputError
from fixlip.index.tower import DIRECTIONS
from fixlip.io.schema import Fields, check_version, checked, parsed

if TYPE_CHECKING:
    import pyarrow

VERSION, LONGEST = 1, 1 << 16  # of the facts: version, bytes
KEY, SUM = b"fixlip", b"fixlip.checksum"  # of the metadata of the table: the facts, and their checksum
CHECK = 16  # bytes of a checksum
MOST_PLAYERS, MOST_PICTURE = 1 << 14, 1 << 24  # of a row: image players, bytes of a thumbnail or a label map


class Facts(Fields):
    """The facts that all pictures of an index share.

    Attributes:
        version: of the layout.
        model, weights: name of the model, and a hash of its weights.
        removal: operator that removed the image players.
        p, seed: rate and seed of the masks.
        image_masks: masks of each picture that were asked for; None for the default.
        image_players: "patches", or regions such as "grid:3".
        dimension: D, of the embeddings.
        dtype: type of embeddings and coefficients.
        versions: of fixlip and of the packages that the numbers depend on.
    """

    version: int = VERSION
    model: str
    weights: str
    removal: str
    p: Annotated[float, Field(gt=0, lt=1)]
    seed: Annotated[int, Field(ge=0)]
    image_masks: Annotated[int, Field(ge=1)] | None
    image_players: str
    dimension: Annotated[int, Field(ge=1, le=1 << 14)]
    dtype: Literal["float16", "float32"]
    versions: dict[str, JsonValue] = Field(default_factory=dict)

    def metadata(self) -> dict[bytes, bytes]:
        """The facts as metadata of a table."""
        text = json.dumps(self.model_dump()).encode()
        return {KEY: text, SUM: _sum(text)}


def read_facts(metadata: Mapping[bytes, bytes] | None) -> Facts:
    """Read the facts from the metadata of a table.

    Raises:
        ValueError: there are none, they are damaged, or a newer fixlip has written them.
    """
    text, total = ((metadata or {}).get(key) for key in (KEY, SUM))
    if text is None or total is None:
        raise ValueError("its table is of another program")
    if len(text) > LONGEST or total != _sum(text):
        raise ValueError("the checksum of its facts does not match")
    facts = parsed(text)
    if isinstance(facts, dict):
        check_version(facts.get("version"), VERSION)
    return checked(facts, Facts)


def table_schema(facts: Facts) -> "pyarrow.Schema":
    """The columns of the table: a row for each picture; where `error` is not null the columns after it are."""
    import pyarrow as pa

    number, real = {"float16": pa.float16(), "float32": pa.float32()}[facts.dtype], pa.float32()
    columns = {
        "id": pa.string(),  # path of the file, member of an archive, or row of a table
        "hash": pa.string(),  # SHA-256 of the bytes of the file, or of the pixels
        "error": pa.string(),  # why the picture cannot be read
        "embedding": pa.list_(number, facts.dimension),  # of the whole picture
        "empty": pa.list_(number, facts.dimension),  # of the picture with every player removed
        "coefficients": pa.list_(number),  # [1 + n, D]: see fixlip.index.tower.Kept, also for the next six
        "basis": pa.list_(pa.float16()),  # [r, D]
        "spread": pa.list_(real),  # [r, r]
        "sizes": pa.list_(real),  # [n + 1]
        "residual": pa.list_(real),  # [r, r]
        "rest": real,
        "r2": real,
        "passes": pa.int32(),  # of the image tower
        "design": pa.string(),  # of the masks, and the fit
        "notes": pa.list_(pa.string()),  # what to know of the picture
        "remarks": pa.list_(pa.string()),  # what to know before trusting the fit
        "grid": pa.list_(pa.int32(), 2),  # rows and columns of patches; 0, 0 for regions
        "regions": pa.binary(),  # label map as a grey PNG of 16 bits: 0 for none, else 1 + number of the region
        "names": pa.list_(pa.string()),  # of the regions
        "visible": pa.list_(pa.float64(), 4),  # the part of the picture that the model sees, in its pixels
        "thumbnail": pa.binary(),  # that part, as JPEG
        "checksum": pa.binary(CHECK),  # of all columns before
    }
    fields = [pa.field(name, kind, nullable=name not in ("id", "hash", "checksum")) for name, kind in columns.items()]
    return pa.schema(fields, metadata=facts.metadata())


def _sum(text: bytes) -> bytes:
    return blake2b(text, digest_size=CHECK).hexdigest().encode()


Row = dict[str, Any]  # values by column; numbers of lists as arrays of numpy


def checksum(row: Row) -> bytes:
    """Compute the checksum of a row from all of its values but `checksum`."""
    digest = blake2b(digest_size=CHECK)
    for name, value in row.items():
        if name != "checksum":
            if isinstance(value, np.ndarray):
                value = value.tobytes()
            content = b"" if value is None else value if isinstance(value, bytes) else repr(value).encode()
            digest.update(f"{name}:{len(content)}:".encode() + content)
    return digest.digest()


def table_of(rows: Iterable[Row], facts: Facts) -> "pyarrow.Table":
    """Make a table of rows, with their checksums; values that a row does not have are null."""
    import pyarrow as pa

    schema = table_schema(facts)
    full = [{name: row.get(name) for name in schema.names} for row in rows]
    return pa.Table.from_pylist([row | {"checksum": checksum(row)} for row in full], schema=schema)


def read_row(batch: "pyarrow.RecordBatch | pyarrow.Table") -> Row:
    """Read the row of a table that has just one, and check it.

    Raises:
        InputError: the checksum does not match, or the lengths of the arrays do not fit together.
    """
    import pyarrow as pa

    row: Row = {}
    for field in batch.schema:
        value = batch[field.name][0]
        numbers = pa.types.is_list(field.type) or pa.types.is_fixed_size_list(field.type)
        if numbers and value.is_valid and not pa.types.is_string(field.type.value_type):
            row[field.name] = value.values.to_numpy(zero_copy_only=False)
        else:
            row[field.name] = value.as_py()
    if row.get("checksum") != checksum(row):
        raise InputError(f"The index is damaged: the checksum of {row.get('id')!r} does not match. Build it again.")
    if row["error"] is None:
        check_row(row)
    return row


def check_row(row: Row) -> None:
    """Check that the parts of a row of a picture fit together.

    Raises:
        InputError: they do not.
    """
    dimension, (rows, columns) = len(row["embedding"]), (int(side) for side in row["grid"])
    n, r = len(row["sizes"]) - 1, len(row["basis"]) // dimension
    lengths = {"coefficients": (1 + n) * dimension, "basis": r * dimension, "spread": r * r, "residual": r * r}
    fit = all(len(row[name]) == length for name, length in lengths.items()) and r <= DIRECTIONS
    places = rows * columns == n if row["regions"] is None else len(row["names"]) == n
    sizes = max(len(row["thumbnail"]), len(row["regions"] or b"")) <= MOST_PICTURE
    finite = all(np.isfinite(row[name]).all() for name in (*lengths, "embedding", "empty", "visible"))
    if not (0 < n <= MOST_PLAYERS and fit and places and sizes and finite):
        raise InputError(f"The index is damaged: the numbers of {row['id']!r} do not fit together. Build it again.")
