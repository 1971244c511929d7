"""Does the attribution of a word fall on its object? The bundled model against an untrained one.

    python -m benchmarks.grounding [--scenes 200] [--passes 512] [--model demo-clip] [--out NAME]

On scenes with unseen seeds, for every object of every scene: PGE (share of the positive attribution inside the box),
the PGE of the coverage map itself (what a coarse grid allows), PGA (the maximum touches the box), the share of objects
with positive attribution in their own box and of negative attribution in the boxes of other objects.
"""

import numpy as np
import torch

import fixlip
from benchmarks.output import arguments, publish
from fixlip.datasets.scenes import scenes
from fixlip.encoders.bundled import asset_folder
from fixlip.metrics import coverage, pointing_hit, positive_share

SEED = 6_000_000


def measure(model, n: int, passes: int) -> dict[str, float]:
    pge, ceiling, pga, area, own, other = [], [], [], [], [], []
    for scene in scenes(n, seed=SEED):
        found = fixlip.explain(
            scene.image,
            scene.caption,
            model=model,
            image_masks=passes,
            progress=False,
            options={"interactions": "cross"},
        )
        covers = [coverage(o.box, scene.image.size, found.players.grid) for o in scene.objects]
        for item, cover in zip(scene.objects, covers, strict=True):
            heat = found.heatmap(item.span)
            pge.append(positive_share(heat, cover))
            ceiling.append(positive_share(cover, cover))
            pga.append(pointing_hit(heat, cover))
            area.append(cover.mean())
            own.append((heat * cover).sum() > 0)
            other += [(heat * c).sum() < 0 for c in covers if c is not cover]
    return {
        "objects": len(pge),
        "mean box area": float(np.mean(area)),
        "median PGE": float(np.nanmedian(pge)),
        "median PGE of the coverage map": float(np.median(ceiling)),
        "ratio": float(np.nanmedian(pge) / np.median(ceiling)),
        "PGA": float(np.mean(pga)),
        "own box positive": float(np.mean(own)),
        "other boxes negative": float(np.mean(other)),
    }


def untrained(name: str):
    """The same configuration with random weights."""
    torch.manual_seed(0)
    return fixlip.load_model(f"local-dir:{asset_folder(name)}", pretrained=None, allow_random=True)


def main() -> None:
    args = arguments(__doc__, scenes=200, passes=512, model="demo-clip")
    rows = [
        {"weights": label, **measure(model, args.scenes, args.passes)}
        for label, model in (("trained", fixlip.load_model(args.model)), ("untrained", untrained(args.model)))
    ]
    publish(f"{args.model}: grounding of banzhaf over {args.scenes} unseen scenes", rows, args.out)


if __name__ == "__main__":
    main()
