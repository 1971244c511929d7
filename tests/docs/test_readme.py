"""The README's Python runs as it stands; its commands exist."""

import re

import pytest

from tests.helpers.paths import ROOT

README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_the_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert {"page.html", "both.html", "both.png", "why.html"} <= {path.name for path in tmp_path.iterdir()}


def test_it_is_short_and_its_animations_are_light():
    assert len(README.splitlines()) <= 150
    shown = re.findall(r"(?:src|srcset)=\"([^\"]+)", README)
    assert all((ROOT / name).stat().st_size < 2_000_000 for name in shown)


def test_links_lead_somewhere():
    for target in re.findall(r"(?:\]\(|src=\"|srcset=\")(?!http)([^)\"]+)", README):
        assert (ROOT / target.partition("#")[0]).exists(), target
