"""The one door from the results to the page that shows them.

Results do not import the page: this file finds it by name when a result is shown.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, overload

VIEWER = "fixlip.viewer"


class Displayed:
    """A result that a notebook shows by itself."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = import_module(VIEWER).mimebundle(self)
        return bundle


class Presented(Displayed):
    """A result that has an interactive page."""

    @overload
    def to_html(self, path: None = None) -> str: ...
    @overload
    def to_html(self, path: str | Path) -> Path: ...
    def to_html(self, path: str | Path | None = None) -> str | Path:
        """Make the interactive page, one self-contained HTML document.

        Args:
            path: file to write the page to, whole or not at all.

        Returns:
            The page; or the path, where one is given.

        Raises:
            InputError: the path cannot be written.
        """
        page: str = import_module(VIEWER).to_html(self, path)
        return page if path is None else Path(path)

    def widget(self) -> Any:
        """Make a widget of the page, for notebooks: what a reader chooses on it comes back to Python.

        Returns:
            An `anywidget`. Its `selected` is ``{"words": [...], "patches": [...]}``, numbers of text players and of
            image players; with several explanations, the numbers of words that all share, and a list of patches for
            each. ``observe`` calls a function when it changes.

        Raises:
            MissingExtraError: anywidget is not installed.
        """
        return import_module(f"{VIEWER}.widget").widget(self)
