"""`banzhaf` by least squares against the published computation done densely: equal results, then seconds and memory."""

from functools import partial
from typing import Any

import numpy as np

from benchmarks import published_fixlip as published
from benchmarks.agreement import agree, effects_of
from benchmarks.clock import added_memory, interleaved
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


def cases(settings: Settings) -> Cases:
    budgets = [("cross", 10)] if settings.quick else [("all", 17), ("all", 19), ("cross", 17)]
    return {f"{pairs} pairs, 2^{power}": partial(measure, pairs, 2**power, settings) for pairs, power in budgets}


def measure(pairs: Any, budget: int, settings: Settings) -> Row:
    """One budget: the results must agree, whatever the times."""
    game = game_of(load("demo-clip", settings.device))
    row = side_by_side(game, pairs, budget, 1 if settings.quick else 3, settings.device)
    memory, dense = (settings.apart(memory_of, who, pairs, budget, settings.device) for who in ("fixlip", "dense"))
    less = {"dense, memory added (MiB)": dense, "memory, times less": dense / max(memory, 1.0)}
    return row | {"memory added (MiB)": memory} | less


def side_by_side(game: Any, pairs: Any, budget: int, rounds: int, device: str = "cpu") -> Row:
    """Differences and seconds, both methods in turn.

    Raises:
        AssertionError: the results differ.
    """
    recorded = Recorded(game)
    explain = partial(Banzhaf(interactions=pairs, fit="least-squares").explain, budget=budget, progress=False)
    explanation = explain(recorded)
    image, text = (published.given(recorded.masks(side)) for side in ("image", "text"))
    dense: list[published.Dense] = []
    calls = {
        "whole": lambda: explain(Fresh(game)),
        "solve": lambda: explain(recorded.rewind()),
        "dense": lambda: dense.append(published.explain(game, image, text, within=pairs == "all")),
    }
    seconds = interleaved(calls, rounds, device)
    off = agree(effects_of(explanation), dense[0].effects, TOLERANCE)
    solve = float(np.median([run.solve for run in dense]))
    return {
        "players": f"{game.n_image} + {game.n_text}",
        "image masks": len(recorded.masks("image")),
        "text masks": len(recorded.masks("text")),
        "terms": dense[0].terms,
        "largest difference": off,
        "seconds": seconds["whole"],
        "dense, seconds": seconds["dense"],
        "times faster": seconds["dense"] / seconds["whole"],
        "solve (s)": seconds["solve"],
        "dense, solve (s)": solve,
        "solve, times faster": solve / seconds["solve"],
    }


def memory_of(who: str, pairs: Any, budget: int, device: str) -> float:
    """MiB that a run adds to the process that holds the model, with the same masks on both sides."""
    game = game_of(load("demo-clip", device))
    recorded = Recorded(game)
    explain = partial(Banzhaf(interactions=pairs, fit="least-squares").explain, budget=budget, progress=False)
    if who == "dense":
        explain(recorded)
        image, text = (published.given(recorded.masks(side)) for side in ("image", "text"))
    with added_memory(device) as memory:
        if who == "fixlip":
            explain(game)
        else:
            published.explain(game, image, text, within=pairs == "all")
    return memory.added
