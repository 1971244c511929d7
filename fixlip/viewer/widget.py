"""A result as a widget of a notebook: what is chosen on its page comes back to Python. The extra `fixlip[widget]`."""

from functools import lru_cache
from importlib.resources import files
from typing import Any

from fixlip.errors import MissingExtraError
from fixlip.viewer.notebook import frame
from fixlip.viewer.page import Shown, to_html


def widget(result: Shown) -> Any:
    """Make the widget of a result; see `fixlip.Explanation.widget`."""
    return _kind()(page=frame(to_html(result)))


@lru_cache
def _kind() -> Any:
    try:
        from anywidget import AnyWidget
        from traitlets import Dict, Unicode
    except ImportError as error:
        raise MissingExtraError("Widgets need anywidget: pip install 'fixlip[widget]'.") from error

    class Widget(AnyWidget):
        """The page of a result; `selected` follows what is chosen on it, and `observe` calls back."""

        _esm = (files("fixlip.viewer") / "widget.js").read_text("utf-8")
        page = Unicode().tag(sync=True)
        selected: Any = Dict(default_value={"words": [], "patches": []}).tag(sync=True)

    return Widget
