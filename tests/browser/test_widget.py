"""The widget of a notebook in a real browser: what is chosen on the page becomes its value, of this page only."""

import json

import pytest

from fixlip import Comparison
from tests.helpers.browser import browser
from tests.helpers.pictures import explanation

pytestmark = pytest.mark.browser
__all__ = ["browser"]

NOTEBOOK = """<!doctype html><body><div id="cell"></div><script type="module">
const values = {values}, code = {code};
window.saved = [];
const model = {{ get: (name) => values[name], set: (name, value) => {{ values[name] = value; }},
  save_changes: () => window.saved.push(structuredClone(values.selected)) }};
const {{ default: widget }} = await import(URL.createObjectURL(new Blob([code], {{ type: "text/javascript" }})));
widget.render({{ model, el: document.getElementById("cell") }});
</script>"""


@pytest.fixture
def notebook(browser, tmp_path):
    """A page that does for a widget what a notebook does."""
    pytest.importorskip("anywidget")
    pages = []

    def show(result):
        widget = result.widget()
        values = json.dumps({"page": widget.page, "selected": widget.selected}).replace("</", "<\\/")
        (tmp_path / "notebook.html").write_text(NOTEBOOK.format(values=values, code=json.dumps(widget._esm)))
        pages.append(browser.new_page())
        pages[-1].goto((tmp_path / "notebook.html").as_uri())
        return pages[-1], pages[-1].frame_locator("iframe")

    yield show
    for page in pages:
        page.close()


def last(page):
    return page.wait_for_function("window.saved.at(-1)").json_value()


def test_what_is_chosen_comes_back(notebook):
    page, frame = notebook(explanation())
    assert last(page) == {"words": [], "patches": []}
    frame.locator('[data-word="1"]').click()
    frame.locator('[data-patch="10"]').click()
    frame.locator('[data-patch="3"]').click()
    page.wait_for_function("window.saved.at(-1).patches.length === 2")
    assert last(page) == {"words": [1], "patches": [3, 10]}
    page.evaluate("postMessage({ selected: { words: [0], patches: [] } }, '*')")  # of another page
    page.wait_for_timeout(50)
    assert last(page) == {"words": [1], "patches": [3, 10]}


def test_of_several_explanations_patches_are_those_of_each(notebook):
    page, frame = notebook(Comparison((explanation(), explanation()), ("one", "other")))
    frame.locator('#panel-1 [data-patch="2"]').click()
    page.wait_for_function("window.saved.at(-1).patches.flat().length === 1")
    assert last(page)["patches"] == [[], [2]]


def test_python_hears_of_it():
    pytest.importorskip("anywidget")
    widget, heard = explanation().widget(), []
    assert widget.selected == {"words": [], "patches": []}
    widget.observe(lambda change: heard.append(change["new"]), "selected")
    widget.set_state({"selected": {"words": [0], "patches": [4]}})  # as from the page
    assert heard == [{"words": [0], "patches": [4]}]
