"""The contestants of the race: each makes the cross matrix of a game from a budget and a seed, at its best settings.

The settings of shapiq's approximators are the best of those tried on another scene: sampling weights, pairs of
complements, kind of proxy, correction and tuning of the proxy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from math import ceil, comb
from typing import Any

import numpy as np

from benchmarks import published_fixlip as published
from benchmarks.passes import explain
from fixlip.fitting.sampling import make_design
from fixlip.games.counted import CountedGame
from fixlip.runtime.threads import without_warnings

BANZHAF, SHAPLEY = "weighted Banzhaf, p = 0.5", "Shapley (SII)"
OURS, PUBLISHED = "fixlip", "as published"
REFERENCES = {  # what the cross matrix of an index converges to
    BANZHAF: "banzhaf interactions=cross sampling=paired fit=least-squares",
    SHAPLEY: "shapley-owen",
}
DOUBLING = tuple(2**power for power in range(6, 15))  # passes of the image tower
ON_GRID = (2**15, 2**16, 2**17)  # game values; 2^17 are 1.7 to 2.7 GB
Run = Callable[[Any, int, int], np.ndarray]


@dataclass(frozen=True)
class Contestant:
    """A method in the race.

    Attributes:
        run: a game, a budget and a seed to its cross matrix.
        of: who made it.
        index: what it estimates.
        seeds: how many are raced; one where a pass of the image tower is spent on each joint mask.
        budgets: the rungs of its ladder.
        scenes: how many scenes it runs at most.
    """

    run: Run
    of: str
    index: str = BANZHAF
    seeds: int = 1
    budgets: tuple[int, ...] = DOUBLING
    scenes: int = 100


def spec(text: str) -> Run:
    """An estimator of fixlip with its options; `explain` decides what its budget counts."""
    return lambda game, budget, seed: explain(game, text, budget, seed).cross


def dense(game: Any, budget: int, seed: int) -> np.ndarray:
    """The published regression of all pairs on a grid of masks, shared out over the towers as in the published code."""
    rng, n = np.random.default_rng(seed), game.n_image
    text = min(max(ceil(budget**0.5 * game.n_text / n), 4), 2**game.n_text)
    designs = (make_design(*size, 0.5, "independent", rng) for size in ((n, budget // text), (game.n_text, text)))
    image, words = (published.Drawn(design.masks, design.weights) for design in designs)
    return published.explain(game, image, words).effects.second_order[:n, n:]


def approximator(name: str, *, of_size: bool = True, **options: Any) -> Run:
    """An approximator of shapiq on joint masks; `of_size` draws each player with probability 1/2, as p = 0.5 does."""

    def run(game: Any, budget: int, seed: int) -> np.ndarray:
        import shapiq.approximator

        counted, n = CountedGame(game, lambda _: None), game.n_image + game.n_text
        empty = counted.ends[0]
        weights = {"sampling_weights": np.array([comb(n, k) for k in range(n + 1)], dtype=float)} if of_size else {}
        call = {"n": n, "max_order": 2, "random_state": seed, "pairing_trick": True} | weights | options
        with without_warnings():
            found = getattr(shapiq.approximator, name)(**call).approximate(
                budget, lambda masks: counted.values(np.atleast_2d(np.asarray(masks, dtype=bool))) - empty
            )
        return found.get_n_order_values(2)[: game.n_image, game.n_image :]

    return run


def contestants() -> dict[str, Contestant]:
    """Those that are installed, by name."""
    release = version("shapiq")
    shapiq = f"shapiq {release}"
    proxies = find_spec("xgboost") is not None and tuple(map(int, release.split(".")[:2])) >= (1, 8)
    ours = {
        "banzhaf": Contestant(spec("banzhaf interactions=cross"), OURS, seeds=2),
        "banzhaf, least squares": Contestant(spec(REFERENCES[BANZHAF]), OURS, seeds=2),
        "shapley-owen": Contestant(spec(REFERENCES[SHAPLEY]), OURS, SHAPLEY, seeds=2),
    }
    others = {
        "least squares, joint masks": Contestant(spec("banzhaf interactions=all sampling=joint"), PUBLISHED),
        "least squares, grid, dense": Contestant(dense, PUBLISHED, budgets=ON_GRID),
        "RegressionFBII": Contestant(approximator("RegressionFBII"), shapiq),
        "SVARMIQ": Contestant(approximator("SVARMIQ", index="BII"), shapiq, scenes=1),
        "KernelSHAPIQ": Contestant(approximator("KernelSHAPIQ", index="SII"), shapiq, SHAPLEY),
    }
    if proxies:
        others |= {
            "ProxySHAP": Contestant(approximator("ProxySHAP", index="BII", proxy_model="xgboost"), shapiq),
            "ProxySPEX": Contestant(approximator("ProxySPEX", index="BII", hpo=False, proxy_model="xgboost"), shapiq),
            "ProxySHAP, SII": Contestant(
                approximator("ProxySHAP", of_size=False, index="SII", proxy_model="xgboost"), shapiq, SHAPLEY
            ),
        }
    return dict(sorted((ours | others).items(), key=lambda item: item[1].index != BANZHAF))
