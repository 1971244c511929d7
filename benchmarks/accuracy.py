"""Measure how close the cross matrix is to the converged one, and whether the standard errors tell.

    python -m benchmarks.accuracy [--scenes 20] [--converged 4096] [--passes "128 256 512"] [--out NAME]

On scenes with unseen seeds: the mean correlation of the cross matrix with one from many passes and another seed, the
smallest one, and the share of entries whose 95 % interval holds the converged value.
"""

import numpy as np

import fixlip
from benchmarks.output import arguments, publish
from fixlip.datasets.scenes import scenes

SEED = 5_000_000


def main() -> None:
    args = arguments(__doc__, scenes=20, model="demo-clip", converged=4096, passes="128 256 512 1024 2048")
    model = fixlip.load_model(args.model)
    budgets, found = [int(m) for m in args.passes.split()], {}
    for scene in scenes(args.scenes, seed=SEED):
        call = {"model": model, "progress": False, "options": {"interactions": "cross"}}
        truth = fixlip.explain(scene.image, scene.caption, image_masks=args.converged, seed=1, **call).cross
        for m in budgets:
            result = fixlip.explain(scene.image, scene.caption, image_masks=m, **call)
            inside = np.abs(result.cross - truth) < 1.96 * result.cross_stderr
            correlation = np.corrcoef(result.cross.ravel(), truth.ravel())[0, 1]
            found.setdefault(m, []).append(
                (correlation, inside.mean(), result.provenance.r2, result.provenance.seconds)
            )
    rows = [
        {
            "image passes": m,
            "mean correlation": float(np.mean([f[0] for f in found[m]])),
            "smallest": float(np.min([f[0] for f in found[m]])),
            "coverage of 95 % intervals": float(np.mean([f[1] for f in found[m]])),
            "median R2": float(np.median([f[2] for f in found[m]])),
            "median seconds": float(np.median([f[3] for f in found[m]])),
        }
        for m in budgets
    ]
    publish(f"{args.model}: cross matrix against {args.converged} passes, {args.scenes} unseen scenes", rows, args.out)


if __name__ == "__main__":
    main()
