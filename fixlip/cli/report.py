"""`fixlip report`."""

from pathlib import Path
from typing import Annotated

import typer

from fixlip.cli import options
from fixlip.cli.output import Outputs


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="What `fixlip evaluate --out` wrote.", show_default=False)
    ],
    examples: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Failures of each kind to show, of those that `fixlip evaluate --examples` kept.",
            rich_help_panel=options.RESULT,
        ),
    ] = 2,
    html: options.Html = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write Markdown, its figures into a folder beside it.",
            show_default="not written",
            rich_help_panel=options.RESULT,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Say what the results in FOLDER are: tables with intervals, paired differences, curves, failures."""
    from fixlip.evaluation.folder import SETTINGS
    from fixlip.evaluation.report.page import EXAMPLES, FIGURES

    results = [folder / SETTINGS, *folder.glob("rows-*.jsonl")]
    beside = [path.with_name(path.stem + end) for path, end in ((html, EXAMPLES), (markdown, FIGURES)) if path]
    outputs = Outputs(html=html, save=markdown, beside=beside, inputs={"a file of the results": results})
    from fixlip.cli import documents
    from fixlip.cli.console import Printer
    from fixlip.cli.output import wrote
    from fixlip.cli.results import print_report
    from fixlip.evaluation import report as evaluation_report

    shown = examples if html or markdown else 0
    found = evaluation_report.report(folder, html=html, markdown=markdown, examples=shown)
    if json:
        documents.emit(documents.report(found))
        wrote(Printer(stderr=True), outputs.paths())
    else:
        print_report(found, outputs.paths())
