"""`fixlip view`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fixlip.cli import options
from fixlip.cli.answer import Answer
from fixlip.cli.output import Outputs
from fixlip.errors import InputError

if TYPE_CHECKING:
    from fixlip.results.comparison import Comparison
    from fixlip.results.explanation import Explanation
    from fixlip.results.gallery import Gallery


def view(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files that `--save` has written.", show_default=False)
    ],
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to write the page.",
            show_default="next to the first file; nowhere with --json",
            rich_help_panel=options.RESULT,
        ),
    ] = None,
    png: options.Png = None,
    top: options.Top = 10,
    show: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.", rich_help_panel=options.RESULT)
    ] = False,
    json: options.Json = False,
) -> None:
    """Make a page of saved explanations, and print their contents.

    One FILE gives a page of it; several files of the same picture and caption are compared; several captions or
    pictures make a gallery.
    """
    if page := next((file for file in files if is_page(file)), None):
        raise InputError(f"{str(page)!r} is a page already: open it in a browser, or give the file of --save.")
    if html is None and (show or not json):
        html = files[0].with_suffix(".html") if len(files) == 1 else files[0].parent / "fixlip-view.html"
    answer = Answer(Outputs(html, png, inputs={"the saved explanation": files}), top, json)
    answer(together(files))
    if show and html is not None:
        import webbrowser

        webbrowser.open(html.resolve().as_uri())


def is_page(file: Path) -> bool:
    """Return whether a file is a page of HTML."""
    try:
        with file.open("rb") as opened:
            return opened.read(9).lower() == b"<!doctype"
    except OSError:
        return False


def together(files: list[Path]) -> "Explanation | Comparison | Gallery":
    """Load files as an explanation, a comparison (if they are of one picture and caption), or a gallery."""
    from fixlip.results.comparison import Comparison
    from fixlip.results.explanation import Explanation
    from fixlip.results.gallery import Gallery

    explanations = tuple(Explanation.load(file) for file in files)
    if len(explanations) == 1:
        return explanations[0]
    first, *others = [e.players for e in explanations]
    alike = [p.caption == first.caption and _equal(p.picture, first.picture) for p in others]
    return (
        Comparison(explanations, _labels(explanations, files))
        if all(alike)
        else Gallery(explanations, _captions(explanations, files))
    )


def _equal(first: Any, second: Any) -> bool:
    import numpy as np

    return np.array_equal(first, second)


def _labels(explanations: "tuple[Explanation, ...]", files: list[Path]) -> tuple[str, ...]:
    """Return models, estimators or both if they tell the explanations apart, else the names of the files."""
    names = [(e.provenance.model, e.provenance.estimator) for e in explanations]
    varied = [k for k in (0, 1) if len({name[k] for name in names}) > 1]
    labels = tuple(", ".join(name[k] for k in varied) for name in names)
    return labels if varied and len(set(labels)) == len(labels) else tuple(str(file.stem) for file in files)


def _captions(explanations: "tuple[Explanation, ...]", files: list[Path]) -> tuple[str, ...]:
    captions = tuple(e.players.caption for e in explanations)
    return captions if len(set(captions)) == len(captions) else tuple(str(file.stem) for file in files)
