"""The display of results in notebooks."""

import base64
import html
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.results.comparison import Comparison
from fixlip.results.contrast import Contrast
from fixlip.results.gallery import Gallery
from fixlip.results.hits import Hits
from fixlip.results.sweep import Sweep
from fixlip.runtime.threads import without_warnings
from fixlip.viewer.page import Shown, to_html

if TYPE_CHECKING:
    from matplotlib.figure import Figure


HEIGHT, HIGHEST = 820, 6000  # pixels: a frame whose page cannot send its height, and the limit for any frame
COLUMNS, MOST = 3, 12  # columns and maps of a gallery as a figure
# the page sends its height to the notebook (frame.js); without handlers the frame keeps its height and scrolls
FIT = (
    "window.addEventListener('message',e=>{if(e.source===this.contentWindow&&e.data.height>0)"
    f"this.style.height=Math.min(e.data.height,{HIGHEST})+'px'}})"
)


def mimebundle(result: Shown | Sweep) -> dict[str, Any]:
    """Return the display of a result: the page in a frame, a picture if scripts do not run, and the text.

    Several frames on one page are independent. If the notebook runs handlers (JupyterLab, VS Code, Colab), a frame
    becomes as high as its page; otherwise its page scrolls.
    """
    from fixlip.plots.style import to_png

    with without_warnings("No installed font"):  # the page uses the fonts of the browser
        picture = base64.b64encode(to_png(_figure(result))).decode()
    return {
        "text/html": _tables(result, picture) if isinstance(result, Sweep) else frame(to_html(result)),
        "image/png": picture,
        "text/plain": repr(result),
    }


def frame(page: str) -> str:
    """Return a page of fixlip as an element of another page; its sandbox allows its script and downloads."""
    attributes = {
        "sandbox": "allow-scripts allow-downloads",
        "allow": "clipboard-write",
        "onload": FIT,
        "srcdoc": page,
        "style": f"width:100%;height:{HEIGHT}px;border:0",
    }
    written = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<iframe {written}></iframe>"


def _figure(result: Shown | Sweep) -> "Figure":
    from fixlip.plots import compare, contrast, convergence, overview

    if isinstance(result, Sweep):
        return convergence(result).get_figure(root=True)  # type: ignore[return-value]
    if isinstance(result, Hits):
        result = Gallery(tuple(h.explanation() for h in result[:MOST]), tuple(h.name for h in result[:MOST]))
    if isinstance(result, Gallery):
        return _contact_sheet(result)
    if isinstance(result, Comparison):
        return compare(result)[0].get_figure(root=True)  # type: ignore[return-value]
    return contrast(result) if isinstance(result, Contrast) else overview(result)


def _contact_sheet(gallery: Gallery) -> "Figure":
    """Draw the maps of the first explanations with their labels."""
    from fixlip.plots import heatmap, shared_limit
    from fixlip.plots.style import SOFT, finish, new_figure, short

    shown = list(gallery)[:MOST]
    rows = -(-len(shown) // COLUMNS)
    figure = new_figure(3 * COLUMNS, 3.3 * rows)
    figure.set_layout_engine("constrained")
    limit = shared_limit(e for _, e in shown) if gallery.shared_scale else None
    for ax, (label, explanation) in zip(figure.subplots(rows, COLUMNS).flat, shown, strict=False):
        heatmap(explanation, ax=ax, order=1 if np.isnan(explanation.cross).all() else 2, limit=limit)
        ax.set_title(short(label, 34), fontsize=9)
    for ax in figure.axes:
        ax.set_axis_off()
    if len(gallery) > MOST:
        figure.supxlabel(f"and {len(gallery) - MOST} more", fontsize=8, color=SOFT)
    return finish(figure)


def _tables(sweep: Sweep, picture: str) -> str:
    """Return the tables of a sweep, with its figure below them."""
    caption = html.escape(f"{sweep.measured}, reference: {sweep.reference_name}")
    figure = f'<img alt="convergence" style="max-width:100%" width="600" src="data:image/png;base64,{picture}">'
    return f"<p>{caption}</p>{_table(sweep.summary())}{_table(sweep.details())}{figure}"


def _table(rows: list[dict[str, str]]) -> str:
    lines = [("th", list(rows[0])), *(("td", list(row.values())) for row in rows)] if rows else []
    cells = ("".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in line) for tag, line in lines)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in cells)}</table>" if rows else ""
