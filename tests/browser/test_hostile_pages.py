"""Texts of others in pages and reports, in a real browser: nothing runs, nothing is asked of anybody."""

import pytest
from markdown_it import MarkdownIt

from fixlip import viewer
from fixlip.evaluation.report import report
from tests.helpers import results
from tests.helpers.browser import settle
from tests.helpers.hostile_texts import TEXTS, kinds, poisoned
from tests.unit.evaluation.test_report import stand_in

pytestmark = pytest.mark.browser

NONE = "() => typeof pwned === 'undefined' && document.querySelectorAll('script').length"
ALL = "".join(TEXTS[:40])
KINDS = ("explanation", "comparison", "contrast", "gallery", "hits")
SCRIPTS = 2  # the data, and the page's own
FOREIGN = """() => [...document.querySelectorAll("*")].filter((e) =>
  e.matches("img:not([src^='data:']), iframe, base, link, object") || [...e.attributes].some((a) => /^on/.test(a.name))
).length"""


def unharmed(page, scripts):
    settle(page)
    assert page.evaluate(NONE) == scripts
    assert page.evaluate(FOREIGN) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_pages_run_nothing_of_others(open_page, kind):
    page = open_page(kinds(ALL)[kind])
    unharmed(page, SCRIPTS)
    for details in page.locator("details").all():
        details.evaluate("e => e.open = true")
    page.locator("[data-word]").first.click()
    page.locator("[data-patch]").first.hover()
    for closer in page.locator(".look").all()[:1]:
        closer.click()
    for value in page.locator("[data-part=pairs] tr").all()[:3]:
        value.hover()
    unharmed(page, SCRIPTS)


def test_a_page_for_each_text(open_page, tmp_path, browser):
    page = open_page(poisoned("dog"))
    for k, text in enumerate(TEXTS):
        path = tmp_path / f"{k}.html"
        viewer.to_html(poisoned(text), path)
        page.goto(path.as_uri())
        assert page.evaluate(NONE) == SCRIPTS
        assert page.evaluate("data.model") == text.encode("utf-8", "replace").decode() or "\0" in text


def hostile_run(folder, text):
    """A run in which every text is that one."""
    found = results.rows(3)
    for row in found:
        row |= {"item": f"{row['item']}{text}"}
        row |= {"model": f"{row['model']}{text}"} if row["model"] else {}
        row |= {"estimator": f"{row['estimator']}{text}", "caption": text} if row["estimator"] else {}
        row |= {"reason": text, "fault": text} if row["status"] == "bad" else {}
        for values in row.get("metrics", {}).get("grounding", {}).get("objects", []):
            values["name"] = text
    return results.write(folder, found, {k: text if isinstance(v, str) else v for k, v in results.SETTINGS.items()})


@pytest.mark.parametrize("kind", ["html", "markdown"])
def test_reports_run_nothing_of_others(browser, tmp_path, kind):
    text = ALL.replace("\n", " ")
    made = report(hostile_run(tmp_path, text), explain=stand_in)
    written = made.to_html()
    if kind == "markdown":
        written = MarkdownIt("commonmark", {"html": True}).enable("table").render(made.to_markdown("figures"))
        assert "<table" in written
    path = tmp_path / "page.html"
    path.write_text(written, "utf-8")
    context, trouble = browser.new_context(), []
    page = context.new_page()
    page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda r: r.url.startswith(("file:", "data:")) or trouble.append(r.url))
    page.goto(path.as_uri())
    assert page.evaluate(NONE) == 0
    if kind == "html":
        unharmed(page, 0)
        assert page.locator("meta[http-equiv=Content-Security-Policy]").count() == 1
    links = page.eval_on_selector_all("a", "all => all.map(a => a.getAttribute('href'))")
    assert not [link for link in links if not link.startswith("#")]
    images = page.eval_on_selector_all("img", "all => all.map(i => i.getAttribute('src'))")
    assert all(source.startswith(("data:", "figures/")) for source in images)
    context.close()
    assert trouble == []


def test_the_check_would_see_it(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(f"<p>{ALL}</p>", "utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    settle(page)
    assert page.evaluate("typeof pwned") == "number"
    page.close()
