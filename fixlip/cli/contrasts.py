"""Printing of the captions of one picture: their ranking, and a contrast."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from fixlip.cli.console import Printer, bar, styled
from fixlip.cli.output import ending, heading
from fixlip.results.tables import decimals, percent, signed

if TYPE_CHECKING:
    from fixlip.results.contrast import Contrast, Row
    from fixlip.results.ranking import Ranking


def print_ranking(ranking: "Ranking", top: int) -> None:
    """Print the captions, the most similar first."""
    console = Printer()
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("", "similarity", ranking.measure):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("caption")
    places = decimals(ranked.similarity for ranked in ranking.captions[:top])
    for place, ranked in enumerate(ranking.captions[:top], 1):
        table.add_row(
            str(place), f"{ranked.similarity:.{places}f}", percent(ranked.probability), styled(ranked.caption)
        )
    console.print("", styled(ranking.summary()), "", table, sep="\n")
    if len(ranking.captions) > top:
        console.print(f"and {len(ranking.captions) - top} more; --top {len(ranking.captions)} shows all", style="dim")
    notes(console, ranking)


def notes(console: Printer, ranking: "Ranking") -> None:
    """Print the notes about captions, each with the places of its captions in the ranking."""
    places_of: dict[str, list[str]] = {}
    for place, ranked in enumerate(ranking.captions, 1):
        for note in ranked.notes:
            places_of.setdefault(note, []).append(str(place))
    for note, places in places_of.items():
        console.note(note, ", ".join(places))


def print_contrast(contrast: "Contrast", files: list[Path], top: int) -> None:
    """Print the parts of the difference between two captions, which add up to it."""
    first, second, p = contrast.first, contrast.second, contrast.difference.provenance
    console = Printer()
    console.print("", styled("Why “{}” and not “{}”?".format(*contrast.captions), "bold"), sep="\n")
    console.print(styled(contrast.summary()))
    difference = first.full_value - second.full_value
    fit = f"  ·  R² {p.r2:.3f}" if p.r2 == p.r2 else ""
    places = decimals((first.full_value, second.full_value))
    values = (
        f"{first.full_value:.{places}f} against {second.full_value:.{places}f}: {signed(difference, places=places)}"
    )
    values += f" ({first.value_unit})"
    console.print(styled(f"{values}  ·  {first.index}{fit}", "dim"))
    heading(console, p)
    console.whole(_table(contrast.ordered(top), (first.full_value, second.full_value, difference)))
    ending(console, p, files)


def _table(rows: "list[Row]", totals: tuple[float, float, float]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", show_footer=True)
    table.add_column("", footer="similarity")
    words = [row for row in rows if row.kind in ("changed", "shared", "others")] or rows
    numbers = [value for row in words for value in (row.first, row.second, row.difference)]
    places, errors = decimals(numbers), [row.stderr for row in words]
    crossed = decimals((row.cross for row in words), errors)
    for name, total in zip(("first", "second", "difference"), totals, strict=True):
        table.add_column(name, signed(total, places=places), justify="right", no_wrap=True)
    table.add_column("", min_width=8)
    table.add_column("with picture", justify="right", no_wrap=True)
    table.add_column("strongest at", no_wrap=True)
    longest = max(abs(row.difference) for row in rows)
    for row in rows:
        is_word = row.kind in ("changed", "shared", "others")
        table.add_row(
            styled(row.part, "bold" if row.kind == "changed" else "" if is_word else "dim"),
            *(signed(value, places=places) for value in (row.first, row.second, row.difference)),
            bar(row.difference, longest, 8) if abs(row.difference) > longest / 16 else "",
            signed(row.cross, row.stderr, crossed) if is_word else "",
            styled(row.where),
        )
    return table
