"""The table that docs/start.md reads out is the one that the demo prints."""

import re

import pytest

from tests.helpers.paths import ROOT

PAGE = ROOT / "docs" / "start.md"


@pytest.mark.slow
def test_the_table_is_that_of_the_demo(cli, tmp_path):
    code, printed, _ = cli("demo", "--out", tmp_path, "--no-curves")
    assert code == 0
    printed = " ".join(printed.split())
    shown = re.search(r"```text\n(.*?)```", PAGE.read_text("utf-8"), re.S)[1].splitlines()
    lines = [" ".join(line.split()) for line in shown if line and line != "..."]
    assert len(lines) >= 6
    assert [line for line in lines if line not in printed] == []
