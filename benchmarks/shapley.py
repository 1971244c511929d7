"""Shapley interactions at equal encoder passes: the grid of two towers against joint masks.

    python -m benchmarks.shapley [--indices "FSII SII"] [--scenes 3] [--passes "256 512 1024 2048 4096"]
        [--converged 16384] [--out NAME]

On scenes with unseen seeds: the distance of the cross matrix from the converged one of its index, relative to the norm
of that, and their correlation. FSII: the grid (`shapley`) against joint masks (`shapley` with sampling="joint", as
published). SII: the multilinear extension (`shapley-owen`) against KernelSHAPIQ, SVARMIQ and permutation sampling of
shapiq. Passes are those of the image tower; a joint mask costs one. Methods that cannot do with so few are left out.
Converged values come from the grid and from the multilinear extension with another seed; that both indices agree with
joint masks where all can be enumerated is tested in `tests/conformance/test_conformance.py`.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import fixlip
from benchmarks.output import arguments, publish
from fixlip.datasets.scenes import make_scene
from fixlip.errors import BudgetError
from fixlip.games.similarity import games
from fixlip.plots.style import MARKERS, log_axis, panel, save

SEED = 7_000_000
METHODS = {
    "FSII": [("shapley", {}), ("shapley", {"sampling": "joint"})],
    "SII": [
        ("shapley-owen", {}),
        ("shapiq:KernelSHAPIQ", {"index": "k-SII"}),
        ("shapiq:SVARMIQ", {"index": "k-SII"}),
        ("shapiq:PermutationSamplingSII", {"index": "k-SII"}),
    ],
}
SLOW = {"shapiq:SVARMIQ": 2048}  # most passes; its time grows with the square of the players for each mask


def label(name: str, options: dict[str, str]) -> str:
    return (
        f"{name}, joint masks" if options.get("sampling") == "joint" or name.startswith("shapiq") else f"{name}, grid"
    )


def main() -> None:
    args = arguments(
        __doc__,
        indices="FSII SII",
        scenes=3,
        model="demo-clip",
        converged=16384,
        passes="256 512 1024 2048 4096",
    )
    model, found = fixlip.load_model(args.model), {}
    few_words = [s for s in map(make_scene, range(SEED, SEED + 200)) if len(s.caption.split()) <= 8][: args.scenes]
    for scene in few_words:
        game = next(games(model, [scene.image], [scene.caption], [(0, 0)]))
        for index in args.indices.split():
            methods = METHODS[index]
            name, options = methods[0]
            truth = explain(game, name, options, args.converged, seed=1).cross
            for name, options in methods:
                for passes in map(int, args.passes.split()):
                    if passes > SLOW.get(name, passes):
                        continue
                    try:
                        result = explain(game, name, options, passes)
                    except BudgetError:
                        continue
                    error = np.linalg.norm(result.cross - truth) / np.linalg.norm(truth)
                    correlation = np.corrcoef(result.cross.ravel(), truth.ravel())[0, 1]
                    row = (result.provenance.image_passes, error, correlation, result.provenance.seconds)
                    found.setdefault((index, label(name, options), passes), []).append(row)
                    print(index, label(name, options), *np.round(row, 3), flush=True)
    rows = [
        {
            "index": index,
            "method": method,
            "image passes": round(float(np.mean([r[0] for r in runs]))),
            "relative error": float(np.mean([r[1] for r in runs])),
            "correlation": float(np.mean([r[2] for r in runs])),
            "seconds": float(np.mean([r[3] for r in runs])),
        }
        for (index, method, _), runs in found.items()
    ]
    publish(
        f"{args.model}: Shapley interactions against {args.converged} passes, {len(few_words)} scenes", rows, args.out
    )
    if args.out:
        draw(rows, args.out.with_suffix(".png"))


def explain(game, name: str, options: dict[str, str], passes: int, seed: int = 0):
    joint = label(name, options).endswith("joint masks")
    call = {"budget": passes} if joint else {"image_masks": passes}
    return fixlip.get_estimator(name, **options).explain(game, seed=seed, progress=False, **call)


def draw(rows, path: Path) -> None:
    indices = list(dict.fromkeys(r["index"] for r in rows))
    figure = Figure(figsize=(4.6 * len(indices), 3.6), layout="constrained")
    for ax, index in zip(figure.subplots(1, len(indices), squeeze=False)[0], indices, strict=True):
        of_index = [r for r in rows if r["index"] == index]
        for k, method in enumerate(dict.fromkeys(r["method"] for r in of_index)):
            points = [(r["image passes"], r["relative error"]) for r in of_index if r["method"] == method]
            ax.plot(*zip(*points, strict=True), marker=MARKERS[k], markersize=4, label=method)
        ax.set(title=index, xlabel="image passes", ylabel="relative error of the cross matrix")
        for axis in (panel(ax).xaxis, ax.yaxis):
            log_axis(axis)
        ax.legend(fontsize=7, frameon=False)
    save(figure, path)


if __name__ == "__main__":
    main()
