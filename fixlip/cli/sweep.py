"""`fixlip sweep`."""

from pathlib import Path
from typing import Annotated

import typer

from fixlip.api import DEFAULT_MODEL, DEFAULT_WEIGHTS
from fixlip.cli.arguments import estimator_names, listed
from fixlip.cli.output import Outputs
from fixlip.cli.tables import print_sweep
from fixlip.specs import options_of


def sweep(
    image: Annotated[Path, typer.Argument(help="A picture.", show_default=False)],
    text: Annotated[str, typer.Argument(help="A caption, in quotes.", show_default=False)],
    option: Annotated[
        str, typer.Option(help="What to vary: an option of the estimator, budget, image_masks, seed, ...")
    ],
    values: Annotated[str, typer.Option(help="With commas between: 0.3,0.5,0.7.")],
    reference: Annotated[str | None, typer.Option(help="A value to measure against.", show_default="the last")] = None,
    against: Annotated[Path | None, typer.Option(help="A saved explanation to measure against.")] = None,
    model: Annotated[str, typer.Option(help="A name of `fixlip models`; demo-clip works offline.")] = DEFAULT_MODEL,
    pretrained: Annotated[str, typer.Option(help="Tag or file of the weights.")] = DEFAULT_WEIGHTS,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...", show_default="the GPU if any")] = None,
    estimator: Annotated[
        str, typer.Option(help="A name of `fixlip estimators`.", autocompletion=estimator_names)
    ] = "banzhaf",
    fixed: Annotated[list[str] | None, typer.Option(help="Options of the estimator that stay: name=value.")] = None,
    budget: Annotated[int | None, typer.Option(help="Game values: image masks x text masks.")] = None,
    image_masks: Annotated[int | None, typer.Option(help="Image passes, instead of a budget.")] = None,
    text_masks: Annotated[int | None, typer.Option(help="Text passes, instead of a budget.")] = None,
    seed: Annotated[int | None, typer.Option(help="Fixes the masks.", show_default="0")] = None,
    png: Annotated[Path | None, typer.Option(help="Write the figure.")] = None,
) -> None:
    """Explain IMAGE and TEXT with several values of one option: what depends on it, and what it costs."""
    outputs = Outputs(png=png)
    from fixlip import ablation, api
    from fixlip.explanation import Explanation

    call = {"budget": budget, "image_masks": image_masks, "text_masks": text_masks, "seed": seed}
    found = ablation.sweep(
        image,
        text,
        option=option,
        values=listed(values),
        reference=Explanation.load(against) if against else reference and listed(reference)[0],
        model=api.load_model(model, pretrained=pretrained, device=device),
        estimator=estimator,
        options=options_of(fixed or []),
        **{name: value for name, value in call.items() if value is not None},
    )
    print_sweep(found, outputs)
