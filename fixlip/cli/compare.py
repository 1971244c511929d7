"""`fixlip compare`."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Annotated

import typer

from fixlip.cli import completion, options
from fixlip.cli.answer import Answer
from fixlip.cli.arguments import estimator_of, given, model_of
from fixlip.cli.files import files_of_model
from fixlip.cli.output import Outputs
from fixlip.errors import OptionError

Models = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Repeat for several models; name the weights like this: 'ViT-B-16-SigLIP2 pretrained=webli'.",
        show_default="ViT-B-32",
        rich_help_panel=options.MODEL,
        autocompletion=completion.models,
    ),
]
Estimators = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Repeat for several methods; give options like this: 'banzhaf p=0.7'.",
        show_default="banzhaf",
        rich_help_panel=options.METHOD,
        autocompletion=completion.estimators,
    ),
]
Cosine = Annotated[
    bool,
    typer.Option(
        "--cosine",
        help="Show cosines, a unit that all models share; each model scales its logits differently.",
        rich_help_panel=options.RESULT,
    ),
]
SaveAll = Annotated[
    Path | None,
    typer.Option(
        metavar="PLACE",
        help="Write the numbers of each explanation, for `fixlip view`: into this folder, or with this prefix.",
        show_default="not written",
        rich_help_panel=options.RESULT,
    ),
]


def compare(
    image: options.Image,
    text: options.Caption,
    model: Models = None,
    device: options.Device = None,
    allow_random: options.AllowRandom = False,
    estimator: Estimators = None,
    budget: options.Budget = None,
    image_masks: options.ImageMasks = None,
    text_masks: options.TextMasks = None,
    target_error: options.TargetError = None,
    seed: options.Seed = 0,
    image_players: options.ImagePlayers = "patches",
    text_players: options.TextPlayers = "words",
    phrase: options.Phrase = None,
    image_removal: options.ImageRemoval = None,
    text_removal: options.TextRemoval = None,
    top: options.Top = 10,
    cosine: Cosine = False,
    curves: options.Curves = None,
    html: options.Html = None,
    png: options.Png = None,
    save: SaveAll = None,
    json: options.Json = False,
) -> None:
    """Explain IMAGE and TEXT by several models or methods, and show in which words they differ.

    All combinations of the models and the estimators are explained and shown on one scale; each is compared with the
    first.
    """
    models, estimators = model or ["ViT-B-32"], estimator or ["banzhaf"]
    labels = tuple(names_of(models, estimators))
    if len(labels) < 2:
        raise OptionError("There is nothing to compare; give --model or --estimator at least twice.")
    read = {"the picture": [image], "a file of the model": [file for spec in models for file in files_of_model(spec)]}
    answer = Answer(Outputs(html, png, save, labels, inputs=read), top, json)
    import fixlip
    from fixlip.io.images import open_image

    picture, methods = open_image(image), [estimator_of(spec) for spec in estimators]
    comparison = fixlip.compare(
        picture,
        text,
        models=[model_of(spec, device, allow_random) for spec in models],
        estimators=methods,
        budget=budget,
        image_masks=image_masks,
        text_masks=text_masks,
        target_error=target_error,
        seed=seed,
        image_players=image_players,
        text_players=text_players,
        phrases=phrase or [],
        removal=given(image=image_removal, text=text_removal),
        curves=bool(html) if curves is None else curves,
    )
    answer(replace(comparison.in_cosine() if cosine else comparison, labels=labels))


def names_of(models: list[str], estimators: list[str]) -> list[str]:
    """Return a label for each combination, in the words of the command line.

    Example:
        >>> names_of(["demo-clip"], ["banzhaf p=0.3", "banzhaf p=0.7"])
        ['banzhaf p=0.3', 'banzhaf p=0.7']
    """
    parts = [names for names in (models, estimators) if len(names) > 1] or [estimators]
    labels = [", ".join(combination) for combination in product(*parts)]
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise OptionError(f"{twice[0]} is given twice; give each combination once.")
    return labels
