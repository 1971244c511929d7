"""`fixlip search`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fixlip.cli import completion, documents, options
from fixlip.cli.arguments import given, model_of
from fixlip.cli.console import Printer, grid, number, shown, styled
from fixlip.cli.index import Folder
from fixlip.cli.output import Outputs, ending
from fixlip.results.tables import decimals

if TYPE_CHECKING:
    from rich.table import Table

    from fixlip.results.hits import Hits

SHOWN = 3  # words, and for each the most similar picture in which it fails


def search(
    folder: Folder,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to look for, in quotes.", show_default=False)],
    k: Annotated[int, typer.Option("-k", metavar="N", min=1, help="Pictures to find.")] = 12,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="WORD", help="Show those first to which this word contributes most.", show_default="by similarity"
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The model that built the index, where it is neither bundled nor one of open_clip; with weights as "
            "'ViT-B-32 pretrained=laion2b_s34b_b79k'.",
            show_default="as the index says",
            rich_help_panel=options.MODEL,
            autocompletion=completion.models,
        ),
    ] = None,
    device: options.Device = None,
    text_players: options.TextPlayers = "words",
    phrase: options.Phrase = None,
    text_removal: options.TextRemoval = None,
    text_masks: options.TextMasks = None,
    html: options.Html = None,
    json: options.Json = False,
) -> None:
    """Find the pictures of INDEX that are most similar to TEXT, and what each word contributed to each of them.

    `fixlip index build` makes an index. The contribution of a word is how much it raises the similarity of the picture
    as a whole, averaged over the other words being there or not. With the similarity to no words at all, and what words
    do together, the contributions add up to the similarity.
    """
    import fixlip

    outputs = Outputs(html, inputs={"the index": [folder]})
    encoder = None if model is None else model_of(model, device, allow_random=True)
    index = fixlip.open_index(folder, model=encoder, removal=given(text=text_removal), device=device)
    hits = index.search(text, k, text_players=text_players, phrases=tuple(phrase or ()), text_masks=text_masks)
    if sort is not None:
        hits = hits.sorted_by(sort)
    written = outputs.write(hits)
    if json:
        documents.emit(documents.search(hits))
        for note in hits.notes:
            Printer(stderr=True).note(note)
    else:
        print_hits(hits, written)


def print_hits(hits: "Hits", written: list[Path]) -> None:
    """Print which words carry the hits, a table of hits and words, and the picture in which each word fails."""
    console, first = Printer(), hits[0]
    console.print("", styled(f"“{hits.query}”", "bold"), sep="\n")
    compared = "" if hits.exact else " (those that the vector index proposed)"
    console.print(f"{hits.summary()}{compared}")
    spent = f"{first.provenance.model}  ·  {first.provenance.text_passes} text passes, no image pass"
    console.print(styled(f"{spent}  ·  similarity in logits", "dim"), "", sep="\n")
    console.whole(_table(hits))
    for word, value, hit in hits.speaking_against()[:SHOWN]:
        which = f"{hit.name} ({number(value, sign=True)})"
        console.print(styled(f"the first picture that “{word}” speaks against is {which}", "dim"))
    ending(console, first.provenance, written)


def _table(hits: "Hits") -> "Table":
    headings = [shown(word) for word in hits.words]
    table = grid("picture", "similarity", *headings, "no words", "together", "R²")
    places = decimals([value for hit in hits for value in (hit.similarity, *hit.contributions)], least=1)
    for hit in hits:
        values = (*hit.contributions.tolist(), hit.no_words, hit.together)
        parts = [number(value, places, sign=True) for value in values]
        table.add_row(styled(hit.name), number(hit.similarity, places), *parts, number(hit.provenance.r2))
    return table
