"""The pictures to index, from whatever holds them: a name for each, and the picture itself or where it is."""

import glob
import os
import tarfile
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fixlip.arguments import in_order
from fixlip.datasets.columns import IMAGES, Raw, column_of, columns_of, is_table, raw_picture, values_of
from fixlip.datasets.reading import PICTURES, within
from fixlip.errors import InputError
from fixlip.io.files import read_bytes
from fixlip.io.images import MAX_BYTES, open_image

TABLES = {".parquet", ".csv", ".tsv"}
TARS = (".tar", ".tar.gz", ".tgz")


def pictures(images: Any, column: str | None = None) -> Iterator[tuple[str, Raw]]:
    """Yield the name of each picture, and the picture or its file, which is not opened yet; each name once.

    Args:
        images: a folder (with those below it), a pattern (``photos/**/*.jpg``), a picture file, a tar file of pictures,
            a table (Parquet, CSV, TSV), a PIL image, an array, the bytes of a file; a data frame, an Arrow table or a
            `datasets.Dataset`; or an iterable of these.
        column: of a table: paths, bytes or pictures; the first of those in `columns.IMAGES` when None. Paths in a table
            file are relative to its folder and lead nowhere else.

    Raises:
        InputError: something is not there, or holds no picture; a table or an archive is damaged.
        OptionError: there is no such column.
    """
    seen: set[str] = set()
    for name, raw in _every(images, column):
        if name not in seen:
            seen.add(name)
            yield name, raw


def content_hash(raw: Raw) -> str:
    """Compute the SHA-256 of the bytes of a file, or of the pixels of a picture.

    Raises:
        InputError: it cannot be read.
    """
    if isinstance(raw, InputError):
        raise raw
    if isinstance(raw, (Path, bytes)):
        return sha256(raw if isinstance(raw, bytes) else read_bytes(raw, MAX_BYTES)).hexdigest()
    pixels = np.asarray(open_image(raw))
    return sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def _every(images: Any, column: str | None) -> Iterator[tuple[str, Raw]]:
    if isinstance(images, (str, os.PathLike)):
        yield from _place(str(images), column)
    elif is_table(images):
        yield from _rows(images, column)
    else:
        many = isinstance(images, Iterable) and not isinstance(images, (bytes, np.ndarray, Image.Image))
        for number, image in enumerate(images if many else in_order("images", images, Image.Image)):
            if isinstance(image, (str, os.PathLike)):
                yield from _place(str(image), column)
            elif is_table(image):
                yield from _rows(image, column)
            else:
                yield str(number), raw_picture(image)


def _place(place: str, column: str | None) -> Iterator[tuple[str, Raw]]:
    path = Path(os.path.expanduser(place))
    if path.is_dir():
        found = sorted(_below(path))
    elif path.is_file():
        if place.lower().endswith(TARS):
            yield from _members(path)
            return
        if path.suffix.lower() in TABLES:
            yield from _table(path, column)
            return
        found = [path]
    elif glob.has_magic(place):
        found = sorted(one for one in map(Path, glob.iglob(str(path), recursive=True)) if _is_picture(one))
    else:
        raise InputError(f"No picture, folder, table or archive {place!r}.")
    if not found:
        raise InputError(f"No picture in {place!r} ({', '.join(sorted(PICTURES))}).")
    yield from ((str(one), one) for one in found)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURES and path.is_file()


def _below(root: Path) -> Iterator[Path]:
    """Pictures of a folder and those below it; links to folders are not followed, nor hidden folders."""
    for folder, below, files in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield from (one for one in (Path(folder, file) for file in files) if _is_picture(one))


def _members(path: Path) -> Iterator[tuple[str, Raw]]:
    """Pictures of a tar file, such as a shard of webdataset, read in one go."""
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                if not member.isfile() or Path(member.name).suffix.lower() not in PICTURES:
                    continue
                name = f"{path}/{member.name}"
                if member.size > MAX_BYTES:
                    yield name, InputError(f"{member.name!r} is too large: {member.size:,} bytes.")
                    continue
                file = archive.extractfile(member)
                yield name, file.read(MAX_BYTES) if file else InputError(f"{member.name!r} cannot be read.")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"{str(path)!r} is not a complete tar file: {error}.") from error


def _table(path: Path, column: str | None) -> Iterator[tuple[str, Raw]]:
    """A column of a table file, in batches of rows."""
    import pyarrow
    from pyarrow import csv, parquet

    try:
        if path.suffix.lower() == ".parquet":
            file = parquet.ParquetFile(path)
            chosen = _column(file.schema_arrow.names, column)
            batches = file.iter_batches(batch_size=256, columns=[chosen])
        else:
            parse = csv.ParseOptions(delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            names = csv.open_csv(path, parse_options=parse).schema.names
            chosen = _column(names, column)
            convert = csv.ConvertOptions(include_columns=[chosen], column_types={chosen: pyarrow.string()})
            batches = csv.open_csv(path, parse_options=parse, convert_options=convert)
        number = 0
        for batch in batches:
            for value in batch.column(0).to_pylist():
                yield _listed(path, number, value)
                number += 1
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{str(path)!r} cannot be read as a table: {reason}.") from error


def _listed(table: Path, number: int, value: Any) -> tuple[str, Raw]:
    """A row of a table file: its path in the folder of the table, or its bytes under the number of the row."""
    raw = raw_picture(value)
    if not isinstance(raw, Path):
        return f"{table}#{number}", raw
    try:
        name = os.path.relpath(raw, table.parent) if raw.is_absolute() else str(raw)
        return str(table.parent / name), within(table.parent, name)
    except (InputError, ValueError) as error:
        return f"{table}#{number}", error if isinstance(error, InputError) else InputError(f"{error}.")


def _rows(table: Any, column: str | None) -> Iterator[tuple[str, Raw]]:
    """A column of a table in memory: a data frame, a table of Arrow, or a `datasets.Dataset`."""
    for number, value in enumerate(values_of(table, _column(columns_of(table), column))):
        raw = raw_picture(value)
        yield (str(raw) if isinstance(raw, Path) else str(number)), raw


def _column(names: list[str], column: str | None) -> str:
    return column_of(names, column, IMAGES, "pictures", "column")
