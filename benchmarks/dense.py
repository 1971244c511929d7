"""`banzhaf` by least squares against the published computation done densely: equal results, then seconds and memory."""

from functools import partial
from typing import Any

import numpy as np

from benchmarks import published_fixlip as published
from benchmarks.agreement import agree, effects_of
from benchmarks.clock import added_memory, in_child, timed
from benchmarks.meter import Fresh, Recorded
from benchmarks.runs import Cases, Row, Settings
from benchmarks.subjects import game_of, load
from fixlip.estimators.banzhaf import Banzhaf

TITLE = "banzhaf against a dense implementation of the published FIxLIP, the same masks on both sides"
TARGETS = {
    "largest difference": ("<=", 1e-5, ""),
    "times faster": (">=", 9.0, "all pairs"),
    "solve, times faster": (">=", 100.0, "all pairs"),
    "memory, times less": (">=", 20.0, "all pairs"),
}
TOLERANCE = 1e-5
BUDGETS = {"all": (2**17, 2**19), "cross": (2**17,)}


def cases(settings: Settings) -> Cases:
    if settings.quick:
        return {"cross pairs, 2^13": partial(measure, "demo-clip", "cross", 2**13, 1, settings.device)}
    return {
        f"{pairs} pairs, 2^{budget.bit_length() - 1}": partial(measure, "demo-clip", pairs, budget, 3, settings.device)
        for pairs, budgets in BUDGETS.items()
        for budget in budgets
    }


def measure(model: str, pairs: Any, budget: int, rounds: int, device: str) -> Row:
    """One budget: the results must agree, whatever the times."""
    row = side_by_side(game_of(load(model, device)), pairs, budget, rounds, device)
    ours, theirs = (in_child(memory_of, who, model, pairs, budget, device) for who in ("fixlip", "dense"))
    return row | {
        "memory added (MiB)": ours,
        "dense, memory added (MiB)": theirs,
        "memory, times less": theirs / max(ours, 1.0),
    }


def side_by_side(game: Any, pairs: Any, budget: int, rounds: int, device: str = "cpu") -> Row:
    """Differences and seconds, both methods in turn.

    Raises:
        AssertionError: the results differ.
    """
    estimator, recorded = Banzhaf(interactions=pairs, fit="least-squares"), Recorded(game)
    found = estimator.explain(recorded, budget=budget, progress=False)
    image, text = published.given(recorded.masks("image")), published.given(recorded.masks("text"))
    whole, solve, dense = [], [], []
    for _ in range(rounds):
        whole.append(timed(partial(estimator.explain, Fresh(game), budget=budget, progress=False), device)[0])
        solve.append(timed(partial(estimator.explain, recorded.rewind(), budget=budget, progress=False))[0])
        dense.append(published.explain(game, image, text, within=pairs == "all"))
    off = agree(effects_of(found), dense[0].effects, TOLERANCE)
    total, alone = np.median([d.total for d in dense]), np.median([d.solve for d in dense])
    return {
        "players": f"{game.n_image} + {game.n_text}",
        "image masks": len(recorded.masks("image")),
        "text masks": len(recorded.masks("text")),
        "terms": dense[0].terms,
        "largest difference": off,
        "seconds": float(np.median(whole)),
        "dense, seconds": float(total),
        "times faster": float(total / np.median(whole)),
        "solve (s)": float(np.median(solve)),
        "dense, solve (s)": float(alone),
        "solve, times faster": float(alone / np.median(solve)),
    }


def memory_of(who: str, model: str, pairs: Any, budget: int, device: str) -> float:
    """MiB that a run adds to the process that holds the model; the dense one with masks drawn as published."""
    game = game_of(load(model, device))
    with added_memory(device) as found:
        if who == "fixlip":
            Banzhaf(interactions=pairs, fit="least-squares").explain(game, budget=budget, progress=False)
        else:
            rng = np.random.default_rng(0)
            masks = published.split(budget, game.n_image, game.n_text)
            image, text = (published.draw(n, m, rng) for n, m in zip((game.n_image, game.n_text), masks, strict=True))
            published.explain(game, image, text, within=pairs == "all")
    return found.added
