"""Blocks of a report, in Markdown and HTML alike: sections of paragraphs, tables, figures and examples."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fixlip.results.explanation import Explanation


@dataclass(frozen=True)
class Strip:
    """A value with its interval on a short scale; all places in percent of its length.

    Attributes:
        value, low, high: the interval may be missing.
        marks: kind ("chance", "ceiling", "zero", "everything") and place of what to hold it against.
    """

    value: float
    low: float | None
    high: float | None
    marks: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Cell:
    """A cell of a table; `note` stands small below; `mark` is "best", "close", "clear", "gain", "loss" or "group"."""

    text: str
    note: str = ""
    mark: str = ""
    strip: Strip | None = None


@dataclass(frozen=True)
class Heading:
    """The head of a column."""

    text: str
    note: str = ""
    number: bool = True


@dataclass(frozen=True)
class Table:
    """Rows of cells; one that begins with a "group" heads those below it. If `folded` it hides behind its title."""

    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    note: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Paragraph:
    """Text; `soft` for what is said in passing."""

    text: str
    soft: bool = False


@dataclass(frozen=True)
class Bullets:
    """A short list."""

    items: Sequence[str]


@dataclass(frozen=True)
class Tiles:
    """A few numbers in large letters, each with what it counts."""

    tiles: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Image:
    """A figure: PNG, and for the page a variant for light and one for dark surroundings (types and bytes)."""

    name: str
    about: str
    png: bytes
    light: tuple[str, bytes]
    dark: tuple[str, bytes]


@dataclass(frozen=True)
class Figures:
    """Figures side by side."""

    images: Sequence[Image]
    note: str = ""


@dataclass(frozen=True)
class Example:
    """One explanation: a figure, or the sentence that says why there is none; `caption` in pieces, (text, marked).

    With the figure come the explanation itself and its `label` among all examples.
    """

    image: Image | None
    sentence: str
    caption: Sequence[tuple[str, bool]]
    facts: Sequence[str]
    explanation: "Explanation | None" = None
    label: str = ""


@dataclass(frozen=True)
class Examples:
    """Explanations side by side."""

    title: str
    examples: Sequence[Example]


Block = Paragraph | Bullets | Tiles | Table | Figures | Examples


@dataclass(frozen=True)
class Section:
    """A part of the report."""

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """Target of links to it."""
        return "".join(c if c.isalnum() else "-" for c in self.title.lower())


def number(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """A number as it is printed.

    Example:
        >>> number(0.7349), number(-0.001), number(0.0004, 4), number(1234.5), number(None), number(0.5, sign=True)
        ('0.73', '0.00', '0.0004', '1,234', '–', '+0.50')
    """
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{round(value, digits) + 0.0:.{digits}f}"
    return ("+" if sign and float(text.replace(",", "")) > 0 else "") + text.replace("-", "−")


def interval(low: float | None, high: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """The ends of an interval; nothing where there are none."""
    if low is None or high is None:
        return ""
    return f"{number(low, digits, sign=sign)} to {number(high, digits, sign=sign)}"


def count(n: int, noun: str) -> str:
    """``1 item``, ``2 items``, ``3 entries``."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{n:,} {noun if n == 1 else plural}"


def short_names(labels: Iterable[str]) -> dict[str, str]:
    """Labels of estimators without the options that do not tell them apart.

    Example:
        >>> list(short_names(["banzhaf p=0.3 seed=1", "banzhaf p=0.7 seed=1", "rise seed=1"]).values())
        ['banzhaf p=0.3', 'banzhaf p=0.7', 'rise']
    """
    words = {label: label.split() for label in labels}
    short = {}
    for label, (head, *options) in words.items():
        others = [set(w[1:]) for w in words.values() if w[0] == head]
        short[label] = " ".join([head, *(o for o in options if not all(o in w for w in others))])
    return {label: name if list(short.values()).count(name) == 1 else label for label, name in short.items()}


def slug(*parts: object) -> str:
    """A file name of several parts.

    Example:
        >>> slug("curves", "", "hf-hub:org/name", 2)
        'curves-hf-hub_org_name-2'
    """
    return "-".join(re.sub(r"[^\w.=-]+", "_", str(part)) for part in parts if part not in ("", None))
