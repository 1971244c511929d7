"""`fixlip demo`."""

from pathlib import Path
from typing import Annotated

import typer

from fixlip.cli.output import Outputs, report

SEED, OBJECTS, CAPTION = 0, ("dog", "umbrella", "bicycle"), "a dog, an umbrella and a bicycle"


def demo(
    out: Annotated[Path, typer.Option(help="Folder for fixlip-demo.html and fixlip-demo.png.")] = Path(),
    seed: Annotated[int, typer.Option(help="Fixes the masks.")] = 0,
) -> None:
    """Explain a bundled picture with a bundled model: no network, no file needed."""
    outputs = Outputs(html=out / "fixlip-demo.html", png=out / "fixlip-demo.png")
    from fixlip.api import explain
    from fixlip.datasets.scenes import make_scene

    picture = make_scene(SEED, names=OBJECTS, size=448).image
    explanation = explain(picture, CAPTION, model="demo-clip", seed=seed)
    outputs.write(explanation)
    report(explanation, outputs)
