"""Shapley interactions at equal encoder passes: the grid of two towers against joint masks.

    python -m benchmarks.shapley [--scenes 3] [--converged 16384] [--out NAME]

On scenes with unseen seeds: the distance of the cross matrix from the converged one of its index, relative to the norm
of that, and their correlation. FSII: the grid (`shapley`) against joint masks (`shapley` with sampling="joint", as
published). SII: the multilinear extension (`shapley-owen`) against KernelSHAPIQ, SVARMIQ and permutation sampling of
shapiq. Passes are those of the image tower; a joint mask costs one. Methods that need more passes are left out.
Converged values come from the grid and from the multilinear extension with another seed; that both indices agree with
joint masks where all can be enumerated is tested in `tests/conformance/test_conformance.py`.
"""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import fixlip
from benchmarks.output import arguments, publish
from fixlip.datasets.scenes import make_scene
from fixlip.errors import BudgetError
from fixlip.games.base import SeparableGame
from fixlip.games.similarity import games
from fixlip.plots.style import MARKERS, log_axis, panel, save
from fixlip.results.explanation import Explanation

SEED = 7_000_000
PASSES = (256, 512, 1024, 2048, 4096)
SHAPIQ = ("shapiq:KernelSHAPIQ", "shapiq:SVARMIQ", "shapiq:PermutationSamplingSII")
METHODS: dict[str, dict[str, tuple[str, dict[str, str]]]] = {  # the first of each index is the converged one
    "FSII": {
        "shapley, grid": ("shapley", {}),
        "shapley, joint masks": ("shapley", {"sampling": "joint"}),
    },
    "SII": {"shapley-owen, grid": ("shapley-owen", {})}
    | {f"{name}, joint masks": (name, {"index": "k-SII"}) for name in SHAPIQ},
}
SLOW = {"shapiq:SVARMIQ": 2048}  # most passes; its time grows with the square of the players for each mask


def main() -> None:
    args = arguments(__doc__, scenes=3, converged=16384)
    model, runs = fixlip.load_model("demo-clip"), {}
    scenes = [s for s in map(make_scene, range(SEED, SEED + 200)) if len(s.caption.split()) <= 8][: args.scenes]
    for scene in scenes:
        game = next(games(model, [scene.image], [scene.caption], [(0, 0)]))
        for index, methods in METHODS.items():
            truth = explain(game, *next(iter(methods.values())), args.converged, seed=1).cross
            for method, (name, options) in methods.items():
                for passes in [m for m in PASSES if m <= SLOW.get(name, m)]:
                    try:
                        result = explain(game, name, options, passes)
                    except BudgetError:
                        continue
                    error = np.linalg.norm(result.cross - truth) / np.linalg.norm(truth)
                    correlation = np.corrcoef(result.cross.ravel(), truth.ravel())[0, 1]
                    row = (result.provenance.image_passes, error, correlation, result.provenance.seconds)
                    runs.setdefault((index, method, passes), []).append(row)
                    print(index, method, *np.round(row, 3), flush=True)
    columns = ("image passes", "relative error", "correlation", "seconds")
    rows: list[dict[str, Any]] = [
        {"index": index, "method": method} | dict(zip(columns, np.mean(values, axis=0).tolist(), strict=True))
        for (index, method, _), values in runs.items()
    ]
    for row in rows:
        row["image passes"] = round(row["image passes"])
    publish(f"demo-clip: Shapley interactions against {args.converged} passes, {len(scenes)} scenes", rows, args.out)
    if args.out:
        draw(rows, args.out.with_suffix(".png"))


def explain(game: SeparableGame, name: str, options: dict[str, str], passes: int, seed: int = 0) -> Explanation:
    joint = name.startswith("shapiq") or options.get("sampling") == "joint"
    call = {"budget": passes} if joint else {"image_masks": passes}
    return fixlip.get_estimator(name, **options).explain(game, seed=seed, progress=False, **call)


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """The error against the passes, a panel for each index."""
    figure = Figure(figsize=(4.6 * len(METHODS), 3.6), layout="constrained")
    for ax, (index, methods) in zip(figure.subplots(1, len(METHODS)), METHODS.items(), strict=True):
        for marker, method in zip(MARKERS, methods, strict=False):
            points = [
                (r["image passes"], r["relative error"]) for r in rows if (r["index"], r["method"]) == (index, method)
            ]
            ax.plot(*zip(*points, strict=True), marker=marker, markersize=4, label=method)
        ax.set(title=index, xlabel="image passes", ylabel="relative error of the cross matrix")
        for axis in (panel(ax).xaxis, ax.yaxis):
            log_axis(axis)
        ax.legend(fontsize=7, frameon=False)
    save(figure, path)


if __name__ == "__main__":
    main()
