"""`fixlip estimators`."""

import inspect
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fixlip.cli import completion, options
from fixlip.cli.console import Printer

if TYPE_CHECKING:
    from fixlip.cli.capabilities import Row

COLUMNS = {  # by the width of the terminal
    0: ("name", "indices", "pairs", "needs", "passes"),
    110: ("name", "indices", "orders", "pairs", "needs", "exact", "passes"),
    180: ("name", "answers", "indices", "orders", "pairs", "needs", "exact", "passes", "source"),
}
FIXED = ("orders", "pairs", "needs", "exact")  # never broken over lines


def estimators(
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Show everything about one estimator, with its options.",
            show_default="a table of all",
            autocompletion=completion.estimators,
        ),
    ] = None,
    image_players: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of patches for which passes are counted.")
    ] = 49,
    text_players: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of words for which passes are counted.")
    ] = 8,
    budget: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Budget for which passes are counted: masked pictures x masked captions.",
            show_default="the estimator's default",
        ),
    ] = None,
    wide: Annotated[bool, typer.Option("--wide", help="Show all columns, however wide the terminal is.")] = False,
    json: options.Json = False,
) -> None:
    """List the estimators: the questions they answer, their requirements, and their cost."""
    from fixlip.cli import documents
    from fixlip.cli.capabilities import entry, groups, row
    from fixlip.registry import list_estimators

    console, size = Printer(), (image_players, text_players, budget)
    if json:
        every = [entry(n, *size) for n in ([name] if name is not None else list_estimators())]
        documents.emit(documents.document("estimators", players=size[:2], budget=budget, estimators=every))
    elif name is not None:
        _details(console, name, *size)
    elif wide or not console.is_terminal:
        single, family = groups(list_estimators())
        _whole([row(n, *size, count=False) for n in [*single, *family]])
    else:
        single, family = groups(list_estimators())
        console.print(_table([row(n, *size) for n in single], _columns(console)))
        if family:
            console.print(Text("\nfamilies of other libraries\n", style="bold"))
            console.print(_table([row(n, *size, count=False) for n in family], _columns(console)))
        _legend(console, *size)


def _columns(console: Printer) -> tuple[str, ...]:
    return COLUMNS[max(width for width in COLUMNS if width <= console.width)]


def _legend(console: Printer, image_players: int, text_players: int, budget: int | None) -> None:
    players = f"{image_players} image + {text_players} text players"
    spent = "the estimator's own budget" if budget is None else f"a budget of {budget:,}"
    legend = [f"passes: of the image + text tower for {players}, with {spent}."]
    legend += ["≤ budget: at most one pass of each tower for each game value; --name NAME counts them."]
    legend += ["exact: with a budget that covers all masks."] * ("exact" in _columns(console))
    console.print(Text("\n" + "\n".join(legend), style="dim"))
    console.print(Text("fixlip estimators --name NAME shows more about one; --wide shows all columns.", style="dim"))


def _table(rows: "list[Row]", columns: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=column in ("name", *FIXED))
    for column in {"indices", "passes"} & set(columns):  # words of these are never broken
        words = [word for r in rows for word in (getattr(r, column).split(", ") if column == "indices" else [r.passes])]
        at = table.columns[columns.index(column)]
        at.min_width = max((len(word) for word in words if column == "indices" or "+" in word), default=0)
        at.max_width = 36 if column == "indices" else None
    table.columns[0].style = "bold"
    for r in rows:
        table.add_row(*(Text(getattr(r, column)) for column in columns))
    return table


def _whole(rows: "list[Row]") -> None:
    """Print all columns, one line per estimator, untruncated: for files, pipes and wide windows."""
    lines = [rows[0]._fields, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _details(console: Printer, name: str, image_players: int, text_players: int, budget: int | None) -> None:
    from fixlip.cli.capabilities import options, passes, row
    from fixlip.registry import estimator_class

    estimator, c = row(name, image_players, text_players, budget), estimator_class(name).capabilities
    facts = {
        **{k: getattr(estimator, k) for k in ("indices", "orders", "pairs", "needs")},
        "exact": "at full budget" if c.exact else "no",
        "cost": c.cost,
        f"passes for {image_players} + {text_players}": passes(name, image_players, text_players, budget, whole=True),
        "options": ", ".join(f"{k}={v!r}" for k, v in options(name).items()) or "none",
        "axioms": ", ".join(c.axioms) or "none",
        "source": c.source,
    }
    console.print(Text.assemble((name, "bold"), "  ", c.summary), soft_wrap=not console.is_terminal)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    for fact, value in facts.items():
        table.add_row(fact, Text(value))
    console.print(Padding(table, (0, 0, 0, 2)))
    console.print(Text("\n" + _flowing(inspect.getdoc(estimator_class(name)) or "")))


def _flowing(doc: str) -> str:
    """Return a docstring without its example, each paragraph or item on one line that the terminal can wrap."""
    lines: list[str] = []
    for line in doc.split("\n\nExample")[0].splitlines():
        start = lines[-1] if lines else ""
        deeper = len(line) - len(line.lstrip()) > len(start) - len(start.lstrip())
        running = not line.startswith((" ", "- ")) and not start.startswith(" ")
        if line and start and not start.endswith(":") and (deeper or running):
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return "\n".join(lines)
