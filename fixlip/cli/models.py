"""`fixlip models`."""

from fixlip.cli import options

NOTES = {
    "bundled": "work offline; they know the objects of fixlip.datasets.scenes",
    "open_clip": "need weights: --pretrained TAG (downloaded by open_clip) or a file; also hf-hub:ORG/REPO, "
    "local-dir:FOLDER and transformers:FOLDER_OR_ID",
}


def models(json: options.Json = False) -> None:
    """List the names of models; in a pipe, print one per line."""
    from rich.columns import Columns
    from rich.text import Text

    from fixlip.api.load import list_models
    from fixlip.cli import documents
    from fixlip.cli.console import Printer, styled

    console, names_of = Printer(), list_models()
    if json:
        documents.emit(documents.document("models", **names_of))
        return
    for kind, names in names_of.items():
        if console.is_terminal:
            console.print(Text.assemble((kind, "bold"), f": {NOTES[kind]}"))
            console.print(Columns(map(styled, names), padding=(0, 2)), "")
        else:
            print(*names, sep="\n")
