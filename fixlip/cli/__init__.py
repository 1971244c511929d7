"""The command line: one file for each command."""

import sys

import typer

from fixlip.cli.demo import demo
from fixlip.cli.estimators import estimators
from fixlip.cli.evaluate import evaluate
from fixlip.cli.explain import explain
from fixlip.cli.models import models
from fixlip.cli.report import report
from fixlip.cli.sweep import sweep
from fixlip.errors import FixlipError

app = typer.Typer(
    help="Why does a vision-language model find an image and a caption similar?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (demo, explain, sweep, evaluate, report, estimators, models):
    app.command()(command)


def main() -> None:
    """Run the command line; an error of fixlip is one line and exit code 2."""
    try:
        app()
    except FixlipError as error:
        print(f"fixlip: {error}", file=sys.stderr)
        sys.exit(2)
