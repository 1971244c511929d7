"""`fixlip demo`."""

from pathlib import Path
from typing import Annotated

import typer

from fixlip.cli import options
from fixlip.cli.output import Outputs, report

PICTURE = 244  # a scene with unseen seed


def demo(
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where fixlip-demo.html and fixlip-demo.png are written.")
    ] = Path(),
    seed: options.Seed = 0,
    curves: options.Curves = None,
) -> None:
    """Explain a bundled picture with a bundled model: no network, no file needed."""
    outputs = Outputs(html=out / "fixlip-demo.html", png=out / "fixlip-demo.png")
    from fixlip.api.explain import explain
    from fixlip.datasets.scenes import make_scene

    scene = make_scene(PICTURE, n_objects=3, size=448)
    explanation = explain(scene.image, scene.caption, model="demo-clip", seed=seed, curves=curves is not False)
    report(explanation, outputs.write(explanation))
