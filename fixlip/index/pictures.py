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
from fixlip.datasets.reading import PICTURES, within
from fixlip.errors import InputError, OptionError, unknown
from fixlip.io.files import read_bytes
from fixlip.io.images import MAX_BYTES, open_image

TABLES = {".parquet", ".csv", ".tsv"}
TARS = (".tar", ".tar.gz", ".tgz")
COLUMNS = ("image", "picture", "path", "file_name", "filename", "file", "bytes", "jpg", "png")
Raw = Path | bytes | Image.Image | np.ndarray | InputError  # an error takes the place of what cannot be named


def pictures(images: Any, column: str | None = None) -> Iterator[tuple[str, Raw]]:
    """Yield the name of each picture, and the picture or its file, which is not opened yet; each name once.

    Args:
        images: a folder (with those below it), a pattern (``photos/**/*.jpg``), a picture file, a tar file of pictures,
            a table (Parquet, CSV, TSV), a PIL image, an array, the bytes of a file; a data frame, an Arrow table or a
            `datasets.Dataset`; or an iterable of these.
        column: of a table: paths, bytes or pictures; the first of those in `COLUMNS` when None. Paths in a table file
            are relative to its folder and lead nowhere else.

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
    elif hasattr(images, "column_names") or hasattr(images, "columns"):
        yield from _rows(images, column)
    else:
        many = isinstance(images, Iterable) and not isinstance(images, (bytes, np.ndarray, Image.Image))
        for number, image in enumerate(images if many else in_order("images", images, Image.Image)):
            if isinstance(image, (str, os.PathLike)):
                yield from _place(str(image), column)
            elif hasattr(image, "column_names") or hasattr(image, "columns"):
                yield from _rows(image, column)
            else:
                yield str(number), _raw(image)


def _raw(value: Any) -> Raw:
    """A picture as it comes; the dictionary of a picture in a table of Hugging Face is its bytes or its path."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, (bytes, Image.Image, np.ndarray, Path)):
        return value
    return Path(value) if isinstance(value, str) else InputError(f"{type(value).__name__} is not a picture.")


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
    raw = _raw(value)
    if not isinstance(raw, Path):
        return f"{table}#{number}", raw
    try:
        name = os.path.relpath(raw, table.parent) if raw.is_absolute() else str(raw)
        return str(table.parent / name), within(table.parent, name)
    except (InputError, ValueError) as error:
        return f"{table}#{number}", error if isinstance(error, InputError) else InputError(f"{error}.")


def _rows(table: Any, column: str | None) -> Iterator[tuple[str, Raw]]:
    """A column of a table in memory: a data frame, a table of Arrow, or a `datasets.Dataset`."""
    chosen = _column(list(getattr(table, "column_names", None) or table.columns), column)
    values = table[chosen]
    for number, value in enumerate(values):
        raw = _raw(value.as_py() if hasattr(value, "as_py") else value)
        yield (str(raw) if isinstance(raw, Path) else str(number)), raw


def _column(names: list[str], column: str | None) -> str:
    if column is None:
        column = next((name for name in COLUMNS if name in names), None)
        if column is None:
            raise OptionError(f"Which column has the pictures? Name one of {', '.join(map(str, names))}: column=.")
    if column not in names:
        raise OptionError(unknown("column", column, map(str, names)))
    return column
