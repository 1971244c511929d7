"""How several explanations of one caption, or of several, are printed."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fixlip.cli.console import Printer, digits, grid, number, said
from fixlip.cli.output import wrote
from fixlip.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from fixlip.results.comparison import Comparison
    from fixlip.results.gallery import Gallery

LEGEND = """In {unit}s. A word's number is the sum of its interactions with the picture.
● clearly different: the 95 % interval over draws of the masks leaves out 0."""


def print_comparison(found: "Comparison", written: list[Path], top: int) -> None:
    """The figures of each, the words that set each apart from the first, and how far their pairs agree."""
    console, rows = Printer(), found.differences()
    console.print("", said(f"“{found.explanations[0].players.caption}”", "bold"), "", sep="\n")
    console.whole(_figures(found.table()))
    for label in found.labels[1:]:
        pair = [row for row in rows if (row["first"], row["second"]) == (found.labels[0], label)]
        console.whole(_words(pair, top))
    console.print(f"{LEGEND.format(unit=found.explanations[0].value_unit)}\n", style="dim")
    _agreement(console, found)
    _notes(console, found)
    wrote(console, written)


def print_gallery(found: "Gallery", written: list[Path]) -> None:
    """The figures of each caption or picture."""
    console = Printer()
    console.print("", said(found.title, "bold"), "", sep="\n")
    console.whole(_figures(found.table()))
    _notes(console, found)
    wrote(console, written)


def _figures(rows: list[dict[str, Any]]) -> "Table":
    table = grid("", "similarity", "R²", "image", "text", "cross", "within", "passes", "seconds")
    for row in rows:
        shares = (row[f"share_{part}"] for part in ("image", "text", "cross", "within"))
        table.add_row(
            said(row["label"], "bold"),
            number(row["similarity"], digits(row["unit"])),
            number(row["r2"], 3),
            *(f"{share:.0%}" for share in shares),
            f"{row['image_passes']:,} + {row['text_passes']:,}",
            f"{row['seconds']:.1f}",
        )
    return table


def _words(rows: list[dict[str, Any]], top: int) -> "Table":
    """The similarity, then the words in which two explanations differ most."""
    whole, *words = rows
    write = partial(number, digits=digits(whole["unit"]), sign=True)
    table = grid("", "", "", "difference", "", "95 % interval")
    for column, name in ((1, "first"), (2, "second")):
        table.columns[column].header = said(whole[name])
    words.sort(key=lambda row: -abs(row["difference"]) if row["difference"] == row["difference"] else 1.0)
    for row in [whole, *words[:top]]:
        sure = row["word"] is not None and (row["low"] > 0 or row["high"] < 0)
        bounds = f"{write(row['low'])} to {write(row['high'])}"
        table.add_row(
            said("similarity", "dim") if row["word"] is None else said(row["word"]),
            write(row["first_value"]),
            write(row["second_value"]),
            write(row["difference"]),
            "●" if sure else "",
            bounds if row["word"] is not None and row["low"] == row["low"] else "",
        )
    if len(words) > top:
        table.add_row(said(f"and {len(words) - top} more words", "dim"))
    return table


def _agreement(console: Printer, found: "Comparison") -> None:
    try:
        agreement = found.agreement()
    except InputError as error:
        console.print(said(f"no agreement: {error}", "dim"))
        return
    told = "correlation of the interactions of patches and words"
    if len(found) == 2:
        console.print(f"agreement {number(agreement[0, 1])} ({told})")
        return
    console.print(f"agreement ({told})")
    table = grid("", *(str(k) for k in range(1, len(found) + 1)))
    for k, (label, row) in enumerate(zip(found.labels, agreement, strict=True), 1):
        table.add_row(said(f"{k} {label}"), *(number(value) for value in row))
    console.whole(table)


def _notes(console: Printer, found: "Comparison | Gallery") -> None:
    for label, explanation in found:
        if explanation.provenance.status != "ok":
            console.print(said(f"note ({label}): {explanation.provenance.status}", "yellow"))
