"""`fixlip models`."""

from rich.columns import Columns
from rich.console import Console

from fixlip.api import list_models

NOTES = {
    "bundled": "work offline; they know the objects of fixlip.datasets.scenes",
    "open_clip": "need weights: --pretrained TAG (downloaded by open_clip) or a file; also hf-hub:ORG/REPO, "
    "local-dir:FOLDER and transformers:FOLDER_OR_ID",
}


def models() -> None:
    """List the models that can be named."""
    console = Console(highlight=False)
    for kind, names in list_models().items():
        console.print(f"[bold]{kind}[/bold]: {NOTES[kind]}")
        console.print(Columns(names, padding=(0, 2)), "")
