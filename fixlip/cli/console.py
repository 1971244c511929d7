"""Printing on the terminal, and the ending of a command."""

import os
import re
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

from fixlip.errors import ClusterError, FixlipError
from fixlip.runtime.memory import enough_for

DONE, NOTHING, WRONG, READER_GONE = 0, 1, 2, 141  # exit codes
BY_SIGNAL = 128  # and the number of the signal, as shells have it
SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
SAME = 0.5  # seconds
BAR = 16  # characters of the longest bar
HIDDEN = {"Cc", "Cs", "Zl", "Zp"}  # controls, half characters, separators of lines
BIDI = {"\u061c", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


class Printer(Console):
    """Prints on standard output or standard error; a closed pipe is an error like any other."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        super().__init__(highlight=False, stderr=stderr, **options)

    def on_broken_pipe(self) -> None:
        """Raise, since rich would exit with code 1."""
        raise BrokenPipeError

    def render_str(self, text: str, *, style: str | Style = "", **options: Any) -> Text:
        """Make text of a string as it is: without markup, without names of emoji, made safe by `shown`."""
        lines = "\n".join(map(shown, text.split("\n")))  # line breaks of fixlip stay
        return super().render_str(lines, style=style, **(options | {"markup": False, "emoji": False}))

    def whole(self, table: Table) -> None:
        """Print a table without wrapping, however wide the terminal is, and a blank line."""
        needed = Measurement.get(self, self.options.update(max_width=1000), table).maximum
        Printer(stderr=self.stderr, width=max(self.width, needed)).print(table, "")

    def note(self, sentence: str, about: str = "") -> None:
        """Print a warning to read before trusting the numbers; arguments that it names are flags here."""
        said = with_flags(sentence, [*Commands.every, *Commands.parameters])
        start = f"note ({about})" if about else "note"
        self.print(styled(f"{start}: {said}", "" if self.stderr else "yellow"), soft_wrap=True)


def shown(text: str) -> str:
    r"""Escape what could control the terminal or reverse the line in text of a caption, a file or a model.

    Example:
        >>> print(shown("a [b]dog[/b] \x1b[31m"))
        a [b]dog[/b] \x1b[31m
    """
    return "".join(
        c.encode("unicode_escape").decode() if c in BIDI or unicodedata.category(c) in HIDDEN else c for c in str(text)
    )


def counted(number: int, noun: str) -> str:
    """Write a number of things: "1 picture", "12 pictures"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def between(least: int, most: int) -> str:
    """Write a number that lies between two."""
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"


def styled(text: str, style: str = "") -> Text:
    """Return text made safe by `shown`, in a style of rich."""
    return Text(shown(text), style=style)


def grid(*headings: str, **options: Any) -> Table:
    """Make a table without lines: the first column is aligned to the left, the others, with numbers, to the right."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), **options)
    for heading in headings:
        table.add_column(heading, justify="right" if table.columns else "left", no_wrap=True, vertical="bottom")
    return table


def bar(value: float, longest: float, characters: int = BAR) -> Text:
    """Draw a bar; the longest value gets the full number of characters, and NaN gets no bar."""
    if value != value:
        return Text()
    blocks = "█" * max(1, round(characters * abs(value) / (longest or 1.0)))
    return Text(blocks, style="dark_orange3" if value > 0 else "blue")


def digits(unit: str) -> int:
    """Return the number of decimals in a table of this unit: a cosine is a hundredth of a logit."""
    return 4 if unit == "cosine" else 2


def number(value: float, digits: int = 2, *, sign: bool = False) -> str:
    """Write a number, or a dash for NaN.

    Example:
        >>> number(1.25, sign=True), number(-0.001), number(float("nan"))
        ('+1.25', '0.00', '–')
    """
    return f"{value:{'+' if sign else ''}z.{digits}f}" if value == value else "–"


class Commands(TyperGroup):
    """The group of commands, which ends each of them with an exit code of docs/command_line.md."""

    signals: ClassVar[list[int]] = []
    parameters: ClassVar[list[Any]] = []  # of the command that runs
    every: ClassVar[list[Any]] = []  # of all commands, since a saved result may be shown by another one

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; a signal decides the exit code, even if a partial result was printed and written."""
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
        """Run a command; what its errors call by the names of the library is named by its flags."""
        with self.ending():
            try:
                return super().invoke(ctx)
            except FixlipError as error:
                error.args = (with_flags(str(error), Commands.parameters),)
                raise

    def resolve_command(self, *args: Any, **kwargs: Any) -> Any:
        """Find the command that is asked for, and remember its parameters."""
        name, command, others = super().resolve_command(*args, **kwargs)
        commands = [command, *getattr(command, "commands", {}).values()] if command else []
        Commands.parameters = [p for each in commands for p in each.params]
        Commands.every = [p for each in self.commands.values() for p in each.params]
        return name, command, others

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Turn errors that the user can act on into one line, and signals and closed pipes into exit codes."""
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
            if self.signals:  # an error caused by the interruption
                leave(BY_SIGNAL + self.signals[0], "interrupted")
            if isinstance(error, OSError) and error.strerror:
                place = f": {error.filename!r}" if error.filename else ""
                leave(WRONG, f"{error.strerror}{place}")
            if isinstance(error, (FixlipError, OSError)):
                leave(NOTHING if isinstance(error, ClusterError) else WRONG, str(error))
            raise


def with_flags(message: str, parameters: list[Any]) -> str:
    """Name arguments by the flags of a command, where it has them: ``image_masks=64`` becomes ``--image-masks 64``.

    Example:
        >>> from typer.main import get_command
        >>> from fixlip.cli import app
        >>> parameters = get_command(app).commands["explain"].params
        >>> with_flags("give image_masks=64, ridge=0.1 or allow_random=True.", parameters)
        'give --image-masks 64, ridge=0.1 or --allow-random.'
    """
    flags = {p.name: (p.opts[0], p.is_flag) for p in parameters if p.opts[0].startswith("--")}

    def named(found: re.Match[str]) -> str:
        flag, alone = flags.get(found[1], ("", False))
        if not flag:
            return found[0]
        return flag if alone else f"{flag} {found[2] or ''}".rstrip()

    return re.sub(r"\b([a-z_]+)=('[^']*'|\"[^\"]*\"|[-+\w.:/*]*\w)?", named, message)


def warn(message: Warning | str, *where: Any, **also: Any) -> None:
    """Print a warning on one line."""
    if sys.stderr is not None:
        print(f"fixlip: {shown(str(message))}", file=sys.stderr)


def leave(code: int, message: str = "") -> NoReturn:
    """End with at most one line on standard error; output that can no longer be written is dropped."""
    if message and sys.stderr is not None:
        with suppress(OSError):
            print(f"fixlip: {shown(message)}", file=sys.stderr)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(code) from None


@contextmanager
def interruptions() -> Iterator[list[int]]:
    """Raise `KeyboardInterrupt` at Ctrl-C, SIGTERM and SIGHUP, and yield the list of signals noted so far.

    The list is kept because an estimator may catch the exception and go on. A later signal ends the process at once.
    Signals within the first moment count as one, which came from the terminal and again from a parent program. Signals
    that are ignored (``nohup``), or that a parent program handles, are left alone.
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
        """Send an interruption again, since Python drops exceptions raised while an object is deleted."""
        if what.exc_type is KeyboardInterrupt and noted:
            Timer(0.05, os.kill, (os.getpid(), noted.pop())).start()
        else:
            hook(what)

    hook, defaults = sys.unraisablehook, (signal.SIG_DFL, signal.default_int_handler)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    mine = [n for n in SIGNALS if before[n] in defaults] if current_thread() is main_thread() else []
    try:
        for number in mine:
            signal.signal(number, note)
        sys.unraisablehook = swallowed
        yield noted
    finally:
        sys.unraisablehook = hook
        for number in mine:
            signal.signal(number, before[number])


@contextmanager
def kept(what: str, folder: str | os.PathLike[str]) -> Iterator[None]:
    """Say of an interruption what a folder keeps, "what is done is", and that the same command goes on from there."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; {what} in {folder}, the same command goes on from there") from None
