"""Error against encoder passes: fits and designs of `banzhaf` on both bundled models.

    python -m benchmarks.passes [--scenes 6] [--seeds 2] [--converged 16384] [--models "demo-clip demo-siglip"]
        [--out benchmarks/results/passes]

On scenes with unseen seeds: the correlation with the converged interactions, the root mean square error relative to
their size, and the share of entries whose 95 % interval holds the converged value; means over scenes and seeds.
Converged values are those of least squares from many passes and another seed. They have an error of their own, known
from its standard errors: correlations and errors are corrected for it, and intervals are widened by it.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

import fixlip
from benchmarks.output import arguments, publish
from fixlip.datasets.scenes import make_scene
from fixlip.errors import BudgetError
from fixlip.games.base import CallableGame
from fixlip.games.memo import Memo
from fixlip.games.similarity import games
from fixlip.plots.style import MARKERS, log_axis, panel, save
from fixlip.results.explanation import Explanation

SEED = 5_000_000
TRUTH_SEED = 1000
PASSES = (128, 256, 512, 1024, 2048, 4096)
LEAST_SQUARES, PROCESS = {"fit": "least-squares"}, {"fit": "gaussian-process"}
METHODS: dict[str, dict[str, dict[str, Any]]] = {
    "cross pairs, p = 0.5": {
        "independent masks, least squares": {"interactions": "cross", "sampling": "independent"} | LEAST_SQUARES,
        "paired masks, least squares": {"interactions": "cross", "sampling": "paired"} | LEAST_SQUARES,
        "paired masks, Gaussian process": {"interactions": "cross", "sampling": "paired"} | PROCESS,
    },
    "pairs of patches, p = 0.5": {
        "independent masks, least squares": {"interactions": "all", "sampling": "independent"} | LEAST_SQUARES,
        "paired masks, Gaussian process": {"interactions": "all", "sampling": "paired"} | PROCESS,
    },
    "cross pairs, p = 0.7": {
        "independent masks, least squares": {"p": 0.7, "interactions": "cross"} | LEAST_SQUARES,
        "independent masks, Gaussian process": {"p": 0.7, "interactions": "cross"} | PROCESS,
    },
}
CONVERGED: dict[str, dict[str, Any]] = {
    "cross pairs, p = 0.5": {"interactions": "cross", "sampling": "paired"} | LEAST_SQUARES,
    "pairs of patches, p = 0.5": {"interactions": "all", "sampling": "paired"} | LEAST_SQUARES,
    "cross pairs, p = 0.7": {"p": 0.7, "interactions": "cross"} | LEAST_SQUARES,
}
MOST = {"cross pairs, p = 0.5": 2048, "pairs of patches, p = 0.5": 4096, "cross pairs, p = 0.7": 2048}
COLOURS = {"independent masks, least": "tab:grey", "paired masks, least": "tab:blue", "paired masks, G": "tab:red"}


def main() -> None:
    args = arguments(__doc__, scenes=6, seeds=2, converged=16384, models="demo-clip demo-siglip")
    rows: list[dict[str, Any]] = []
    for model in args.models.split():
        measured = defaultdict(list)
        for game in scene_games(model, args.scenes):
            for what, methods in METHODS.items():
                converged = explain(game, CONVERGED[what], args.converged, TRUTH_SEED)
                for method, options in methods.items():
                    for m in (m for m in PASSES if m <= MOST[what]):
                        for seed in range(args.seeds):
                            try:
                                found = explain(game, options, m, seed)
                            except BudgetError:
                                continue
                            measured[what, method, m].append(compare(found, converged, what))
            print(model, len(measured) and max(map(len, measured.values())), "runs", flush=True)
        for (what, method, m), values in measured.items():
            correlation, error, coverage = np.mean(values, axis=0)
            rows.append(
                {"model": model, "what": what, "masks and fit": method, "image passes": m}
                | {"correlation": float(correlation), "relative error": float(np.sqrt(max(error, 0.0)))}
                | {"coverage of 95 % intervals": float(coverage) if coverage == coverage else "none"}
            )
        publish(f"Error against image passes, {args.scenes} unseen scenes, {args.seeds} seeds", rows, args.out)
        if args.out:
            plot(rows, args.out.with_suffix(".png"))


def scene_games(model: str, number: int) -> Iterator[CallableGame]:
    """Games of captions short enough to have all their masks enumerated; no mask is encoded twice."""
    encoder = fixlip.load_model(model)
    scenes = (make_scene(seed) for seed in range(SEED, SEED + 1000))
    few_words = (scene for scene in scenes if len(scene.caption.split()) <= 8)
    for scene, _ in zip(few_words, range(number), strict=False):
        game = next(games(encoder, [scene.image], [scene.caption], [(0, 0)]))
        towers = [Memo(embed) for embed in (game.image_embeddings, game.text_embeddings)]
        yield CallableGame(
            *towers, game.n_image, game.n_text, game.scale, game.bias, players=game.players, batch_size=128
        )


def explain(game: CallableGame, options: dict[str, Any], passes: int, seed: int) -> Explanation:
    return fixlip.get_estimator("banzhaf", **options).explain(game, image_masks=passes, seed=seed, progress=False)


def compare(found: Explanation, converged: Explanation, what: str) -> tuple[float, float, float]:
    """Correlation, squared relative error, coverage; see above."""
    (value, error), (truth, noise) = (effects(e, what) for e in (found, converged))
    signal = np.var(truth) - np.mean(noise**2)
    correlation = np.corrcoef(value, truth)[0, 1] * np.sqrt(np.var(truth) / signal)
    square = (np.mean((value - truth) ** 2) - np.mean(noise**2)) / (np.mean(truth**2) - np.mean(noise**2))
    inside = np.abs(value - truth) < 1.96 * np.hypot(error, noise)
    return float(correlation), float(square), float(np.where(np.isnan(error), np.nan, inside).mean())


def effects(found: Explanation, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Interactions and their standard errors (NaN where there are none), as vectors."""
    n = found.players.n_image
    errors = np.full_like(found.second_order, np.nan) if found.stderr is None else found.stderr.second_order
    if what.startswith("cross"):
        return found.cross.ravel(), errors[:n, n:].ravel()
    pairs = np.triu_indices(n, 1)
    return found.second_order[pairs], errors[pairs]


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw the gap to a correlation of 1 against the passes."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    figure = Figure(figsize=(4 * len(METHODS), 3.2 * len(models)), layout="constrained")
    axes = figure.subplots(len(models), len(METHODS), sharex=True, squeeze=False)
    for line, model in zip(axes, models, strict=True):
        for ax, (what, methods) in zip(line, METHODS.items(), strict=True):
            for method in methods:
                some = [r for r in rows if (r["model"], r["what"], r["masks and fit"]) == (model, what, method)]
                colour = next((c for start, c in COLOURS.items() if method.startswith(start)), "tab:red")
                points = [(r["image passes"], 1 - r["correlation"]) for r in some]
                marker = MARKERS[len(ax.lines)]
                ax.plot(*zip(*points, strict=True), marker=marker, ms=4, label=method, color=colour)
            ax.set(title=f"{model}: {what}", xlabel="image passes", ylabel="correlation")
            log_axis(panel(ax).xaxis)
            ax.xaxis.set_major_locator(LogLocator(2))
            log_axis(ax.yaxis)
            ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{1 - y:.4g}"))
            ax.invert_yaxis()
            ax.legend(fontsize=7, frameon=False)
    save(figure, path)


if __name__ == "__main__":
    main()
