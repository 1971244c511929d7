"""The interactive page: one self-contained HTML document, without any request to anywhere.

Captions, labels and names are data: they are put into a JSON block that cannot be left, and from there into the page as
text only. A Content-Security-Policy allows the page's own script and style, by hash, and nothing else.
"""

import base64
import html
import io
import json
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fixlip import colours
from fixlip.explanation import Explanation, Provenance
from fixlip.plots.heatmap import boxes_of
from fixlip.storage import write_atomically

QUALITY = 88  # of the embedded picture where PNG would be larger


def to_html(explanation: Explanation, path: str | Path | None = None) -> str:
    """The page of an explanation, as a string; also written to `path` (whole or not at all) when given.

    Raises:
        InputError: the path cannot be written.
    """
    parts = {name: (files("fixlip.viewer") / f"page.{name}").read_text("utf-8") for name in ("html", "css", "js")}
    own = f"style-src {_hash(parts['css'])}; script-src {_hash(parts['js'])}"
    csp = f"default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; {own}"
    page = parts["html"]
    fills = {
        "csp": csp,
        "title": html.escape(f"{explanation.players.caption} · fixlip"),
        "style": parts["css"],
        "data": _json(payload(explanation)),
        "script": parts["js"],
    }
    head, *rest = page.split("{")
    page = head + "".join(fills[name] + tail for name, tail in (piece.split("}", 1) for piece in rest))
    page = page.encode("utf-8", "replace").decode("utf-8")  # half characters, as from undecodable file names
    if path is not None:
        write_atomically(path, page.encode("utf-8"))
    return page


def mimebundle(explanation: Explanation) -> dict[str, Any]:
    """What a notebook shows: the page in a frame of its own, a picture where scripts do not run, and the text."""
    from fixlip.plots.overview import overview, to_png

    source = html.escape(to_html(explanation))
    frame = f'<iframe sandbox="allow-scripts" srcdoc="{source}" style="width:100%;height:760px;border:0"></iframe>'
    return {
        "text/html": frame,
        "image/png": base64.b64encode(to_png(overview(explanation))).decode(),
        "text/plain": repr(explanation),
    }


def payload(explanation: Explanation) -> dict[str, Any]:
    """The data of the page: everything that it shows, ready to be JSON."""
    players = explanation.players
    stderr, picture, boxes = explanation.stderr, players.picture, boxes_of(players)
    surrogate = float(explanation.predict(np.ones((1, len(players)), dtype=bool))[0])
    return {
        "caption": players.caption,
        "model": explanation.provenance.model,
        "index": explanation.index,
        "unit": explanation.unit,
        "status": explanation.provenance.status,
        "words": [{"label": p.label} for p in players.text],
        "patches": [{"label": p.label, "box": box} for p, box in zip(players.image, boxes, strict=True)],
        "grid": players.grid,
        "first": _numbers(explanation.first_order),
        "firstError": None if stderr is None else _numbers(stderr.first_order),
        "cross": _numbers(explanation.cross.T),
        "crossError": None if stderr is None else _numbers(explanation.cross_stderr.T),
        "totals": [
            ("similarity", _number(explanation.full_value)),
            ("nothing shown", _number(explanation.empty_value)),
            ("surrogate", _number(surrogate)),
            ("fit R²", _number(explanation.provenance.r2)),
        ],
        "share": list(explanation.share().items()),
        "provenance": [(name.replace("_", " "), value) for name, value in _facts(explanation.provenance)],
        "picture": None if picture is None else _data_uri(picture),
        "width": 1000 if picture is None else picture.shape[1],
        "height": 1000 if picture is None else picture.shape[0],
        "colours": {"negative": colours.NEGATIVE, "positive": colours.POSITIVE},
    }


def _facts(provenance: Provenance) -> list[tuple[str, str]]:
    """The provenance as text, without what the page shows elsewhere."""

    def text(value: Any) -> str:
        if isinstance(value, dict):
            return ", ".join(f"{k} {v}" for k, v in value.items())
        return f"{value:.3g}" if isinstance(value, float) else str(value)

    left_out = ("status", "r2")
    return [(k, text(v)) for k, v in vars(provenance).items() if k not in left_out and v not in (None, "", {})]


def _number(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None


def _numbers(values: np.ndarray) -> list[Any]:
    """Nested lists with five significant digits and null for NaN."""
    return [_number(v) if np.ndim(v) == 0 else _numbers(v) for v in values]


def _json(value: Any) -> str:
    """JSON that is safe inside a script element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode('utf-8')).digest()).decode()}'"


def _data_uri(picture: np.ndarray) -> str:
    """The picture as PNG or WebP, whichever is smaller."""
    image = Image.fromarray(picture)
    options: dict[str, dict[str, Any]] = {"PNG": {"optimize": True}, "WEBP": {"quality": QUALITY}}
    encoded = {}
    for name, settings in options.items():
        buffer = io.BytesIO()
        image.save(buffer, name, **settings)
        encoded[name] = buffer.getvalue()
    best = min(encoded, key=lambda name: len(encoded[name]))
    return f"data:image/{best.lower()};base64,{base64.b64encode(encoded[best]).decode()}"
