"""`docs/evaluation.md`: its tables are what the code says, its examples run.

`FIXLIP_WRITE_TABLE=1 pytest tests/docs/test_evaluation.py` writes the tables anew.
"""

import os
import re
from inspect import getdoc, signature

import pytest

from fixlip.datasets import SOURCES
from fixlip.evaluation import get_metric, list_metrics
from tests.helpers.paths import ROOT

PAGE = ROOT / "docs" / "evaluation.md"


def markdown(heading, rows):
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def defaults(function, *without):
    parameters = [p for p in signature(function).parameters.values() if p.name not in without]
    return ", ".join(f"`{p.name}={p.default}`" for p in parameters)


def metrics():
    records = map(get_metric, list_metrics())
    rows = [[f"`{m.name}`", m.summary, m.needs or "any", defaults(m.function, "case")] for m in records]
    return markdown(["metric", "asks", "needs", "options"], rows)


def data():
    rows = []
    for name, source in sorted(SOURCES.items()):
        make = source.load()
        spec = name if source.first == "n" else f"{name}:/path"
        rows.append([f"`{spec}`", getdoc(make).split("\n\n")[0].replace("\n", " "), defaults(make, "root")])
    return markdown(["name", "items", "options"], rows)


@pytest.mark.parametrize(("name", "table"), [("metrics", metrics), ("data", data)])
def test_the_tables_are_current(name, table):
    between = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.S)
    if os.environ.get("FIXLIP_WRITE_TABLE"):
        PAGE.write_text(between.sub(lambda _: table(), PAGE.read_text("utf-8")), "utf-8")
    assert between.findall(PAGE.read_text("utf-8")) == [table()], "write the table anew"


@pytest.mark.slow
def test_the_python_runs(capsys):
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S):
        exec(compile(block, PAGE.name, "exec"), {})
    assert "PGE" in capsys.readouterr().out


def test_the_flags_exist(cli):
    text = PAGE.read_text("utf-8")
    known = cli("evaluate", "--help")[1] + cli("report", "--help")[1]
    for flag in set(re.findall(r"--[a-z][a-z-]+", text)):
        assert flag in known, flag
