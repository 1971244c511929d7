"""The page of a report in a real browser."""

import pytest

from fixlip.evaluation.report import report
from tests.helpers import results
from tests.helpers.browser import ARTIFACTS, browser
from tests.unit.evaluation.test_report import EVIL, stand_in

pytestmark = pytest.mark.browser
__all__ = ["browser"]
LOOKS = {
    "light": {"viewport": {"width": 1180, "height": 900}},
    "dark": {"viewport": {"width": 1180, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True},
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    rows = results.rows(24, better=0.1)
    rows[0]["caption"] = rows[-1]["reason"] = EVIL
    report(results.write(folder, rows), html=folder / "report.html", explain=stand_in)
    return folder / "report.html"


@pytest.mark.parametrize("look", LOOKS)
def test_the_page_is_whole(browser, path, look):
    context, trouble = browser.new_context(**LOOKS[look]), []
    page = context.new_page()
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda r: r.url.startswith(("file:", "data:")) or trouble.append(r.url))
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager' })")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 100)")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.evaluate("document.querySelectorAll('script').length") == 0
    strips = page.evaluate("[...document.querySelectorAll('.strip .value')].map(e => e.getBoundingClientRect().width)")
    assert len(strips) > 50
    assert sum(width > 0 for width in strips) > 50
    ink, paper = page.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
    light = [sum(map(int, colour[4:-1].split(","))) for colour in (ink, paper)]
    assert (light[0] > light[1]) == (look == "dark")
    sources = page.evaluate("[...document.querySelectorAll('.figures img')].map(image => image.currentSrc)")
    assert sources
    if look == "dark":
        assert all(
            s == d
            for s, d in zip(
                sources,
                page.evaluate("[...document.querySelectorAll('.figures source')].map(s => s.srcset)"),
                strict=True,
            )
        )
    page.locator("summary").first.click()
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"report-{look}.png", full_page=True)
    context.close()
    assert trouble == []


def test_an_example_leads_to_its_explanation(browser, path):
    page, trouble = browser.new_page(viewport={"width": 1180, "height": 900}), []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(path.as_uri())
    link = page.get_by_role("link", name="Look into it").nth(2)
    label = link.get_attribute("aria-label").removeprefix("Look into it: ")
    link.click()
    page.wait_for_url("**/report-examples.html#show-2")
    chosen = page.locator('[role="tab"][aria-selected="true"]')
    assert chosen.get_attribute("id") == "tab-2"
    assert chosen.inner_text().startswith(label)
    assert page.locator("#panel-2").is_visible()
    page.screenshot(path=ARTIFACTS / "report-examples.png", full_page=True)
    page.close()
    assert trouble == []
