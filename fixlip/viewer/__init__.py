"""The interactive page, and the display of results in notebooks."""

from fixlip.viewer.notebook import mimebundle
from fixlip.viewer.page import content_hash, to_html

__all__ = ["content_hash", "mimebundle", "to_html"]
