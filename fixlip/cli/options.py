"""The options that commands share, with their groups, help and completion."""

from pathlib import Path
from typing import Annotated

import typer

from fixlip.cli import completion as complete

MODEL, METHOD, EFFORT, RUN = "The model", "The method", "How much to compute", "How it runs"
PLAYERS, RESULT = "What counts as one part, and how it is removed", "What you get"
DEFAULT = "the estimator's default"


def examples(*lines: str) -> str:
    """Return the end of a command's help, with examples."""
    return "\n".join(["[bold]Try[/bold]", *(f"  {line}".replace("[", "\\[") for line in lines)])


def paragraphs(doc: str | None) -> str:
    """Return a docstring as help, whose lines the terminal wraps.

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
        help="The model to explain, by a name that `fixlip models` lists. demo-clip and other bundled ones "
        "need no download, but know only drawings of a few objects.",
        rich_help_panel=MODEL,
        autocompletion=complete.models,
    ),
]
Pretrained = Annotated[
    str,
    typer.Option(
        metavar="TAG",
        help="The weights of the model: a tag of open_clip, a file, or none. Bundled models include their weights.",
        rich_help_panel=MODEL,
    ),
]
AllowRandom = Annotated[
    bool,
    typer.Option(
        "--allow-random", help="Accept random weights, of --pretrained none: a control.", rich_help_panel=MODEL
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The device to run on: cpu, cuda, cuda:1, mps.",
        show_default="the GPU if there is one",
        rich_help_panel=MODEL,
        autocompletion=complete.devices,
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The type to compute in: float32, bfloat16, float16; auto for bfloat16 where that is faster.",
        show_default="the model's own",
        rich_help_panel=MODEL,
    ),
]
EstimatorName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="The method, by a name that `fixlip estimators` lists.",
        rich_help_panel=METHOD,
        autocompletion=complete.estimators,
    ),
]
EstimatorOptions = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="An option of the estimator; repeat for several. `fixlip estimators --name NAME` lists them.",
        show_default="the estimator's defaults",
        rich_help_panel=METHOD,
        autocompletion=complete.options,
    ),
]
Budget = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Masked pictures x masked captions to score, as papers count; a budget that covers all of them is exact.",
        show_default=DEFAULT,
        rich_help_panel=EFFORT,
    ),
]
ImageMasks = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Masked pictures to encode, instead of a budget; four times as many halve the error.",
        show_default=DEFAULT,
        rich_help_panel=EFFORT,
    ),
]
TextMasks = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Masked captions to encode, instead of a budget.",
        show_default=DEFAULT,
        rich_help_panel=EFFORT,
    ),
]
TargetError = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Continue until the standard errors are this share of the interactions: 0.1 for 10 %.",
        show_default="stop at the budget",
        rich_help_panel=EFFORT,
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="The seed of the random masks; the same seed gives the same result.",
        rich_help_panel=EFFORT,
    ),
]
ImagePlayers = Annotated[
    str,
    typer.Option(
        metavar="KIND",
        help="Parts of the picture: patches (of the model), grid:3 (3 x 3 cells), grid:2x3, slic:40 (superpixels).",
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
        help="Words of the caption to treat as one part, such as 'black dog'; repeat for several phrases.",
        show_default="each word separately",
        rich_help_panel=PLAYERS,
    ),
]
ImageRemoval = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="What replaces a removed patch: mean (0 after normalisation, usually the mean colour), blur, attention "
        "(the patch is hidden), drop (the patch is left out).",
        show_default="the model's default, usually mean",
        rich_help_panel=PLAYERS,
        autocompletion=complete.image_removals,
    ),
]
TextRemoval = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="What happens to a removed word: attention (the word is hidden), replace (by a mask token), delete.",
        show_default="the model's default, usually attention",
        rich_help_panel=PLAYERS,
        autocompletion=complete.text_removals,
    ),
]
Engine = Annotated[str, typer.Option(metavar="NAME", help="local, or ray.", rich_help_panel=RUN)]
Workers = Annotated[int, typer.Option(metavar="N", help="Processes of ray.", rich_help_panel=RUN)]
Address = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Of a ray cluster.", show_default="this machine", rich_help_panel=RUN),
]
GpusPerWorker = Annotated[
    float, typer.Option(metavar="N", help="GPUs of each process of ray; 0.5 shares one.", rich_help_panel=RUN)
]
Wait = Annotated[
    float,
    typer.Option(
        metavar="SECONDS", help="How long to wait while no process has a place in the cluster.", rich_help_panel=RUN
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
        "page; this takes at most two more encoder passes for each part.",
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
