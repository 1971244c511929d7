"""`docs/trust.md` links the tests that it speaks of, and leaves none of the robustness tests out."""

import re

from tests.helpers.paths import ROOT


def linked(page):
    return {(ROOT / "docs" / place).resolve() for place in re.findall(r"\]\((\.\./tests/[^)]+)\)", page)}


def test_every_robustness_test_is_linked_and_every_link_leads_to_a_test():
    files = linked((ROOT / "docs" / "trust.md").read_text("utf-8"))
    assert all(file.is_file() for file in files)
    assert set((ROOT / "tests" / "robustness").glob("test_*.py")) <= files
