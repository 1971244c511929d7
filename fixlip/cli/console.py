"""The terminal: what is printed on it, and how a command ends."""

import os
import signal
import sys
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer, current_thread, main_thread
from time import monotonic
from types import FrameType
from typing import Any, ClassVar, NoReturn

from rich.console import Console
from rich.measure import Measurement
from rich.style import Style
from rich.table import Table
from rich.text import Text
from typer import Exit
from typer.core import TyperGroup

from fixlip.errors import FixlipError
from fixlip.runtime.memory import enough_for

DONE, NOTHING, WRONG, READER_GONE = 0, 1, 2, 141  # exit codes
BY_SIGNAL = 128  # and the number of the signal, as shells have it
SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
SAME = 0.5  # seconds
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

    def render_str(self, text: str, *, style: str | Style = "", **options: Any) -> Text:
        """Texts say what they say: brackets are no markup, names of emoji are words, and see `shown`."""
        lines = "\n".join(map(shown, text.split("\n")))  # those of our own making
        return super().render_str(lines, style=style, **(options | {"markup": False, "emoji": False}))

    def whole(self, table: Table) -> None:
        """A table with nothing folded, however wide the terminal is, and a blank line."""
        needed = Measurement.get(self, self.options.update(max_width=1000), table).maximum
        Printer(stderr=self.stderr, width=max(self.width, needed)).print(table, "")

    def note(self, sentence: str) -> None:
        """What to know before trusting the numbers."""
        self.print(said(f"note: {sentence}", "yellow"))


def shown(text: str) -> str:
    r"""Text of a caption, a file or a model, in which nothing steers the terminal or turns the line around.

    Example:
        >>> print(shown("a [b]dog[/b] \x1b[31m"))
        a [b]dog[/b] \x1b[31m
    """
    return "".join(
        c.encode("unicode_escape").decode() if c in BIDI or unicodedata.category(c) in HIDDEN else c for c in str(text)
    )


def said(text: str, style: str = "") -> Text:
    """The same in a style."""
    return Text(shown(text), style=style)


def grid(*headings: str, **options: Any) -> Table:
    """A table without lines: the first column to the left, the others, which are numbers, to the right."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), **options)
    for heading in headings:
        table.add_column(heading, justify="right" if table.columns else "left", no_wrap=True, vertical="bottom")
    return table


def bar(value: float, longest: float, characters: int = BAR) -> Text:
    """A bar of so many characters for the longest value; none for what is not a number."""
    if value != value:
        return Text()
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

    signals: ClassVar[list[int]] = []

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run one; a signal decides the exit code, also where what there was by then has been printed and written."""
        with interruptions() as self.signals, warnings.catch_warnings():  # type: ignore[misc]
            warnings.showwarning = warn
            try:
                return super().main(*args, **kwargs)
            except SystemExit:
                if self.signals:
                    exec("")  # Python forgets that an interruption reached an exec; else its exit code is another one
                    raise SystemExit(BY_SIGNAL + self.signals[0]) from None
                raise

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read the arguments, and print the help."""
        with self.ending():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with self.ending():
            return super().invoke(ctx)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """An error that the user can do something about is one line; signals and a reader that went away are none."""
        try:
            try:
                with enough_for("this"):
                    yield
            finally:
                if sys.stdout is not None:  # closed by the shell: ``>&-``
                    sys.stdout.flush()
        except (SystemExit, Exit) as stop:
            if isinstance(stop.__context__, BrokenPipeError):  # rich, and typer's help
                leave(READER_GONE)
            raise
        except KeyboardInterrupt as stop:
            leave(BY_SIGNAL + (self.signals or SIGNALS)[0], str(stop) or "interrupted")
        except BrokenPipeError:
            leave(READER_GONE)
        except Exception as error:
            if self.signals:  # what the interruption broke on its way here
                leave(BY_SIGNAL + self.signals[0], "interrupted")
            if isinstance(error, OSError) and error.strerror:
                of = f": {error.filename!r}" if error.filename else ""
                leave(WRONG, f"{error.strerror}{of}")
            if isinstance(error, (FixlipError, OSError)):
                leave(WRONG, str(error))
            raise


def warn(message: Warning | str, *where: Any, **also: Any) -> None:
    """A warning in one line."""
    if sys.stderr is not None:
        print(f"fixlip: {shown(str(message))}", file=sys.stderr)


def leave(code: int, said: str = "") -> NoReturn:
    """End with at most one line on standard error; what standard output can no longer take is dropped."""
    if said and sys.stderr is not None:
        with suppress(OSError):
            print(f"fixlip: {shown(said)}", file=sys.stderr)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(code) from None


@contextmanager
def interruptions() -> Iterator[list[int]]:
    """Ctrl-C, SIGTERM and SIGHUP raise `KeyboardInterrupt`, and are noted: an estimator may catch it and go on.

    One that comes later ends the process at once. Those of the first moment are the same one, which came twice: from
    the terminal, and from a program around this one. Signals that are ignored (``nohup``), or that a program around
    this one handles, are left alone.
    """
    noted: list[int] = []
    began = 0.0

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal began
        if not noted:
            noted.append(number)
            began = monotonic()
            raise KeyboardInterrupt
        if monotonic() - began > SAME:
            os._exit(BY_SIGNAL + number)

    def swallowed(what: "sys.UnraisableHookArgs") -> None:
        """Python drops what is raised while an object is deleted: an interruption is sent once more."""
        if what.exc_type is KeyboardInterrupt and noted:
            Timer(0.05, os.kill, (os.getpid(), noted.pop())).start()
        else:
            hook(what)

    hook, own = sys.unraisablehook, (signal.SIG_DFL, signal.default_int_handler)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    mine = [n for n in SIGNALS if before[n] in own] if current_thread() is main_thread() else []
    try:
        for number in mine:
            signal.signal(number, note)
        sys.unraisablehook = swallowed
        yield noted
    finally:
        sys.unraisablehook = hook
        for number in mine:
            signal.signal(number, before[number])
