"""`fixlip evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from fixlip.cli.arguments import shard_of
from fixlip.specs import options_of


def evaluate(
    metrics: Annotated[list[str], typer.Argument(help="grounding, insertion-deletion, 'faithfulness p=0.7', ...")],
    data: Annotated[str, typer.Option(help="scenes:200, coco:/path, flickr30k:/path, 'mosaics:/path lists=FILE', ...")],
    out: Annotated[Path, typer.Option(help="Folder of the results; started again, a run goes on in it.")],
    model: Annotated[list[str], typer.Option(help="Several times for several: 'ViT-B-16-SigLIP2 pretrained=webli'.")],
    estimator: Annotated[
        list[str] | None,
        typer.Option(help="Several times for several: 'banzhaf p=0.7 image_masks=256'.", show_default="banzhaf"),
    ] = None,
    budget: Annotated[int | None, typer.Option(help="Game values: image masks x text masks.")] = None,
    image_masks: Annotated[int | None, typer.Option(help="Image passes, instead of a budget.")] = None,
    text_masks: Annotated[int | None, typer.Option(help="Text passes, instead of a budget.")] = None,
    seed: Annotated[int, typer.Option(help="Fixes the masks.")] = 0,
    removal: Annotated[list[str] | None, typer.Option(help="image=drop, text=delete.")] = None,
    image_players: Annotated[str, typer.Option(help="patches, grid:3, slic:40.")] = "patches",
    text_players: Annotated[str, typer.Option(help="words, content, tokens.")] = "words",
    captions: Annotated[
        str, typer.Option(help="Of a picture with several: first, or best by the first model.")
    ] = "first",
    top: Annotated[int | None, typer.Option(help="Only the pairs that the first model finds most similar.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first items.")] = None,
    shard: Annotated[str, typer.Option(help="i/n: every n-th item from the i-th on; shards share a folder.")] = "1/1",
    retry: Annotated[bool, typer.Option(help="Do again what failed.")] = False,
    engine: Annotated[str, typer.Option(help="local, or ray.")] = "local",
    workers: Annotated[int, typer.Option(help="Of ray.")] = 2,
    address: Annotated[str | None, typer.Option(help="Of a ray cluster.", show_default="this machine")] = None,
    gpus_per_worker: Annotated[float, typer.Option(help="Of ray; 0.5 shares one.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...", show_default="the GPU if any")] = None,
    threads: Annotated[int | None, typer.Option(help="Of torch in each process.", show_default="torch's own")] = None,
) -> None:
    """Measure explanations on a data set."""
    from fixlip import evaluation
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
    where = evaluation.engine(engine, workers=workers, address=address, gpus=gpus_per_worker)
    outcome = evaluation.evaluate(plan, out, engine=where, limit=limit, shard=shard_of(shard), retry=retry)
    print_outcome(outcome)
    raise typer.Exit(0 if outcome.evaluated else 1)
