"""`fixlip explain`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fixlip.cli import options
from fixlip.cli.answer import Answer
from fixlip.cli.arguments import given
from fixlip.cli.captions import chosen, gathered
from fixlip.cli.files import files_of_model
from fixlip.cli.output import Outputs
from fixlip.errors import OptionError
from fixlip.specs import options_of, written

OTHERS = "Other captions of the picture"


def explain(
    image: options.Image,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="A caption, in quotes; or use --captions.", show_default=False)
    ] = None,
    captions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A file with one caption per line (- for standard input): the captions are ranked, and the best is "
            "compared with the runner-up.",
            show_default="TEXT alone",
            rich_help_panel=OTHERS,
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Explain why not this caption: its text, or its place in the ranking (2).",
            show_default="the best other",
            rich_help_panel=OTHERS,
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Explain each caption separately instead.", rich_help_panel=OTHERS)
    ] = False,
    model: options.ModelName = "ViT-B-32",
    pretrained: options.Pretrained = "openai",
    allow_random: options.AllowRandom = False,
    device: options.Device = None,
    dtype: options.Dtype = None,
    estimator: options.EstimatorName = "banzhaf",
    p: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="The share of picture and caption that a mask keeps, between 0 and 1: the same as --option p=P.",
            show_default="the estimator's default; 0.5 for banzhaf",
            rich_help_panel=options.METHOD,
        ),
    ] = None,
    option: options.EstimatorOptions = None,
    budget: options.Budget = None,
    image_masks: options.ImageMasks = None,
    text_masks: options.TextMasks = None,
    target_error: options.TargetError = None,
    seed: options.Seed = 0,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Estimate how long it would take, and stop.", rich_help_panel=options.EFFORT),
    ] = False,
    image_players: options.ImagePlayers = "patches",
    text_players: options.TextPlayers = "words",
    phrase: options.Phrase = None,
    image_removal: options.ImageRemoval = None,
    text_removal: options.TextRemoval = None,
    top: options.Top = 10,
    curves: options.Curves = None,
    html: options.Html = None,
    png: options.Png = None,
    save: options.Save = None,
    json: options.Json = False,
) -> None:
    """Explain why a model finds IMAGE and TEXT similar: which words matter, and where in the picture.

    The picture is divided into patches, the caption into words. The model scores the two many times with some of these
    parts removed. The scores show how much each part raises or lowers the similarity, and how much each patch and word
    do so together: their interaction, in the model's own score (logits). The strongest pairs are printed.
    """
    if dry_run and target_error is not None:
        raise OptionError("--dry-run cannot predict where --target-error stops; give masks or a budget instead.")
    if every and (against is not None or png is not None):
        raise OptionError("--all explains each caption separately; it cannot be used with --against or --png.")
    listed = gathered(text, captions, against, every)
    read: dict[str, list[Path]] = {"the picture": [image], "the file of captions": [captions] if captions else []}
    read |= {"a file of the model": files_of_model(written(model, {"pretrained": pretrained}))}
    answer = Answer(Outputs(html, png, save, listed if every else None, inputs=read), top, json)
    import fixlip
    from fixlip.io.images import open_image
    from fixlip.registry import get_estimator

    method, picture = get_estimator(estimator, **options_of(option or []) | given(p=p)), open_image(image)
    call: dict[str, Any] = {
        "model": fixlip.load_model(model, pretrained=pretrained, allow_random=allow_random, device=device, dtype=dtype),
        "estimator": method,
        "budget": budget,
        "image_masks": image_masks,
        "text_masks": text_masks,
        "text_players": text_players,
        "phrases": phrase or [],
        "image_players": image_players,
        "removal": given(image=image_removal, text=text_removal),
        "seed": seed,
    }
    ranking, pair = None, None
    if len(listed) > 1 and not every:
        ranking = fixlip.rank(picture, listed, model=call["model"])
        pair = chosen(ranking, text, against)
        answer.ranking(ranking)
    extra: dict[str, Any] = {"target_error": target_error, "curves": bool(html) if curves is None else curves}
    if dry_run:
        from fixlip.api.cost import estimate_cost

        cost = estimate_cost(picture, pair or listed, contrast=pair is not None, **call)
        answer.cost(cost, call, ranking)
    elif pair:
        answer(fixlip.contrast(picture, pair, **call, **extra), ranking)
    elif every:
        from fixlip.results.gallery import Gallery

        answer(Gallery(tuple(fixlip.explain_many([picture], listed, pairs="all", **call, **extra))))
    else:
        answer(fixlip.explain(picture, listed[0], **call, **extra))
