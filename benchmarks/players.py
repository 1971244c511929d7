"""From 49 to 1,024 patches: what the passes of real architectures cost, and what the rest costs without them.

The rest is measured on towers that are next to nothing (a random linear map and a cosine), of the size of embedding
that the architectures have, with all masks that are the default; each case in a process of its own.
"""

from functools import cache, partial
from typing import Any

import numpy as np

import fixlip
from benchmarks.clock import added_memory, timed
from benchmarks.runs import Cases, Row, Settings
from benchmarks.subjects import game_of, load, random_masks
from fixlip.games import CallableGame
from fixlip.request import Request

TITLE = "From 49 to 1,024 patches: encoder passes of real architectures (random weights), and all else"
TARGETS = {"for a patch, against 196": ("<=", 1.5, "all else, cross")}
WORDS, SOME = 8, 196
MODELS = {  # patches, embedding
    "ViT-B-32": (49, 512),
    "ViT-B-16": (196, 512),
    "ViT-B-16-SigLIP2-256": (256, 768),
    "ViT-L-14-336": (576, 768),
    "ViT-SO400M-14-SigLIP2-378": (729, 1152),
    "ViT-B-16-SigLIP2-512": (1024, 768),
}
FEW = 8  # masks to time a pass by, where the whole explanation would take longer than
PATIENCE = 600.0  # seconds


def cases(settings: Settings) -> Cases:
    models = {"ViT-B-32": (9, 16)} if settings.quick else MODELS
    rows: Cases = {f"all else, cross, {n} patches": partial(algebra, n, dim, settings) for n, dim in models.values()}
    for n, dim in list(models.values())[:3]:
        rows[f"all else, all pairs, {n} patches"] = partial(settings.apart, without_towers, n, dim, "all")
    for name in () if settings.quick else MODELS:
        rows[f"{name}, {MODELS[name][0]} patches"] = partial(settings.apart, passes, name, settings.device)
    return rows


def algebra(n: int, dim: int, settings: Settings) -> Row:
    """Seconds and memory of an explanation whose towers cost nothing, and of one with the same size of embedding."""
    row, some = cross(n, dim, settings), min(n, SOME) if settings.quick else SOME
    share = cross(some, dim, settings)["memory added (MiB)"] / some
    return row | {"for a patch, against 196": row["memory added (MiB)"] / n / max(share, 1e-9)}


@cache
def cross(n: int, dim: int, settings: Settings) -> Row:
    """Seconds and memory for cross pairs, in a process of its own."""
    return settings.apart(without_towers, n, dim, "cross")


def without_towers(n: int, dim: int, pairs: Any) -> Row:
    """The same in this process."""
    game, estimator = cheap_game(n, WORDS, dim), fixlip.get_estimator("banzhaf", interactions=pairs)
    masks = random_masks(n, estimator.passes(n, WORDS, Request())[0]).numpy()
    towers, _ = timed(lambda: [game.image_embeddings(m) for m in np.array_split(masks, 64)])
    with added_memory() as memory:
        facts = estimator.explain(game, progress=False).provenance
    return {
        "patches": n,
        "pairs": pairs,
        "embedding": dim,
        "image passes": facts.image_passes,
        "text passes": facts.text_passes,
        "seconds": facts.seconds,
        "of it the cheap towers (s)": towers,
        **memory.cells(),
        "outcome": "done",
    }


def cheap_game(n: int, words: int, dim: int) -> CallableGame:
    """Two towers of one matrix and a cosine each; unit embeddings."""
    rng = np.random.default_rng(0)

    def tower(players: int) -> Any:
        weights = rng.normal(size=(players, dim)).astype(np.float32) / np.float32(np.sqrt(players))
        phase = rng.normal(size=dim).astype(np.float32)

        def embed(masks: np.ndarray) -> np.ndarray:
            x = np.cos(masks.astype(np.float32) @ weights + phase)
            return x / np.linalg.norm(x, axis=1, keepdims=True)

        return embed

    return CallableGame(tower(n), tower(words), n, words, scale=100.0)


def passes(model: str, device: str) -> Row:
    """A whole explanation where that takes minutes, else the seconds projected from a few passes of each tower."""
    encoder = load(model, device)
    game, estimator = game_of(encoder), fixlip.get_estimator("banzhaf", interactions="cross")
    default = estimator.passes(game.n_image, game.n_text, Request())
    towers = ((game.image_embeddings, game.n_image), (game.text_embeddings, game.n_text))
    each = [timed(partial(embed, random_masks(n, FEW).numpy()), device)[0] / FEW for embed, n in towers]
    row: Row = {
        "patches": game.n_image,
        "pairs": "cross",
        "embedding": encoder.embed_dim,
        "image passes": default[0],
        "text passes": default[1],
        "seconds for an image pass": each[0],
        "seconds projected": default[0] * each[0] + default[1] * each[1],
    }
    if row["seconds projected"] > PATIENCE:
        return row | {"outcome": f"projected from {FEW} passes"}
    with added_memory(device) as memory:
        seconds, _ = timed(partial(estimator.explain, game, progress=False), device)
    return row | {"seconds": seconds, **memory.cells(), "outcome": "done"}
