"""`docs/trust.md` lists what the tests try."""

import re

from tests.helpers.trust import BEGIN, END, PAGE, ROOT, SECTIONS, Row, Trials, table

pytest_plugins = "pytester"
ROW = re.compile(r"^\| (.+) \| (\d+) \| (.+) \| (.+) \|$", re.M)


def written():
    page = PAGE.read_text("utf-8").split(BEGIN)[1].split(END)[0]
    parts = re.split(r"^### (.+)\n", page, flags=re.M)[1:]
    return {
        Row(section, what, outcome): (int(cases), set(re.findall(r"`(.+?)`", files)))
        for section, rows in zip(parts[::2], parts[1::2], strict=True)
        for what, cases, outcome, files in ROW.findall(rows)
    }


def test_every_row_is_a_test_and_every_such_test_a_row(request):
    trials = request.config.pluginmanager.get_plugin("trials")
    rows = {row: files for row, (_, files) in written().items()}
    for row, files in trials.declared.items():
        assert files <= rows.get(row, set()), f"{row}: FIXLIP_WRITE_TABLE=1 pytest -m trust"
    if {f"tests/{path.name}" for path in (ROOT / "tests").glob("test_*.py")} <= trials.collected:
        assert rows == trials.declared, "FIXLIP_WRITE_TABLE=1 pytest -m trust"


def test_every_row_has_a_section_and_cases():
    for row, (cases, _) in written().items():
        assert row.section in SECTIONS
        assert cases > 0
        assert "|" not in row.input + row.outcome


def test_cases_are_counted_and_skipped_or_failed_ones_are_not(pytester):
    pytester.makeconftest("from tests.helpers.trust import tried")
    pytester.makepyfile(
        test_some="""
        import pytest

        @pytest.mark.trust("Numbers", "a", "b")
        def test_counts(tried):
            tried(3), tried()

        @pytest.mark.trust("Numbers", "a", "b")
        @pytest.mark.parametrize("k", [1, 2])
        def test_each(k): pass

        @pytest.mark.trust("Faults", "c", "d")
        def test_skipped(): pytest.skip("no")

        @pytest.mark.trust("Faults", "e", "f")
        def test_fails(): assert 0
        """
    )
    trials = Trials()
    pytester.inline_run(plugins=[trials])
    assert trials.cases == {Row("Numbers", "a", "b"): 6}
    assert trials.failed
    shown = table(trials.cases, trials.files)
    assert shown.startswith("6 cases of 1 kinds.")
    assert "| a | 6 | b | `test_some.py` |" in shown
