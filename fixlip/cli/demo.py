"""`fixlip demo`."""

from pathlib import Path
from typing import Annotated

import typer

from fixlip.cli import options
from fixlip.cli.output import Outputs, print_explanation

PICTURE = 244  # seed of a scene that no training used


def demo(
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where fixlip-demo.html and fixlip-demo.png are written.")
    ] = Path(),
    seed: options.Seed = 0,
    curves: options.Curves = None,
) -> None:
    """Explain a bundled picture with a bundled model, without a network or any file."""
    outputs = Outputs(html=out / "fixlip-demo.html", png=out / "fixlip-demo.png")
    from fixlip.api.explain import explain
    from fixlip.datasets.scenes import make_scene

    scene = make_scene(PICTURE, n_objects=3, size=448)
    explanation = explain(scene.image, scene.caption, model="demo-clip", seed=seed, curves=curves is not False)
    print_explanation(explanation, outputs.write(explanation))
