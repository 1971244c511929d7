"""`fixlip explain`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fixlip.api import DEFAULT_MODEL, DEFAULT_WEIGHTS
from fixlip.cli.arguments import estimator_names
from fixlip.cli.captions import chosen, gathered, print_contrast, print_cost, print_ranking
from fixlip.cli.output import Outputs, report
from fixlip.errors import OptionError
from fixlip.specs import options_of


def explain(
    image: Annotated[Path, typer.Argument(help="A picture.", show_default=False)],
    text: Annotated[str | None, typer.Argument(help="A caption, in quotes.", show_default=False)] = None,
    captions: Annotated[
        Path | None, typer.Option(help="A file of captions, one on each line (- for standard input), to be ranked.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="Why not this one: a caption, or its place in the ranking; else the best other.")
    ] = None,
    model: Annotated[str, typer.Option(help="A name of `fixlip models`; demo-clip works offline.")] = DEFAULT_MODEL,
    pretrained: Annotated[str, typer.Option(help="Tag or file of the weights.")] = DEFAULT_WEIGHTS,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...", show_default="the GPU if any")] = None,
    estimator: Annotated[
        str, typer.Option(help="A name of `fixlip estimators`.", autocompletion=estimator_names)
    ] = "banzhaf",
    budget: Annotated[int | None, typer.Option(help="Game values: image masks x text masks.")] = None,
    image_masks: Annotated[int | None, typer.Option(help="Image passes, instead of a budget.")] = None,
    text_masks: Annotated[int | None, typer.Option(help="Text passes, instead of a budget.")] = None,
    target_error: Annotated[
        float | None, typer.Option(help="Stop when the standard errors are this share of the interactions: 0.1.")
    ] = None,
    p: Annotated[float | None, typer.Option(help="Option of the estimator: how much stays, in (0, 1).")] = None,
    option: Annotated[list[str] | None, typer.Option(help="Further options of the estimator: name=value.")] = None,
    text_players: Annotated[str, typer.Option(help="words, content (stop words joined) or tokens.")] = "words",
    phrase: Annotated[list[str] | None, typer.Option(help="A phrase of the caption that is one player.")] = None,
    image_players: Annotated[str, typer.Option(help="patches, grid:3, grid:2x3, slic:40.")] = "patches",
    image_removal: Annotated[str | None, typer.Option(help="mean, blur, attention or drop.")] = None,
    text_removal: Annotated[str | None, typer.Option(help="attention, replace or delete.")] = None,
    seed: Annotated[int, typer.Option(help="Fixes the masks.")] = 0,
    top: Annotated[int, typer.Option(help="Pairs, captions or words to print.")] = 10,
    html: Annotated[Path | None, typer.Option(help="Write the interactive page.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write the figure.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the explanation, for Explanation.load.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and stop.")] = False,
) -> None:
    """Explain why a model finds IMAGE and TEXT similar; with --captions or --against, why not another caption."""
    listed = gathered(text, captions, against)
    options = options_of(option or []) | ({} if p is None else {"p": p})
    outputs = Outputs(html, png, save)
    from fixlip import api
    from fixlip.images import open_image
    from fixlip.registry import get_estimator

    method, picture = get_estimator(estimator, **options), open_image(image)
    encoder = api.load_model(model, pretrained=pretrained, device=device)
    removal = {k: v for k, v in (("image", image_removal), ("text", text_removal)) if v is not None}
    call: dict[str, Any] = {
        "model": encoder,
        "estimator": method,
        "budget": budget,
        "image_masks": image_masks,
        "text_masks": text_masks,
        "text_players": text_players,
        "phrases": phrase or [],
        "image_players": image_players,
        "removal": removal,
        "seed": seed,
    }
    if dry_run and target_error is not None:
        raise OptionError("Where --target-error stops is not known before; --dry-run takes masks or a budget.")
    pair = None
    if len(listed) > 1:
        from fixlip.captions import contrast, rank

        ranking = rank(picture, listed, model=encoder)
        pair = chosen(ranking, text, against)
        print_ranking(ranking, top)
    if dry_run:
        from fixlip.cost import estimate_cost

        cost = estimate_cost(picture, pair or listed, contrast=pair is not None, **call)
        print_cost(cost, call, len(listed) if pair else 0)
    elif pair:
        found = contrast(picture, pair, target_error=target_error, **call)
        outputs.write(found)
        print_contrast(found, outputs, top)
    else:
        explanation = api.explain(picture, listed[0], target_error=target_error, **call)
        outputs.write(explanation)
        report(explanation, outputs, top=top)
