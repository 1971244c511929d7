"""The interactive page: one self-contained HTML document that makes no requests.

Captions, labels and names are data: they are put into a JSON block that they cannot leave, and from there into the page
as text only. A Content-Security-Policy allows only the script and the style of the page, by their hashes.
"""

import base64
import html
import json
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from fixlip.io.files import write_atomically
from fixlip.results.comparison import Comparison
from fixlip.results.contrast import Contrast
from fixlip.results.explanation import Explanation
from fixlip.results.gallery import Gallery
from fixlip.results.hits import Hits
from fixlip.viewer.payload import payload

STYLES = "page parts hits circumstances"
# in this order
SCRIPTS = "common picture table panel orders contrast hits layout links errors curves download page frame"

Shown = Explanation | Comparison | Contrast | Gallery | Hits


def to_html(result: Shown, path: str | Path | None = None) -> str:
    """Return the page, and write it to `path` (completely or not at all) if given.

    Raises:
        InputError: the path cannot be written.
    """
    page, style = _file("page.html"), "".join(_file(f"{name}.css") for name in STYLES.split())
    script = "".join(_file(f"{name}.js") for name in SCRIPTS.split())
    allowed = f"style-src {content_hash(style)}; script-src {content_hash(script)}"
    data = payload(result)
    fills = {
        "csp": f"default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; {allowed}",
        "title": html.escape(f"{data['caption']} · fixlip"),
        "style": style,
        "data": _json(data),
        "script": script,
    }
    head, *rest = page.split("{")
    page = head + "".join(fills[name] + tail for name, tail in (piece.split("}", 1) for piece in rest))
    page = page.encode("utf-8", "replace").decode("utf-8")  # unpaired surrogates, as from undecodable file names
    if path is not None:
        write_atomically(path, page.encode("utf-8"))
    return page


def _file(name: str) -> str:
    return (files("fixlip.viewer") / name).read_text("utf-8")


def _json(value: Any) -> str:
    """Return JSON that is safe inside a script element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def content_hash(text: str) -> str:
    """Return the hash by which a Content-Security-Policy allows a script or a style."""
    return f"'sha256-{base64.b64encode(sha256(text.encode('utf-8')).digest()).decode()}'"
