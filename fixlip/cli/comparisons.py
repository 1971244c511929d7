"""Printing of several explanations: a comparison, or a gallery."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fixlip.cli.console import Printer, counted, digits, grid, number, styled
from fixlip.cli.output import wrote
from fixlip.errors import InputError
from fixlip.results.tables import decimals

if TYPE_CHECKING:
    from rich.table import Table

    from fixlip.results.comparison import Comparison
    from fixlip.results.gallery import Gallery

LEGEND = """In {unit}s. A word's number is what it adds: its own effect and half of its interactions.
R²: what effects and pairs explain under random removals. image, text, cross, within: shares of all effects.
● clearly different: the 95 % interval over draws of the masks excludes 0."""

SCALES = "Each model scales its logits in its own way; --cosine puts all on one scale.\n"


def print_comparison(comparison: "Comparison", written: list[Path], top: int) -> None:
    """Print the figures of each explanation, the words that differ most, and the agreement of the pairs."""
    console, rows = Printer(), comparison.differences()
    caption = styled(f"“{comparison.explanations[0].players.caption}”", "bold")
    console.print("", caption, styled(comparison.summary()), "", sep="\n")
    console.whole(_figures(comparison.table()))
    for label in comparison.labels[1:]:
        pair = [row for row in rows if (row["first"], row["second"]) == (comparison.labels[0], label)]
        console.whole(_words(pair, top))
    console.print(f"{LEGEND.format(unit=comparison.explanations[0].value_unit)}\n", style="dim")
    if {e.unit for e in comparison.explanations} == {"logit"} and len({e.provenance.model for _, e in comparison}) > 1:
        console.print(SCALES, style="dim")
    _agreement(console, comparison)
    _notes(console, comparison)
    wrote(console, written)


def print_gallery(gallery: "Gallery", written: list[Path]) -> None:
    """Print the figures of each caption or picture."""
    console = Printer()
    console.print("", styled(gallery.title, "bold"), "", sep="\n")
    console.whole(_figures(gallery.table()))
    _notes(console, gallery)
    wrote(console, written)


def _figures(rows: list[dict[str, Any]]) -> "Table":
    table = grid("", "similarity", "R²", "image", "text", "cross", "within", "passes", "seconds")
    for row in rows:
        shares = (row[f"share_{part}"] for part in ("image", "text", "cross", "within"))
        table.add_row(
            styled(row["label"], "bold"),
            number(row["similarity"], decimals([row["similarity"]], least=digits(row["unit"]))),
            number(row["r2"], 3),
            *(f"{share:.0%}" for share in shares),
            f"{row['image_passes']:,} + {row['text_passes']:,}",
            f"{row['seconds']:.1f}",
        )
    return table


def _words(rows: list[dict[str, Any]], top: int) -> "Table":
    """Make a table of the similarity and the words in which two explanations differ most."""
    whole, *words = rows
    effects = [row[name] for row in words or rows for name in ("first_value", "second_value", "difference")]
    write = partial(number, digits=decimals(effects, least=digits(whole["unit"])), sign=True)
    table = grid("", "", "", "difference", "", "95 % interval")
    for column, name in ((1, "first"), (2, "second")):
        table.columns[column].header = styled(whole[name])
    words.sort(key=lambda row: -abs(row["difference"]) if row["difference"] == row["difference"] else 1.0)
    for row in [whole, *words[:top]]:
        sure = row["word"] is not None and (row["low"] > 0 or row["high"] < 0)
        bounds = f"{write(row['low'])} to {write(row['high'])}"
        table.add_row(
            styled("similarity", "dim") if row["word"] is None else styled(row["word"]),
            write(row["first_value"]),
            write(row["second_value"]),
            write(row["difference"]),
            "●" if sure else "",
            bounds if row["word"] is not None and row["low"] == row["low"] else "",
        )
    if len(words) > top:
        table.add_row(styled(f"and {counted(len(words) - top, 'more word')}", "dim"))
    return table


def _agreement(console: Printer, comparison: "Comparison") -> None:
    try:
        agreement = comparison.agreement()
    except InputError as error:
        console.print(styled(f"no agreement: {error}", "dim"))
        return
    apart = len({e.players.n_image for e in comparison.explanations}) > 1
    meaning = f"correlation of the interactions {'on a common grid' if apart else 'of patches and words'}"
    if len(comparison) == 2:
        console.print(f"agreement {number(agreement[0, 1])} ({meaning})")
        return
    console.print(f"agreement ({meaning})")
    table = grid("", *(str(k) for k in range(1, len(comparison) + 1)))
    for k, (label, row) in enumerate(zip(comparison.labels, agreement, strict=True), 1):
        table.add_row(styled(f"{k} {label}"), *(number(value) for value in row))
    console.whole(table)


def _notes(console: Printer, results: "Comparison | Gallery") -> None:
    for label, explanation in results:
        if explanation.provenance.status != "ok":
            console.note(explanation.provenance.status, label)
