"""`fixlip evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from fixlip.cli import completion, options
from fixlip.cli.arguments import shard_of
from fixlip.cli.console import DONE, NOTHING, kept
from fixlip.cli.files import keep_apart, places_of
from fixlip.datasets import SOURCES
from fixlip.evaluation.metrics import list_metrics
from fixlip.specs import options_of

DATA = "What is measured"


def evaluate(
    metrics: Annotated[
        list[str],
        typer.Argument(
            metavar="METRIC...",
            help=f"{', '.join(list_metrics())}; with options as 'faithfulness p=0.7'.",
            autocompletion=completion.metrics,
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"{', '.join(source.example for source in SOURCES.values())}; scenes are bundled.",
            rich_help_panel=DATA,
            autocompletion=completion.data,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="Folder of the results; started again, a run goes on in it.",
            rich_help_panel=options.RESULT,
        ),
    ],
    model: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help="Several times for several: 'ViT-B-16-SigLIP2 pretrained=webli'.",
            rich_help_panel=options.MODEL,
            autocompletion=completion.models,
        ),
    ],
    device: options.Device = None,
    estimator: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Several times for several: 'banzhaf p=0.7 image_masks=256'.",
            show_default="banzhaf",
            rich_help_panel=options.METHOD,
            autocompletion=completion.estimators,
        ),
    ] = None,
    captions: Annotated[
        str,
        typer.Option(
            metavar="WHICH",
            help="Of a picture with several: first, or best by the first model.",
            rich_help_panel=DATA,
        ),
    ] = "first",
    top: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Only so many pairs, those that the first model finds most similar.",
            show_default="all",
            rich_help_panel=DATA,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", help="Only the first items.", show_default="all", rich_help_panel=DATA),
    ] = None,
    budget: options.Budget = None,
    image_masks: options.ImageMasks = None,
    text_masks: options.TextMasks = None,
    seed: options.Seed = 0,
    image_players: options.ImagePlayers = "patches",
    text_players: options.TextPlayers = "words",
    removal: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SIDE=KIND",
            help="image=mean, blur, attention or drop; text=attention, replace or delete.",
            show_default="the model's",
            rich_help_panel=options.PLAYERS,
        ),
    ] = None,
    shard: Annotated[
        str,
        typer.Option(
            metavar="I/N",
            help="Every N-th item from the I-th on; shards share a folder.",
            rich_help_panel=options.RUN,
        ),
    ] = "1/1",
    retry: Annotated[bool, typer.Option("--retry", help="Do again what failed.", rich_help_panel=options.RUN)] = False,
    examples: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Keep explanations for the report: a typical one, and N failures of each kind.",
            rich_help_panel=options.RESULT,
        ),
    ] = 0,
    engine: options.Engine = "local",
    workers: options.Workers = 2,
    address: options.Address = None,
    gpus_per_worker: options.GpusPerWorker = 0,
    wait: options.Wait = 300,
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Of torch in each process.", show_default="torch's own", rich_help_panel=options.RUN
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Measure explanations on a data set.

    Each explanation is on disk before the next one begins: a run that ends early goes on where it was.
    """
    keep_apart(
        [out], {"the data": places_of(data), "the model": [place for spec in model for place in places_of(spec)]}
    )
    from fixlip import cluster, evaluation
    from fixlip.cli import documents
    from fixlip.cli.tables import print_outcome

    plan = evaluation.Plan(
        tuple(metrics),
        data,
        tuple(model),
        tuple(estimator or ["banzhaf"]),
        budget=budget,
        image_masks=image_masks,
        text_masks=text_masks,
        seed=seed,
        removal=options_of(removal or []),
        image_players=image_players,
        text_players=text_players,
        captions=captions,  # type: ignore[arg-type]
        top=top,
        device=device,
        threads=threads,
    )
    where = cluster.engine(engine, workers=workers, address=address, gpus=gpus_per_worker, wait=wait)
    with kept("what is done is", out):
        outcome = evaluation.evaluate(
            plan, out, engine=where, limit=limit, shard=shard_of(shard), retry=retry, examples=examples
        )
    if json:
        documents.emit(documents.evaluation(outcome))
    else:
        print_outcome(outcome)
    raise typer.Exit(DONE if outcome.evaluated else NOTHING)
