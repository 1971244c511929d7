"""The page for everybody: axe-core, keyboard, touch, reduced motion, forced colours, print, colour-blindness."""

import numpy as np
import pytest

from fixlip import colours
from tests.browser import PHONE, browser, open_page, word
from tests.pictures import comparison, contrast, explanation, gallery

pytestmark = [pytest.mark.slow, pytest.mark.browser]
__all__ = ["browser", "open_page"]

PAGES = {
    "one": lambda: explanation(status="give more masks"),
    "comparison": comparison,
    "contrast": contrast,
    "gallery": gallery,
    "first-order": lambda: explanation(first_only=True),
}


def violations(page):
    """What axe-core finds that is serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        (v["id"], v["help"], [node["html"][:120] for node in v["nodes"]][:3])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(open_page, name, scheme):
    page = open_page(PAGES[name](), color_scheme=scheme)
    for details in page.locator("details").all():
        details.evaluate("d => { d.open = true }")
    assert violations(page) == []
    if page.locator("#layout input").count():
        page.get_by_label("one at a time").check()
        assert violations(page) == []
        page.get_by_label("side by side").check()
        assert violations(page) == []
    word(page, 0).first.click()
    page.locator('[data-patch="3"]').first.click()
    assert violations(page) == []
