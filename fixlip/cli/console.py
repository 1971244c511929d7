"""The terminal: what is printed on it, and how a command ends."""

import os
import signal
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from fixlip.errors import FixlipError

DONE, NOTHING, WRONG, INTERRUPTED, READER_GONE = 0, 1, 2, 130, 141  # exit codes
BAR = 16  # characters of the longest bar
HIDDEN = {"Cc", "Cs", "Zl", "Zp"}  # controls, half characters, separators of lines
BIDI = {"\u061c", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


class Printer(Console):
    """Prints on standard output, or on standard error; a reader that went away is an error like others."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        super().__init__(highlight=False, stderr=stderr, **options)

    def on_broken_pipe(self) -> None:
        """Rather than exit code 1."""
        raise BrokenPipeError

    def whole(self, table: Table) -> None:
        """A table with nothing folded, however wide the terminal is, and a blank line."""
        needed = Measurement.get(self, self.options.update(max_width=1000), table).maximum
        Printer(stderr=self.stderr, width=max(self.width, needed)).print(table, "")

    def note(self, sentence: str) -> None:
        """What to know before trusting the numbers."""
        self.print(said(f"note: {sentence}", "yellow"))


def said(text: str, style: str = "") -> Text:
    r"""Text of a caption, a file or a model, in which nothing steers the terminal or turns the line around.

    Example:
        >>> print(said("a [b]dog[/b] \x1b[31m").plain)
        a [b]dog[/b] \x1b[31m
    """
    shown = (
        c.encode("unicode_escape").decode() if c in BIDI or unicodedata.category(c) in HIDDEN else c for c in str(text)
    )
    return Text("".join(shown), style=style)


def grid(*headings: str, **options: Any) -> Table:
    """A table without lines: the first column to the left, the others, which are numbers, to the right."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), **options)
    for heading in headings:
        table.add_column(heading, justify="right" if table.columns else "left", no_wrap=True, vertical="bottom")
    return table


def bar(value: float, longest: float, characters: int = BAR) -> Text:
    """A bar of so many characters for the longest value."""
    blocks = "█" * max(1, round(characters * abs(value) / (longest or 1.0)))
    return Text(blocks, style="dark_orange3" if value > 0 else "blue")


def digits(unit: str) -> int:
    """After the point, where all numbers of a table have the same: a cosine is a hundredth of a logit."""
    return 4 if unit == "cosine" else 2


def number(value: float, digits: int = 2, *, sign: bool = False) -> str:
    """A dash where there is none.

    Example:
        >>> number(1.25, sign=True), number(float("nan"))
        ('+1.25', '–')
    """
    return f"{value:{'+' if sign else ''}.{digits}f}" if value == value else "–"


class Commands(TyperGroup):
    """The commands; one place where they end: see the exit codes in docs/command_line.md."""

    def invoke(self, ctx: Any) -> Any:
        """Run one; an error of fixlip is one line, Ctrl-C and a reader that went away are no errors."""
        with interruptions() as interrupted:
            try:
                result = super().invoke(ctx)
                sys.stdout.flush()
            except FixlipError as error:
                print(f"fixlip: {error}", file=sys.stderr)
                ctx.exit(WRONG)
            except KeyboardInterrupt:
                print("fixlip: interrupted", file=sys.stderr)
                ctx.exit(INTERRUPTED)
            except BrokenPipeError:
                leave_quietly()
        if interrupted:  # what there was has been printed and written
            ctx.exit(INTERRUPTED)
        return result


@contextmanager
def interruptions() -> Iterator[list[int]]:
    """Ctrl-C raises `KeyboardInterrupt` as ever, and is noted: an estimator may have caught it and gone on."""
    noted: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        signal.default_int_handler(number, frame)

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # a thread, or a program around this one that has its own
        yield noted
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def leave_quietly() -> NoReturn:
    """End as programs do whose reader went away (``| head``): nothing is left to be flushed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(READER_GONE)
