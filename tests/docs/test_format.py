"""docs/format.md names what `fixlip.results.file_format` reads and `fixlip.results.storage` writes."""

import json
import re
from types import NoneType
from typing import get_args

import pytest

from fixlip.results import file_format
from fixlip.results.storage import _header
from tests.helpers.paths import ROOT
from tests.helpers.saved import DATA, full, third_order

PAGE = (ROOT / "docs" / "format.md").read_text("utf-8")
WORDS = {"text": str, "whole number": int}


def table(heading):
    """Rows of the table whose first heading this is."""
    lines = PAGE[PAGE.index(f"| {heading} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(
    ("heading", "declared"),
    [
        ("field", file_format.Header.model_fields),
        ("field of a player", file_format.PlayerFields.model_fields),
        ("field of the provenance", file_format.ProvenanceFields.model_fields),
        ("array", file_format.ARRAYS),
    ],
)
def test_every_name_is_on_the_page(heading, declared):
    assert [row[0].strip("`") for row in table(heading)] == list(declared)


def test_the_types_are_those_of_the_code():
    rows = [*((r, file_format.Header.model_fields) for r in table("field"))]
    rows += [(r, file_format.ProvenanceFields.model_fields) for r in table("field of the provenance")]
    rows += [(r, file_format.PlayerFields.model_fields) for r in table("field of a player")]
    checked = 0
    for (name, said, _), declared in rows:
        kind = declared[name.strip("`")].annotation
        assert ("null" in said.partition(" of ")[0]) == (NoneType in get_args(kind)), name
        if said in WORDS:
            checked += 1
            assert kind is WORDS[said] or (said == "text" and isinstance(get_args(kind)[0], str)), name
    assert checked > 10


def test_shapes_are_those_of_the_code():
    for name, kind, shape, _ in table("array"):
        kinds, sides, _ = file_format.ARRAYS[name.strip("`")]
        assert tuple(shape.split(", ")) == sides
        assert ("F64" in kinds) == (kind == "float")


def test_what_is_written_is_what_is_listed(tmp_path):
    arrays = set()
    for explanation in (full(), third_order()):
        explanation.save(tmp_path / "x")
        content = (tmp_path / "x").read_bytes()
        assert {r[0].strip("`") for r in table("field")} == set(_header(content))
        arrays |= set(json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")]))
    assert arrays - {"__metadata__"} == set(file_format.ARRAYS) - {"regions", "visible"}


def test_the_limits_are_those_of_the_code():
    assert f"{file_format.LARGEST >> 20} MiB" in PAGE
    assert f"{file_format.LONGEST >> 20} MiB" in PAGE
    assert "2²⁵ pixels" in PAGE
    assert file_format.PIXELS == 2**25
    assert [row[0] for row in table("version")] == [str(v) for v in range(1, file_format.VERSION + 1)]
    for version in range(1, file_format.VERSION + 1):
        assert list(DATA.glob(f"v{version}-*.fixlip")), "a file of each is kept with the tests"


def test_the_reader_of_the_page_reads_the_files_of_this_version():
    code = re.search(r"```python\n(.*?)```", PAGE, re.S)[1]
    space = {}
    exec(code, space)
    header, arrays = space["read"](DATA / f"v{file_format.VERSION}-full.fixlip")
    meant = full()
    assert header["caption"] == meant.players.caption
    assert arrays["first_order"].tobytes() == meant.first_order.tobytes()
    assert arrays["curves_order"].tolist() == meant.curves.order.tolist()
