"""The demo, and the table of it that docs/start.md reads out."""

import re

import pytest

from tests.helpers.paths import ROOT

PAGE = ROOT / "docs" / "start.md"


@pytest.mark.slow
def test_the_table_is_that_of_the_demo(cli, tmp_path):
    code, printed, err = cli("demo", "--out", tmp_path)
    assert (code, err) == (0, "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fixlip-demo.html", "fixlip-demo.png"]
    assert (tmp_path / "fixlip-demo.html").stat().st_size < 1_000_000
    printed = " ".join(printed.split())
    shown = re.search(r"```text\n(.*?)```", PAGE.read_text("utf-8"), re.S)[1].splitlines()
    lines = [" ".join(line.split()) for line in shown if line and line != "..."]
    assert len(lines) >= 6
    assert [line for line in lines if line not in printed] == []
