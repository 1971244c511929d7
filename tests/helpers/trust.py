"""Which faults and inputs the tests try: the marker ``trust``, the fixture ``tried``, and the table of `docs/trust.md`.

``@pytest.mark.trust(section, input, outcome)`` makes a test a row of the table. Each of its cases counts one, or what
it hands to ``tried``. ``FIXLIP_WRITE_TABLE=1 pytest -m trust`` writes the table anew.
"""

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "trust.md"
BEGIN, END = "<!-- tried -->\n", "<!-- /tried -->"
SECTIONS = (
    "Saved explanations",
    "Pictures",
    "Data sets and other files",
    "Pages, reports, terminal",
    "Numbers",
    "Faults",
    "Determinism and threads",
    "Properties",
    "Packaging",
)


class Row(NamedTuple):
    """What was tried, and what comes of it."""

    section: str
    input: str
    outcome: str


@pytest.fixture
def tried(record_property):
    """Counts the cases inside a test."""
    cases = Counter()
    yield lambda n=1: cases.update(n=n)
    record_property("tried", cases["n"])


class Trials:
    """A pytest plugin: the rows that the collected tests declare, the cases of each that passed, and the files."""

    def __init__(self):
        self.declared, self.collected = {}, set()
        self.cases, self.files, self.called, self.failed = Counter(), {}, set(), False

    def pytest_configure(self, config):
        config.addinivalue_line("markers", "trust(section, input, outcome): a row of docs/trust.md")

    @pytest.hookimpl(tryfirst=True)  # before any is deselected
    def pytest_collection_modifyitems(self, items):
        for item in items:
            file = item.nodeid.split("::")[0]
            self.collected.add(file)
            for mark in item.iter_markers("trust"):
                item.user_properties.append(("trust", mark.args))
                self.declared.setdefault(Row(*mark.args), set()).add(file)

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.called.add(report.nodeid)
        properties = dict(report.user_properties)
        self.failed |= report.failed and "trust" in properties
        if report.when == "teardown" and report.nodeid in self.called and "trust" in properties:
            row = Row(*properties["trust"])
            self.cases[row] += properties.get("tried", 1)
            self.files.setdefault(row, set()).add(report.nodeid.split("::")[0])

    def pytest_terminal_summary(self, terminalreporter, config):
        if config.args_source.name == "TESTPATHS" and config.option.markexpr in ("", "trust"):  # nothing is left out
            terminalreporter.write_line(f"{len(self.cases)} kinds of faults and inputs, {self.cases.total()} cases")
            if os.environ.get("FIXLIP_WRITE_TABLE") and not self.failed:
                write(table(self.cases, self.files))


def table(cases, files):
    """Markdown, one table for each section."""
    blocks = []
    for section in SECTIONS:
        rows = sorted(row for row in cases if row.section == section)
        lines = [
            f"| {row.input} | {cases[row]} | {row.outcome} | {', '.join(f'`{f}`' for f in sorted(files[row]))} |"
            for row in rows
        ]
        if lines:
            blocks += [f"### {section}\n", "| what | cases | outcome | tests |\n| --- | ---: | --- | --- |", *lines, ""]
    return f"{cases.total()} cases of {len(cases)} kinds.\n\n" + "\n".join(blocks)


def write(new):
    """Put the table into its page."""
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    PAGE.write_text(before + BEGIN + new + END + rest.split(END)[1], "utf-8")
