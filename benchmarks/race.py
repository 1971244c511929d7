"""Passes and CPU seconds until the cross matrix is accurate, for everybody who can make it.

Each method climbs a ladder of budgets, each twice the one before, on unseen scenes. Its mean error relative to the size
of the converged matrix of its own index, and its mean correlation with it, are interpolated between the rungs, on
logarithmic scales; both are corrected for the standard errors of what converges. Passes are those of the image tower,
no mask encoded twice; a joint mask costs one, and words have few masks, so that the text tower costs all the same.
Seconds are those of the CPU, for the encoders and everything else, after a first try that does not count.

A method leaves the race at 16,384 passes, before a rung that would take more than 120 s, or once (from 4,096 passes on)
20 % are out of reach even if each doubling halved its error. There are two scenes and one seed (two for ours), since
16,384 joint masks take a minute; SVARMIQ has one scene, and so has ViT-B-32, which has random weights. Integrated
gradients give another answer, in a time of their own.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from time import process_time
from typing import NamedTuple

import numpy as np

import fixlip
from benchmarks.contestants import OURS, REFERENCES, Contestant, contestants
from benchmarks.meter import Fresh, Once
from benchmarks.passes import corrected, effects, scene_games, truth
from benchmarks.runs import Cases, Row, Settings, Targets
from fixlip.errors import BudgetError
from fixlip.results.explanation import Explanation

TITLE = "A race to 20, 10 and 5 % error of the cross pairs, unseen scenes"
SOONER = ("times fewer passes to 10 %", "times less time to 10 %")
TARGETS: Targets = {SOONER[0]: (">=", 5.0, "banzhaf"), SOONER[1]: (">=", 10.0, "banzhaf")}
SEED, SCENES = 9_000_000, 2
PASSES, SECONDS = 2**14, 120.0  # of an explanation, at most
ERRORS, CORRELATIONS = (0.2, 0.1, 0.05), (0.98, 0.995, 0.999)
SMALLEST = 1e-6  # of what is shown on a logarithmic scale
SLOW = ("banzhaf", "banzhaf, least squares", "least squares, joint masks")  # contestants on a large model
Try = tuple[float, float, float, float]
Ladder = list[dict[str, float]]  # passes, seconds, relative error and correlation of each rung


class Reached(NamedTuple):
    """What an accuracy took; at most, if the first rung has it."""

    passes: float
    seconds: float
    at_most: bool = False


def cases(settings: Settings) -> Cases:
    everybody = contestants()
    if settings.quick:
        few = {name: replace(everybody[name], budgets=(64, 128), seeds=1) for name in ("banzhaf", "RegressionFBII")}
        return raced("demo-clip", few, 1, 256)
    slow = {name: replace(everybody[name], seeds=1, budgets=everybody[name].budgets[:6]) for name in SLOW}
    small = [raced(model, everybody, SCENES, PASSES) for model in ("demo-clip", "demo-siglip")]
    return small[0] | small[1] | raced("ViT-B-32", slow, 1, 2**12)


def raced(model: str, those: dict[str, Contestant], scenes: int, converged: int) -> Cases:
    """A row for each contestant on a model, and for integrated gradients."""
    rows: Cases = {f"{model}, {name}": partial(race, model, one, scenes, converged) for name, one in those.items()}
    return rows | {f"{model}, integrated-gradients": partial(another_answer, model, scenes)}


def race(model: str, one: Contestant, scenes: int, converged: int) -> Row:
    """The ladder of a contestant, and what each accuracy took."""
    ladder = climb(model, one, scenes, converged)
    errors = {f"{goal:.0%}": cell(ladder, until(ladder, "relative error", goal)) for goal in ERRORS}
    agreed = {f"correlation {goal:g}": cell(ladder, until(ladder, "correlation", goal)) for goal in CORRELATIONS}
    return {"of": one.of, "index": one.index} | errors | agreed | {"ladder": ladder}


def climb(model: str, one: Contestant, scenes: int, converged: int) -> Ladder:
    """Means over scenes and seeds at each budget that is enough.

    Raises:
        BudgetError: none is.
    """
    ladder: Ladder = []
    for budget in one.budgets:
        try:
            if not ladder:
                one.run(Once(scene_games(model, SEED, scenes)[0]), budget, 0)  # what is slow the first time
            tries = [
                attempt(model, one, scenes, converged, k, budget, seed)
                for k in range(min(scenes, one.scenes))
                for seed in range(one.seeds)
            ]
        except BudgetError as error:
            too_few = error
            continue
        ladder.append(averaged(tries))
        if finished(ladder):
            break
    if not ladder:
        raise too_few
    return ladder


def attempt(model: str, one: Contestant, scenes: int, converged: int, k: int, budget: int, seed: int) -> Try:
    """One explanation of scene k."""
    game = Once(scene_games(model, SEED, scenes)[k])
    true = truth(model, SEED, scenes, k, REFERENCES[one.index], converged)
    return tried(game, lambda: one.run(game, budget, seed).ravel(), true)


def tried(game: Once, pairs: Callable[[], np.ndarray], true: Explanation) -> Try:
    """Passes, CPU seconds, relative error and correlation of the cross pairs that are found in a game."""
    start = process_time()
    found = pairs()
    seconds = process_time() - start
    correlation, square = corrected(found, *effects(true, "cross pairs"))
    return len(game.image_embeddings.known), seconds, max(square, 0.0) ** 0.5, correlation


def averaged(tries: list[Try]) -> dict[str, float]:
    """The means of some tries."""
    names = ("passes", "seconds", "relative error", "correlation")
    return dict(zip(names, np.mean(tries, axis=0).tolist(), strict=True))


def finished(ladder: Ladder) -> bool:
    """Return whether all accuracies are reached, the next rung would take too long, or the first is out of reach."""
    last = ladder[-1]
    arrived = last["relative error"] <= ERRORS[-1] and last["correlation"] >= CORRELATIONS[-1]
    hopeless = last["passes"] >= PASSES / 4 and last["relative error"] * last["passes"] / PASSES > ERRORS[0]
    return arrived or hopeless or 2 * last["seconds"] > SECONDS


def until(ladder: Ladder, name: str, goal: float) -> Reached | None:
    """Passes and seconds until an accuracy is reached, None if it is not."""
    offs = [abs((name == "correlation") - rung[name]) for rung in ladder]
    off = abs((name == "correlation") - goal)
    there = next((k for k, value in enumerate(offs) if value <= off), None)
    if there is None:
        return None
    if there == 0:
        return Reached(ladder[0]["passes"], ladder[0]["seconds"], at_most=True)
    before, after = (np.log(max(value, SMALLEST)) for value in offs[there - 1 : there + 1])
    share = (before - np.log(off)) / (before - after)
    start, end = ([ladder[k]["passes"], ladder[k]["seconds"]] for k in (there - 1, there))
    passes, seconds = np.exp((1 - share) * np.log(start) + share * np.log(end)).tolist()
    return Reached(passes, seconds)


def cell(ladder: Ladder, reached: Reached | None) -> str:
    """What an accuracy took, in words."""
    if reached is None:
        return f"not within {ladder[-1]['passes']:,.0f} passes"
    at_most = "at most " if reached.at_most else ""
    return f"{at_most}{reached.passes:,.0f} passes, {reached.seconds:.3g} s"


def another_answer(model: str, scenes: int) -> Row:
    """The time of integrated gradients."""
    estimator, seconds = fixlip.get_estimator("integrated-gradients"), []
    estimator.explain(scene_games(model, SEED, scenes)[0], progress=False)
    for game in scene_games(model, SEED, scenes):
        start = process_time()
        estimator.explain(Fresh(game), progress=False)
        seconds.append(process_time() - start)
    return {"of": OURS, "index": "integrated gradients", "another answer": f"{np.mean(seconds):.3g} s"}


def compared(rows: list[Row]) -> list[Row]:
    """The rows, and in the first of ours for each index how much sooner than the best of the others it is at 10 %."""
    found, seen = [], set()
    for row in rows:
        heat = row["case"].partition(",")[0], row["index"]
        first = row["of"] == OURS and "ladder" in row and heat not in seen
        found.append(row | sooner(row, [other for other in rows if rival(other, heat)]) if first else row)
        seen |= {heat} if first else set()
    return found


def rival(row: Row, heat: tuple[str, str]) -> bool:
    """Return whether a row is of somebody else, on this model and with this index."""
    return row["of"] != OURS and row["index"] == heat[1] and row["case"].startswith(f"{heat[0]},")


def sooner(row: Row, others: list[Row]) -> Row:
    """Ratios to the least that the others took until 10 %."""
    ours = until(row["ladder"], "relative error", ERRORS[1])
    reached = [there for other in others if (there := until(other["ladder"], "relative error", ERRORS[1]))]
    if ours is None or not reached:
        return {} if ours is None or not others else dict.fromkeys(SOONER, "no other gets there")
    least = min(there.passes for there in reached), min(there.seconds for there in reached)
    return dict(zip(SOONER, (least[0] / ours.passes, least[1] / ours.seconds), strict=True))
