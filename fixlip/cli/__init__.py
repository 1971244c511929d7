"""The command line: one file for each command, and files for what commands share."""

import sys
from contextlib import suppress
from typing import Annotated, Any

import typer

from fixlip.cli.compare import compare
from fixlip.cli.console import Commands
from fixlip.cli.demo import demo
from fixlip.cli.estimators import estimators
from fixlip.cli.evaluate import evaluate
from fixlip.cli.explain import explain
from fixlip.cli.index import build, index, info
from fixlip.cli.models import models
from fixlip.cli.options import examples, paragraphs
from fixlip.cli.report import report
from fixlip.cli.search import search
from fixlip.cli.sweep import sweep
from fixlip.cli.view import view

FIRST = """
[bold]Why does a vision-language model find a picture and a caption similar?[/bold]

  fixlip demo
      a bundled picture and model: no download, no GPU
  fixlip explain photo.jpg "a black dog" --html page.html
      your picture, by OpenAI's CLIP, as a page to click through
  fixlip compare photo.jpg "a black dog" --model ViT-B-32 --model RN50
      two models, word by word
  fixlip explain --help
      every option, with examples; fixlip --help lists all commands
"""
PANELS = {
    "Explain one picture": (demo, explain, compare, sweep, view),
    "Search pictures": (index, search),
    "Measure on a data set": (evaluate, report),
    "List the choices": (models, estimators),
}
GROUPS: dict[Any, Any] = {index: (build, info)}
TRY: dict[Any, tuple[str, ...]] = {
    demo: ("fixlip demo", "fixlip demo --out /tmp"),
    explain: (
        'fixlip explain photo.jpg "a black dog" --html page.html',
        'fixlip explain photo.jpg "a black dog" --model RN50 --phrase "black dog"',
        "fixlip explain photo.jpg --captions captions.txt --dry-run",
        'fixlip explain photo.jpg "a dog" --against "a cat" --target-error 0.1',
        'fixlip explain photo.jpg "a black dog" --option p=0.7 --json',
    ),
    compare: (
        'fixlip compare photo.jpg "a black dog" --model ViT-B-32 --model RN50',
        'fixlip compare photo.jpg "a dog" --estimator banzhaf --estimator shapley --json',
        'fixlip compare a.jpg "a dog" --estimator "banzhaf p=0.3" --estimator shapley',
    ),
    sweep: ('fixlip sweep photo.jpg "a dog" --option p --values 0.3,0.5,0.7 --png sweep.png',),
    view: ("fixlip view dog.fixlip --open", "fixlip view runs/*.fixlip --html all.html"),
    index: ("fixlip index build photos photos.index", "fixlip index info photos.index"),
    build: (
        "fixlip index build photos photos.index --model ViT-B-32",
        "fixlip index build 'photos/**/*.jpg' more.tar table.csv all.index",
    ),
    info: ("fixlip index info photos.index --json",),
    search: (
        'fixlip search photos.index "a black dog next to a yellow hydrant"',
        'fixlip search photos.index "a black dog" -k 50 --sort black --json',
    ),
    evaluate: (
        "fixlip evaluate grounding --data scenes:50 --model demo-clip --out runs/first",
        "fixlip evaluate grounding --data coco:/coco --model ViT-B-32 --out runs/coco",
    ),
    report: ("fixlip report runs/first --html report.html",),
    models: ("fixlip models | grep SigLIP",),
    estimators: ("fixlip estimators", "fixlip estimators --name banzhaf"),
}
HELP = {"help_option_names": ["--help", "-h"]}
app = typer.Typer(
    cls=Commands,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings=HELP,
    epilog=examples("fixlip demo", "fixlip explain --help"),
)


def add(parent: typer.Typer, command: Any, panel: str | None = None) -> None:
    """Add a command, or a group of commands, with its help and examples."""
    about: dict[str, Any] = {"help": paragraphs(command.__doc__), "epilog": examples(*TRY[command])}
    about |= {"context_settings": HELP, "rich_help_panel": panel}
    if command not in GROUPS:
        parent.command(**about)(command)
        return
    group = typer.Typer(no_args_is_help=True)
    group.callback()(command)
    for one in GROUPS[command]:
        add(group, one)
    parent.add_typer(group, name=command.__name__, **about)


for panel, commands in PANELS.items():
    for command in commands:
        add(app, command, panel)


def print_version(wanted: bool) -> None:
    """Print the version and exit, if `--version` was given."""
    if wanted:
        from fixlip import __version__

        print(f"fixlip {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def first(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Explain why a vision-language model finds an image and a caption similar.

    How much does each image patch, each word, and each pair of the two raise or lower the similarity?
    """
    if context.invoked_subcommand is None:
        from rich.text import Text

        from fixlip.cli.console import Printer

        Printer().print(Text.from_markup(FIRST), soft_wrap=True)


def main() -> None:
    """Run the command line; see the exit codes in docs/command_line.md."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # replaced by a program around this one
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app()
