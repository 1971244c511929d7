"""`fixlip sweep`."""

from pathlib import Path
from typing import Annotated

import typer

from fixlip.cli import completion, options
from fixlip.cli.arguments import given, listed
from fixlip.cli.files import files_of_model
from fixlip.cli.output import Outputs
from fixlip.specs import options_of, written

VARIED = "What varies"


def sweep(
    image: options.Image,
    text: options.Caption,
    option: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="An option of the estimator, or budget, image_masks, text_masks, seed, removal.",
            rich_help_panel=VARIED,
            autocompletion=completion.swept,
        ),
    ],
    values: Annotated[
        str,
        typer.Option(
            metavar="V,V,...", help="At least two values, separated by commas: 0.3,0.5,0.7.", rich_help_panel=VARIED
        ),
    ],
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="V", help="The value to measure against.", show_default="the last value", rich_help_panel=VARIED
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A saved explanation to measure against instead of a value.",
            show_default="a value",
            rich_help_panel=VARIED,
        ),
    ] = None,
    model: options.ModelName = "ViT-B-32",
    pretrained: options.Pretrained = "openai",
    allow_random: options.AllowRandom = False,
    device: options.Device = None,
    estimator: options.EstimatorName = "banzhaf",
    fixed: options.EstimatorOptions = None,
    budget: options.Budget = None,
    image_masks: options.ImageMasks = None,
    text_masks: options.TextMasks = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="The seed of the random masks.",
            show_default="0",
            rich_help_panel=options.EFFORT,
        ),
    ] = None,
    png: options.Png = None,
    json: options.Json = False,
) -> None:
    """Explain IMAGE and TEXT with several values of one option, to see what depends on it and what it costs."""
    read: dict[str, list[Path]] = {"the picture": [image], "the saved explanation": [against] if against else []}
    outputs = Outputs(
        png=png, inputs=read | {"a file of the model": files_of_model(written(model, {"pretrained": pretrained}))}
    )
    import fixlip
    from fixlip.cli import tables
    from fixlip.results.explanation import Explanation

    result = fixlip.sweep(
        image,
        text,
        option=option,
        values=listed(values),
        reference=Explanation.load(against) if against else reference and listed(reference)[0],
        model=fixlip.load_model(model, pretrained=pretrained, allow_random=allow_random, device=device),
        estimator=estimator,
        options=options_of(fixed or []),
        **given(budget=budget, image_masks=image_masks, text_masks=text_masks, seed=seed),
    )
    if png:
        from fixlip.plots import convergence

        convergence(result, path=png)
    tables.answer_sweep(result, outputs.paths(), json=json)
