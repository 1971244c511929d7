"""Columns of tables in memory, whatever library made the table, and the pictures in them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fixlip.errors import InputError, OptionError, unknown

IMAGES = ("image", "picture", "path", "file_name", "filename", "file", "bytes", "jpg", "png")
Raw = Path | bytes | Image.Image | np.ndarray | InputError  # an error takes the place of what cannot be named


def is_table(value: Any) -> bool:
    """Return whether a value has columns by name."""
    return hasattr(value, "column_names") or hasattr(value, "columns")


def columns_of(table: Any) -> list[str]:
    """The names of the columns.

    Raises:
        InputError: the table is a dictionary of several.
    """
    names = getattr(table, "column_names", None)
    if isinstance(names, Mapping):
        raise InputError(f"These are several tables: take one, such as [{next(iter(names), None)!r}].")
    return list(table.columns if names is None else names)


def column_of(names: list[str], column: str | None, usual: Iterable[str], what: str, argument: str) -> str:
    """The column of that name, or the first with a usual one.

    Args:
        names: of the columns that there are.
        column: the name that was asked for, if one was.
        usual: names to try where none was.
        what: what the column has, for the message.
        argument: the one that names the column, likewise.

    Raises:
        OptionError: there is no such column.
    """
    if column is None:
        column = next((name for name in usual if name in names), None)
        if column is None:
            raise OptionError(f"Which column has the {what}? Name one of {', '.join(map(str, names))}: {argument}=.")
    if column not in names:
        raise OptionError(unknown("column", column, map(str, names)))
    return column


def values_of(table: Any, column: str) -> Iterator[Any]:
    """The values of a column, in order; of a data set that streams as well."""
    if hasattr(table, "select_columns") and not hasattr(table, "__len__"):
        yield from (row[column] for row in table.select_columns([column]))
    else:
        yield from (value.as_py() if hasattr(value, "as_py") else value for value in table[column])


def raw_picture(value: Any) -> Raw:
    """A picture as it comes; the dictionary of a picture in a table of Hugging Face is its bytes or its path."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, (bytes, Image.Image, np.ndarray, Path)):
        return value
    return Path(value) if isinstance(value, str) else InputError(f"{type(value).__name__} is not a picture.")
