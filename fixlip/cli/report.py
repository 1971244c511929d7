"""`fixlip report`."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(help="What `fixlip evaluate --out` wrote.", show_default=False)],
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write Markdown, its figures into a folder beside it.")] = None,
    examples: Annotated[int, typer.Option(help="Failures of each kind to show, explained again; 0 for none.")] = 2,
) -> None:
    """Tables with intervals, paired differences, curves, failures: what the results in FOLDER say."""
    from fixlip.cli.output import Outputs
    from fixlip.cli.results import print_report
    from fixlip.evaluation import report as evaluation_report

    outputs = Outputs(html=html, save=markdown)
    found = evaluation_report.report(folder, html=html, markdown=markdown, examples=examples if html or markdown else 0)
    print_report(found, outputs)
