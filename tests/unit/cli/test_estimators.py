"""The output of `fixlip estimators`, and the tables of `docs/capabilities.md`.

`FIXLIP_WRITE_TABLE=1 pytest tests/unit/cli/test_estimators.py` writes them anew.
"""

import os
import re
from importlib import import_module

import pytest

import fixlip
from fixlip.cli import capabilities
from fixlip.cli.console import Printer
from fixlip.request import Request
from tests.helpers.paths import ROOT

PAGE = ROOT / "docs" / "capabilities.md"
MODULE = import_module("fixlip.cli.estimators")  # the name leads to its function


def built_in():
    own, family = capabilities.groups(fixlip.list_estimators())
    ours = [n for n in own if fixlip.estimator_class(n).__module__.startswith("fixlip.estimators")]
    return ours, [n for n in family if n.startswith("shapiq:")]


def tables():
    """Those of built-in estimators, and of shapiq."""
    rows = ([capabilities.row(n, 49, 8) for n in names] for names in built_in())
    return [capabilities.markdown(some, list(capabilities.Row._fields)) for some in rows]


@pytest.mark.slow
def test_the_tables_of_the_docs_are_current():
    own, shapiq = tables()
    if os.environ.get("FIXLIP_WRITE_TABLE"):
        PAGE.write_text(PAGE.read_text("utf-8").split("| name |")[0] + own + "\n" + shapiq, "utf-8")
    _, found, of_shapiq = re.split(r"^(?=\| name)", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    assert found.strip() == own.strip(), "write the table anew"
    versions = re.compile(r"shapiq [\d.]+")
    if set(versions.findall(of_shapiq)) == set(versions.findall(shapiq)):
        assert of_shapiq.strip() == shapiq.strip(), "write the table anew"


def test_a_row_says_what_the_class_says():
    for name in built_in()[0]:
        row, c = capabilities.row(name, 4, 3, 128), fixlip.estimator_class(name).capabilities
        image, text = fixlip.get_estimator(name).passes(4, 3, Request(128))
        assert row.passes == f"{image} + {text}"
        assert (row.name, row.answers, row.source) == (name, c.summary, c.source)
        assert ("cross" in row.pairs, "within" in row.pairs) == (c.cross, c.within)
        assert (row.needs == "gradients", row.exact == "yes") == (c.gradients, c.exact)
        assert set(row.indices.split(", ")) == set(c.index)


def test_what_cannot_take_the_size_says_why():
    assert capabilities.row("exact", 49, 8).passes == "more than 20 players"
    assert capabilities.row("exact", 9, 8).passes == "514 + 258"
    assert re.fullmatch(r"budget of \d+ or more|\d+ .*", capabilities.row("banzhaf", 49, 8, 9).passes)


def test_piped_every_estimator_is_one_whole_line(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    code, out, _ = cli("estimators")
    heading, *lines = out.splitlines()
    assert code == 0
    assert heading.split() == list(capabilities.Row._fields)
    own, family = capabilities.groups(fixlip.list_estimators())
    assert [line.split()[0] for line in lines] == own + family
    for line, name in zip(lines, own + family, strict=True):
        assert fixlip.estimator_class(name).capabilities.summary in line


@pytest.mark.parametrize("width", [80, 120, 200])
def test_on_a_terminal_it_fits(cli, monkeypatch, width):
    monkeypatch.setattr(
        MODULE, "Printer", lambda **options: Printer(width=width, force_terminal=True, no_color=True, **options)
    )
    out = re.sub(r"\x1b\[[\d;]*m", "", cli("estimators")[1])
    lines = out.splitlines()
    assert max(map(len, lines)) <= width
    assert [name for name in fixlip.list_estimators() if not re.search(rf"^{re.escape(name)} ", out, re.M)] == []
    for word in ("Interaction-CAM", "4,098 + 258", "gradients", "cross, within"):
        assert word in out
    assert ("orders" in lines[0], "source" in lines[0]) == (width >= 110, width >= 180)
    assert out.index("shapley-owen") < out.index("shapiq:KernelSHAP")
    narrow = re.sub(r"\x1b\[[\d;]*m", "", cli("estimators", "--wide")[1])
    assert max(map(len, narrow.splitlines())) > 200


def test_sizes_and_budget_are_flags(cli):
    passes = {
        line.split()[0]: line
        for line in cli("estimators", "--image-players", 4, "--text-players", 3, "--budget", 128)[1].splitlines()
    }
    assert " 18 + 10 " in passes["banzhaf"]
    assert " 18 + 10 " in passes["exact"]


def test_one_estimator_with_its_options(cli):
    code, out, _ = cli("estimators", "--name", "exact")
    flat = " ".join(out.split())
    assert code == 0
    assert "index='FWBII', order=2, p=0.5" in flat
    assert "it takes up to 20 players. Make fewer" in flat
    assert "p: for FWBII and WBV, probability" in flat
    assert "banzhaf weighted" not in flat
    code, out, err = cli("estimators", "--name", "banzaf")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "Did you mean 'banzhaf'" in err


def test_paragraphs_flow_and_items_stay():
    doc = "One\nsentence.\n\nOptions:\n    p: a\n        b.\n    q: c.\n\n- x\n  y\n- z\n\nExample:\n    >>> 1"
    assert MODULE._flowing(doc) == "One sentence.\n\nOptions:\n    p: a b.\n    q: c.\n\n- x y\n- z"
