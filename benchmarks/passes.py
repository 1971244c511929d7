"""Error against encoder passes: fits and designs of `banzhaf` on both bundled models.

On scenes with unseen seeds: the correlation with the converged interactions, the root mean square error relative to
their size, and the share of entries whose 95 % interval holds the converged value; means over scenes. Converged values
are those of least squares from many passes and another seed. They have an error of their own, known from its standard
errors: correlations and errors are corrected for it, and intervals are widened by it.
"""

from collections.abc import Callable
from functools import cache, partial

import numpy as np

import fixlip
from benchmarks.meter import Fresh
from benchmarks.runs import Cases, Row, Settings, Targets
from benchmarks.subjects import short_games
from fixlip import specs
from fixlip.games.base import SeparableGame
from fixlip.results.explanation import Explanation

TITLE = "Error against image passes, 3 unseen scenes"
TARGETS: Targets = {}
SEED = 5_000_000
PAIRED = {  # how: the options
    "paired masks, least squares": "sampling=paired fit=least-squares",
    "independent masks, least squares": "sampling=independent fit=least-squares",
    "paired masks, Gaussian process": "sampling=paired fit=gaussian-process",
}
OTHER = {
    "independent masks, least squares": "p=0.7 fit=least-squares",
    "independent masks, Gaussian process": "p=0.7 fit=gaussian-process",
}
METHODS = {  # what is asked for: how; the first is the one that converges
    "cross pairs, p = 0.5": {how: f"banzhaf interactions=cross {options}" for how, options in PAIRED.items()},
    "pairs of patches, p = 0.5": {how: f"banzhaf interactions=all {options}" for how, options in PAIRED.items()},
    "cross pairs, p = 0.7": {how: f"banzhaf interactions=cross {options}" for how, options in OTHER.items()},
}
Pairs = list[tuple[Explanation, Explanation]]


def cases(settings: Settings) -> Cases:
    if settings.quick:
        quick = {name: METHODS[name] for name in list(METHODS)[:1]}
        return rows("demo-clip", SEED, quick, (64,), 256, 1, compare)
    sizes, models = (128, 256, 512, 1024, 2048, 4096), ("demo-clip", "demo-siglip")
    return {k: row for model in models for k, row in rows(model, SEED, METHODS, sizes, 16384, 3, compare).items()}


def rows(
    model: str,
    seed: int,
    methods: dict[str, dict[str, str]],
    sizes: tuple[int | None, ...],
    converged: int,
    scenes: int,
    compare: Callable[[Pairs, str], Row],
) -> Cases:
    """A row for each method and number of passes, None for its default, from explanations and what they converge to."""

    def measure(what: str, method: str, passes: int | None) -> Row:
        specs = methods[what]
        first = next(iter(specs.values()))
        pairs = [
            (explain(game, specs[method], passes, 0), truth(model, seed, scenes, k, first, converged))
            for k, game in enumerate(scene_games(model, seed, scenes))
        ]
        spent = round(np.mean([explanation.provenance.image_passes for explanation, _ in pairs]))
        return {"image passes": spent} | compare(pairs, what)

    return {
        f"{model}, {what}, {method}, {f'{m} passes' if m else 'default'}": partial(measure, what, method, m)
        for what, specs in methods.items()
        for method in specs
        for m in sizes
    }


@cache
def scene_games(model: str, seed: int, number: int) -> list[SeparableGame]:
    """Games of short captions of unseen scenes."""
    return list(short_games(model, number, seed))


@cache
def truth(model: str, seed: int, scenes: int, k: int, spec: str, passes: int) -> Explanation:
    """The converged explanation of a scene."""
    return explain(scene_games(model, seed, scenes)[k], spec, passes, 1000)


def explain(game: SeparableGame, spec: str, passes: int | None, seed: int) -> Explanation:
    """An explanation with so many image passes, None for the default; a joint mask costs one."""
    name, options = specs.parse(spec)
    joint = name.startswith("shapiq") or options.get("sampling") == "joint"
    call = {} if passes is None else {"budget" if joint else "image_masks": passes}
    return fixlip.get_estimator(name, **options).explain(Fresh(game), seed=seed, progress=False, **call)


def compare(pairs: Pairs, what: str) -> Row:
    """Correlation, relative error, coverage; see above."""
    correlations, squares, coverages = [], [], []
    for explanation, converged in pairs:
        (value, error), (true, noise) = effects(explanation, what), effects(converged, what)
        correlation, square = corrected(value, true, noise)
        correlations.append(correlation)
        squares.append(square)
        inside = np.abs(value - true) < 1.96 * np.hypot(error, noise)
        coverages.append(np.where(np.isnan(error), np.nan, inside).mean())
    coverage = float(np.mean(coverages))
    return {
        "correlation": float(np.mean(correlations)),
        "relative error": float(np.sqrt(max(np.mean(squares), 0.0))),
        "coverage of 95 % intervals": "none" if np.isnan(coverage) else coverage,
    }


def corrected(value: np.ndarray, true: np.ndarray, noise: np.ndarray) -> tuple[float, float]:
    """Correlation and squared relative error of values, less what the standard errors of the true ones add to them."""
    own = np.mean(noise**2)
    correlation = np.corrcoef(value, true)[0, 1] * np.sqrt(np.var(true) / (np.var(true) - own))
    return float(correlation), float((np.mean((value - true) ** 2) - own) / (np.mean(true**2) - own))


def effects(explanation: Explanation, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Interactions and their standard errors (NaN where there are none), as vectors."""
    n, second = explanation.players.n_image, explanation.second_order
    errors = np.full_like(second, np.nan) if explanation.stderr is None else explanation.stderr.second_order
    chosen = np.triu_indices(n, 1) if what.startswith("pairs of patches") else np.s_[:n, n:]
    return second[chosen].ravel(), errors[chosen].ravel()
