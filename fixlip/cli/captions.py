"""Captions of one picture on the command line: read, ranked, contrasted, and what it all costs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fixlip.cli.output import Outputs, bar, heading, written
from fixlip.cli.tables import print_whole
from fixlip.errors import InputError, OptionError

if TYPE_CHECKING:
    from fixlip.captions import Ranking
    from fixlip.contrast import Contrast, Row
    from fixlip.cost import Cost


def read_captions(path: Path) -> list[str]:
    """The lines of a file that are not blank, of standard input for ``-``.

    Raises:
        InputError: no such file, not text, no caption, or one that is there twice.
    """
    name = "standard input" if str(path) == "-" else repr(str(path))
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"No file {name}.") from error
    except OSError as error:
        raise InputError(f"Cannot read {name}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not text in UTF-8.") from error
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        caption = line.strip()
        if caption in lines:
            raise InputError(f"{name} has {caption!r} twice, in lines {lines[caption]} and {number}.")
        if caption:
            lines[caption] = number
    if not lines:
        raise InputError(f"{name} has no caption; write one on each line.")
    return list(lines)


def gathered(text: str | None, captions: Path | None, against: str | None) -> list[str]:
    """All captions that a command line names, each once.

    Raises:
        InputError: there are none, or only one to be contrasted.
    """
    listed = [] if captions is None else read_captions(captions)
    listed += [text] if text is not None and text not in listed else []
    if not listed:
        raise InputError("Give a caption, or a file with one on each line: --captions FILE.")
    if against is not None and not _is_place(against) and against not in listed:
        listed.append(against)
    if len(listed) < 2 and (captions is not None or against is not None):
        raise InputError(f"A contrast is of two captions; there is only {listed[0]!r}.")
    return listed


def chosen(ranking: "Ranking", text: str | None, against: str | None) -> tuple[str, str]:
    """The captions to contrast: the one given or the best, and the one given or the best of the others.

    Raises:
        OptionError: a place that is not in the ranking, or the same caption twice.
    """
    names = [one.caption for one in ranking.captions]
    first = names[0] if text is None else text
    second = next(name for name in names if name != first)
    if against is not None and _is_place(against) and against not in names:
        if not 1 <= int(against) <= len(names):
            raise OptionError(f"--against is a caption, or a place from 1 to {len(names)}, got {against}.")
        second = names[int(against) - 1]
    elif against is not None:
        second = against
    if first == second:
        raise OptionError(f"--against {against} is {first!r} itself; name another caption.")
    return first, second


def print_ranking(ranking: "Ranking", top: int) -> None:
    """The captions, the most similar first."""
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("", "similarity", ranking.measure):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("caption")
    for place, one in enumerate(ranking.captions[:top], 1):
        table.add_row(str(place), f"{one.similarity:.2f}", f"{one.probability:.1%}", Text(one.caption))
    console.print("", table, sep="\n")
    if len(ranking.captions) > top:
        console.print(f"and {len(ranking.captions) - top} more; --top {len(ranking.captions)} shows all", style="dim")
    notes: dict[str, list[str]] = {}
    for place, one in enumerate(ranking.captions, 1):
        for note in one.notes:
            notes.setdefault(note, []).append(str(place))
    for note, places in notes.items():
        console.print(Text(f"note ({', '.join(places)}): {note}", style="yellow"))


def print_contrast(contrast: "Contrast", outputs: Outputs, top: int) -> None:
    """What makes the difference between two captions, adding up to it."""
    one, other, p = contrast.first, contrast.second, contrast.difference.provenance
    console = Console(highlight=False)
    console.print(Text("\nWhy “{}” and not “{}”?".format(*contrast.captions), style="bold"))
    difference = one.full_value - other.full_value
    fit = f"  ·  R² {p.r2:.3f}" if p.r2 == p.r2 else ""
    values = f"{one.full_value:.2f} against {other.full_value:.2f}: {difference:+.2f} ({one.value_unit})"
    console.print(f"{values}  ·  {one.index}{fit}")
    heading(console, p)
    print_whole(console, _table(contrast.ordered(top), (one.full_value, other.full_value, difference)))
    written(console, p, outputs)


def _table(rows: "list[Row]", totals: tuple[float, float, float]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", show_footer=True)
    table.add_column("", footer="similarity")
    for name, total in zip(("first", "second", "difference"), totals, strict=True):
        table.add_column(name, f"{total:+.2f}", justify="right", no_wrap=True)
    table.add_column("", min_width=8)
    table.add_column("with picture", justify="right", no_wrap=True)
    table.add_column("most in", no_wrap=True)
    longest = max(abs(row.difference) for row in rows)
    for row in rows:
        is_word = row.kind in ("changed", "shared", "others")
        error = f" ± {row.stderr:.2f}" if row.stderr == row.stderr else ""
        table.add_row(
            Text(row.part, style="bold" if row.kind == "changed" else "" if is_word else "dim"),
            *(f"{value:+.2f}" for value in (row.first, row.second, row.difference)),
            bar(row.difference, longest, 8) if abs(row.difference) > longest / 16 else "",
            f"{row.cross:+.2f}{error}" if is_word else "",
            Text(row.where),
        )
    return table


def print_cost(cost: "Cost", call: dict[str, Any], ranked: int) -> None:
    """What `--dry-run` says."""
    console, words = Console(highlight=False), " and ".join(map(str, cost.n_text))
    console.print(f"\n{call['model'].name}  ·  {call['estimator'].capabilities.name}", style="bold")
    console.print(f"{cost.n_image} image players, {words} text players")
    if ranked:
        console.print(f"ranking {ranked} captions: 1 image + {ranked} text passes, made just now")
    console.print(f"{cost.image_passes:,} image + {cost.text_passes:,} text passes")
    console.print(
        f"about {duration(cost.seconds)}: {1000 * cost.image_pass:.3g} ms an image pass, "
        f"{1000 * cost.text_pass:.3g} ms a text pass, timed just now on {call['model'].device}"
    )
    if call["estimator"].capabilities.gradients:
        console.print("gradients: passes through a part of the blocks, and backward ones, may take a third or thrice")


def duration(seconds: float) -> str:
    """In words.

    Example:
        >>> duration(0.24), duration(75), duration(9000)
        ('0.2 s', '1 min 15 s', '2 h 30 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _is_place(against: str) -> bool:
    return against.isdecimal()
