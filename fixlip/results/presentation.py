"""The one door from the results up to the figures and the page that show them.

Results import nothing of those: this file finds the page by its name, at the moment when somebody looks.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

VIEWER = "fixlip.viewer"


class Displayed:
    """A result that a notebook shows without being asked."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = import_module(VIEWER).mimebundle(self)
        return bundle


class Presented(Displayed):
    """A result that has a page of its own."""

    def to_html(self, path: str | Path | None = None) -> str:
        """Make the interactive page, one self-contained HTML document.

        Args:
            path: where to write it too, whole or not at all.

        Raises:
            InputError: the path cannot be written.
        """
        page: str = import_module(VIEWER).to_html(self, path)
        return page
