"""`fixlip index build` and `fixlip index info`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fixlip.cli import documents, options
from fixlip.cli.arguments import given
from fixlip.cli.console import DONE, NOTHING, Printer, counted, kept, styled
from fixlip.cli.files import files_of_model, keep_apart
from fixlip.errors import InputError
from fixlip.specs import written

if TYPE_CHECKING:
    from fixlip.index import Index

SHOWN = 10  # pictures that cannot be read, of which the reason is printed
Folder = Annotated[Path, typer.Argument(metavar="INDEX", help="The folder of the index.", show_default=False)]


def index() -> None:
    """Explain pictures once, for every later query: build an index, or say what is in one."""


def build(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURES... INDEX",
            help="Folders, patterns, picture files, tar files or tables (Parquet, CSV) of pictures; then the folder of "
            "the index, which is made or brought up to date.",
            show_default=False,
        ),
    ],
    model: options.ModelName = "ViT-B-32",
    pretrained: options.Pretrained = "openai",
    allow_random: options.AllowRandom = False,
    device: options.Device = None,
    image_masks: options.ImageMasks = None,
    p: Annotated[
        float,
        typer.Option(metavar="P", help="The share of a picture that a mask keeps.", rich_help_panel=options.METHOD),
    ] = 0.5,
    seed: options.Seed = 0,
    image_players: options.ImagePlayers = "patches",
    image_removal: options.ImageRemoval = None,
    column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The column of a table that has the pictures: paths or bytes.",
            show_default="image, path or the like",
        ),
    ] = None,
    dtype: Annotated[
        str, typer.Option(metavar="TYPE", help="Numbers on disk: float16, or float32 for twice the space.")
    ] = "float16",
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep pictures of the index that are not among PICTURES any more.")
    ] = False,
    engine: options.Engine = "local",
    workers: options.Workers = 2,
    address: options.Address = None,
    gpus_per_worker: options.GpusPerWorker = 0,
    wait: options.Wait = 300,
    json: options.Json = False,
) -> None:
    """Explain pictures once, and write what every later query needs into the folder INDEX.

    Pictures that are there already are not explained again: new ones are added, changed ones replaced, and those that
    are gone dropped. The same command goes on where a run ended early.
    """
    if len(pictures) < 2:
        raise InputError("Give pictures, and the folder of the index last: fixlip index build PICTURES... INDEX.")
    *sources, out = pictures
    read = {
        "the pictures": map(Path, sources),
        "a file of the model": files_of_model(written(model, {"pretrained": pretrained})),
    }
    keep_apart([Path(out)], read)
    import fixlip

    of_model = {"pretrained": pretrained, "allow_random": allow_random, "device": device}
    with kept("the pictures that are done are", out):
        made = fixlip.build_index(
            sources,
            out,
            model=written(model, {k: v for k, v in of_model.items() if v is not None}),
            column=column,
            image_masks=image_masks,
            image_players=image_players,
            removal=given(image=image_removal),
            p=p,
            seed=seed,
            dtype=dtype,  # type: ignore[arg-type]
            keep=keep,
            engine=engine,  # type: ignore[arg-type]
            workers=workers,
            address=address,
            gpus=gpus_per_worker,
            wait=wait,
        )
    _say(made, json)
    raise typer.Exit(DONE if len(made) > len(made.errors()) else NOTHING)


def info(folder: Folder, json: options.Json = False) -> None:
    """Say what is in an index: its model, how its pictures were explained, and which of them cannot be read."""
    import fixlip

    _say(fixlip.open_index(folder), json)


def _say(made: "Index", json: bool) -> None:
    from dataclasses import asdict

    failed, size = made.errors(), made.size()
    facts: dict[str, Any] = made.facts.model_dump()
    done = None if made.changes is None else asdict(made.changes)
    if json:
        documents.emit(documents.index(len(made) - len(failed), size, facts, failed, done))
        return
    console, n = Printer(), len(made) - len(failed)
    console.print(styled(f"{made.store.folder}", "bold"))
    shown = f"{counted(n, 'picture')}  ·  {size / 1e6:.1f} MB on disk"
    console.print(f"{shown}  ·  {facts['model']}, removal {facts['removal']}")
    masks = "default" if facts["image_masks"] is None else facts["image_masks"]
    console.print(
        f"image masks {masks}  ·  {facts['image_players']}  ·  p = {facts['p']:g}, seed {facts['seed']}  ·  "
        f"{facts['dtype']}",
        style="dim",
    )
    if done is not None:
        counts = ", ".join(f"{count} {what}" for what, count in done.items() if what != "failed" and count)
        console.print(counts or "nothing to do")
    for name, reason in list(failed.items())[:SHOWN]:
        console.note(f"{name}: {reason}")
    if len(failed) > SHOWN:
        console.note(f"and {len(failed) - SHOWN} more that cannot be read; --json lists all")
