"""What commands print and write about an explanation."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fixlip.datasets.scenes import kinds
from fixlip.errors import InputError
from fixlip.explanation import Explanation, Provenance

if TYPE_CHECKING:
    from fixlip.contrast import Contrast

BAR = 16  # characters of the longest bar


@dataclass(frozen=True)
class Outputs:
    """Files to write. Their folders are checked before any work is done; each file is written whole or not at all."""

    html: Path | None = None
    png: Path | None = None
    save: Path | None = None

    def __post_init__(self) -> None:
        for path in self.paths():
            if not path.parent.is_dir():
                raise InputError(f"No folder {str(path.parent)!r} to write {path.name!r} into.")
            if path.is_dir():
                raise InputError(f"Cannot write {str(path)!r}: it is a folder.")

    def paths(self) -> list[Path]:
        """The files asked for."""
        return [p for p in (self.html, self.png, self.save) if p is not None]

    def write(self, found: "Explanation | Contrast") -> None:
        """Write them; of a contrast the page and the figure of all of it, and the difference to load again."""
        if self.html:
            found.to_html(self.html)
        if self.png:
            from fixlip import plots

            if isinstance(found, Explanation):
                plots.overview(found, self.png)
            else:
                plots.contrast(found, self.png)
        if self.save:
            (found if isinstance(found, Explanation) else found.difference).save(self.save)


def report(explanation: Explanation, outputs: Outputs, *, top: int = 10) -> None:
    """Print the similarity, the strongest pairs, and where to look next."""
    console, provenance = Console(highlight=False), explanation.provenance
    console.print(Text(f"\n“{explanation.players.caption}”", style="bold"))
    fit = f"  ·  R² {provenance.r2:.3f}" if np.isfinite(provenance.r2) else ""
    console.print(
        f"similarity {explanation.full_value:.2f} ({explanation.value_unit}; nothing shown: "
        f"{explanation.empty_value:.2f})  ·  {explanation.index}{fit}"
    )
    heading(console, provenance)
    console.print(_players(explanation, top) if np.isnan(explanation.cross).all() else _pairs(explanation, top))
    written(console, provenance, outputs)


def heading(console: Console, provenance: Provenance) -> None:
    """Print by which model, and what it cost."""
    passes = f"{provenance.image_passes} image + {provenance.text_passes} text passes"
    console.print(f"{provenance.model}  ·  {passes}  ·  {provenance.seconds:.1f} s\n", style="dim")


def written(console: Console, provenance: Provenance, outputs: Outputs) -> None:
    """Print what to know before trusting the numbers, and which files there are now."""
    from fixlip.encoders.bundled import bundled_models

    if provenance.model in bundled_models():
        known = f"{provenance.model} knows drawings of {len(kinds())} kinds of objects (fixlip.datasets.scenes)"
        console.print(f"{known}, not photographs", style="dim")
    if provenance.status != "ok":
        console.print(Text(f"note: {provenance.status}", style="yellow"))
    for path in outputs.paths():
        console.print(Text(f"wrote {path}", style="dim"), soft_wrap=True)


def _pairs(explanation: Explanation, top: int) -> Table:
    table = Table("word", "patch", box=None, pad_edge=False, header_style="dim")
    table.add_column("interaction", justify="right")
    table.add_column("", min_width=BAR)
    pairs = explanation.top_pairs(top)
    longest = max((abs(pair.value) for pair in pairs), default=0.0)
    for pair in pairs:
        error = f" ± {pair.stderr:.2f}" if pair.stderr == pair.stderr else ""
        table.add_row(
            Text(explanation.players.text[pair.text].label),
            Text(explanation.players.image[pair.image].label),
            f"{pair.value:+.2f}{error}",
            bar(pair.value, longest),
        )
    return table


def _players(explanation: Explanation, top: int) -> Table:
    """The strongest players, for a method that has no pairs."""
    table = Table("player", box=None, pad_edge=False, header_style="dim")
    table.add_column("effect", justify="right")
    table.add_column("", min_width=BAR)
    effects = explanation.first_order
    for i in np.argsort(-np.abs(effects), kind="stable")[:top]:
        longest = float(np.abs(effects).max())
        table.add_row(Text(explanation.players.labels[i]), f"{effects[i]:+.2f}", bar(effects[i], longest))
    return table


def bar(value: float, longest: float, characters: int = BAR) -> Text:
    """A bar of so many characters for the longest value."""
    blocks = "█" * max(1, round(characters * abs(value) / (longest or 1.0)))
    return Text(blocks, style="dark_orange3" if value > 0 else "blue")
