"""Error against CPU seconds for each removal of patches, and for bfloat16.

The relative error of the cross pairs against those of many more masks with the same removal in float32, corrected for
the standard errors of the latter; means over unseen scenes. The numbers of two removals answer different questions, so
a smaller error does not make one of them right.
"""

from functools import cache, partial

from benchmarks.meter import Once
from benchmarks.passes import effects
from benchmarks.race import ERRORS, Ladder, Try, averaged, cell, tried, until
from benchmarks.runs import Cases, Row, Settings, Targets
from benchmarks.subjects import game_of, load, picture_and_caption
from fixlip.api.load import encoder_for
from fixlip.estimators.banzhaf import Banzhaf
from fixlip.games.base import SeparableGame
from fixlip.games.similarity import SimilarityGame
from fixlip.results.explanation import Explanation

TITLE = "Error against seconds, for each removal of patches"
TARGETS: Targets = {}
SEED = 11_000_000
HOW = {"mean": None, "blur": None, "attention": None, "drop": None, "mean, bfloat16": "bfloat16"}  # and the type
METHOD = Banzhaf(interactions="cross")


def cases(settings: Settings) -> Cases:
    if settings.quick:
        return {f"demo-clip, {how}": partial(measure, "demo-clip", how, (64, 128), 256, 1) for how in list(HOW)[-2:]}
    small = {
        f"{model}, {how}": partial(measure, model, how, (128, 256, 512, 1024), 4096, 2)
        for model in ("demo-clip", "demo-siglip")
        for how in HOW
    }
    return small | {f"ViT-B-32, {how}": partial(measure, "ViT-B-32", how, (128, 256), 512, 1) for how in HOW}


def measure(model: str, how: str, sizes: tuple[int, ...], converged: int, scenes: int) -> Row:
    """The error and the seconds of each number of masks."""
    ladder: Ladder = []
    explained(game(model, how, 0), sizes[0])  # what is slow the first time
    for masks in sizes:
        ladder.append(averaged([attempt(model, how, k, masks, converged) for k in range(scenes)]))
    errors = [f"{step['relative error']:.3f} in {step['seconds']:.3g} s" for step in ladder]
    steps = {f"{step['passes']:,.0f} passes": error for step, error in zip(ladder, errors, strict=True)}
    return steps | {"10%": cell(ladder, until(ladder, "relative error", ERRORS[1]))}


def attempt(model: str, how: str, k: int, masks: int, converged: int) -> Try:
    """One explanation of scene k."""
    once = Once(game(model, how, k))
    true = truth(model, how.partition(",")[0], k, converged)
    return tried(once, lambda: effects(explained(once, masks), "cross pairs")[0], true)


def explained(game: SeparableGame, masks: int, seed: int = 0) -> Explanation:
    """An explanation from so many masks."""
    return METHOD.explain(game, image_masks=masks, seed=seed, progress=False)


def game(model: str, how: str, k: int) -> SimilarityGame:
    """The game of scene k."""
    encoder = encoder_for(load(model, "cpu", HOW[how]), {"image": how.partition(",")[0]})
    return game_of(encoder, *picture_and_caption(SEED + k))


@cache
def truth(model: str, removal: str, k: int, masks: int) -> Explanation:
    """What scene k converges to."""
    return explained(game(model, removal, k), masks, 1000)
