"""The options that commands share: how each is written, grouped, explained and completed."""

from pathlib import Path
from typing import Annotated

import typer

from fixlip.cli import completion as complete

MODEL, METHOD, EFFORT = "The model", "The method", "How much to compute"
PLAYERS, RESULT = "What counts as one part, and how it is removed", "What you get"
OWN = "the estimator's own"


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n".join(["[bold]Try[/bold]", *(f"  {line}".replace("[", "\\[") for line in lines)])


def paragraphs(doc: str | None) -> str:
    """A docstring as help, whose lines the terminal breaks.

    Example:
        >>> paragraphs(" One line. ")
        'One line.'
    """
    return "\n\n".join(" ".join(part.split()) for part in (doc or "").split("\n\n"))


Image = Annotated[Path, typer.Argument(metavar="IMAGE", help="A picture, in any common format.", show_default=False)]
Caption = Annotated[str, typer.Argument(metavar="TEXT", help="A caption, in quotes.", show_default=False)]

ModelName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Whose similarity is explained: a name that `fixlip models` lists. demo-clip and demo-siglip need no "
        "download, and know drawings of a few objects only.",
        rich_help_panel=MODEL,
        autocompletion=complete.models,
    ),
]
Pretrained = Annotated[
    str,
    typer.Option(
        metavar="TAG",
        help="Which weights of that model: a tag of open_clip, or a file. Bundled models have their own.",
        rich_help_panel=MODEL,
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Where it runs: cpu, cuda, cuda:1, mps.",
        show_default="the GPU where there is one",
        rich_help_panel=MODEL,
        autocompletion=complete.devices,
    ),
]
EstimatorName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="How it is explained: a name that `fixlip estimators` lists.",
        rich_help_panel=METHOD,
        autocompletion=complete.estimators,
    ),
]
EstimatorOptions = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="An option of the estimator, several times for several; `fixlip estimators --name NAME` lists them.",
        show_default="the estimator's defaults",
        rich_help_panel=METHOD,
        autocompletion=complete.options,
    ),
]
Budget = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Masked pictures x masked captions to compare, as papers count; a budget that covers all is exact.",
        show_default=OWN,
        rich_help_panel=EFFORT,
    ),
]
ImageMasks = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Masked pictures to encode, instead of a budget; four times as many halve the error.",
        show_default=OWN,
        rich_help_panel=EFFORT,
    ),
]
TextMasks = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Masked captions to encode, instead of a budget.",
        show_default=OWN,
        rich_help_panel=EFFORT,
    ),
]
TargetError = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Go on until the standard errors are this share of the interactions: 0.1 for 10 %.",
        show_default="stop at the budget",
        rich_help_panel=EFFORT,
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="Number that fixes which masks are drawn; the same one gives the same result.",
        rich_help_panel=EFFORT,
    ),
]
ImagePlayers = Annotated[
    str,
    typer.Option(
        metavar="KIND",
        help="Parts of the picture: patches (of the model), grid:3 (3 x 3 fields), grid:2x3, slic:40 (superpixels).",
        rich_help_panel=PLAYERS,
        autocompletion=complete.image_players,
    ),
]
TextPlayers = Annotated[
    str,
    typer.Option(
        metavar="KIND",
        help="Parts of the caption: words, content (words like 'a' join the next one), tokens (of the model).",
        rich_help_panel=PLAYERS,
        autocompletion=complete.text_players,
    ),
]
Phrase = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WORDS",
        help="Words of the caption that are one part, as 'black dog'; several times for several.",
        show_default="each word by itself",
        rich_help_panel=PLAYERS,
    ),
]
ImageRemoval = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="What takes the place of a removed patch: mean (colour), blur, attention (it is hidden), drop (it is "
        "left out).",
        show_default="the model's, mostly mean",
        rich_help_panel=PLAYERS,
        autocompletion=complete.image_removals,
    ),
]
TextRemoval = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="What happens to a removed word: attention (it is hidden), replace (by a mask token), delete.",
        show_default="the model's, mostly attention",
        rich_help_panel=PLAYERS,
        autocompletion=complete.text_removals,
    ),
]
Top = Annotated[
    int,
    typer.Option(metavar="N", min=1, help="Rows to print: pairs, words or captions.", rich_help_panel=RESULT),
]
Curves = Annotated[
    bool | None,
    typer.Option(
        "--curves/--no-curves",
        help="Also score the picture and caption while their most important parts are removed, for the slider of the "
        "page; at most two encoder passes more for each part.",
        show_default="with --html",
        rich_help_panel=RESULT,
    ),
]
Html = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Write the interactive page.", show_default="not written", rich_help_panel=RESULT
    ),
]
Png = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the figure.", show_default="not written", rich_help_panel=RESULT),
]
Save = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write all numbers, for `fixlip view` and Explanation.load.",
        show_default="not written",
        rich_help_panel=RESULT,
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON document instead of tables, for programs; notes go to standard error.",
        rich_help_panel=RESULT,
    ),
]
