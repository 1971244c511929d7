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
FEW = 8  # masks to time a pass by


def cases(settings: Settings) -> Cases:
    models = {"ViT-B-32": (9, 16)} if settings.quick else MODELS
    rows: Cases = {f"all else, cross, {n} patches": partial(algebra, n, dim, settings) for n, dim in models.values()}
    for n, dim in list(models.values())[:3]:
        rows[f"all else, all pairs, {n} patches"] = partial(apart, n, dim, "all", settings)
    for name, (n, _) in MODELS.items() if not settings.quick else ():
        rows[f"{name}, {n} patches"] = partial(passes, name, settings.device)
    return rows


def algebra(n: int, dim: int, settings: Settings) -> Row:
    """Seconds and memory of an explanation whose towers cost nothing, against 196 patches and the same embeddings."""
    row, some = apart(n, dim, "cross", settings), n if settings.quick else SOME
    share = apart(some, dim, "cross", settings)["memory added (MiB)"] / some
    return row | {"for a patch, against 196": row["memory added (MiB)"] / n / max(share, 1e-9)}


@cache
def apart(n: int, dim: int, pairs: str, settings: Settings) -> Row:
    """Seconds and memory in a process of its own."""
    return settings.apart(without_towers, n, dim, pairs)


def without_towers(n: int, dim: int, pairs: Any) -> Row:
    """The same in this process."""
    game, estimator = cheap_game(n, WORDS, dim), fixlip.get_estimator("banzhaf", interactions=pairs)
    masks = random_masks(n, estimator.passes(n, WORDS, Request())[0]).numpy()
    towers, _ = timed(lambda: [game.image_embeddings(m) for m in np.array_split(masks, 64)])
    with added_memory() as memory:
        facts = estimator.explain(game, progress=False).provenance
    row: Row = {"patches": n, "pairs": pairs, "embedding": dim, "seconds": facts.seconds}
    row |= {"image passes": facts.image_passes, "text passes": facts.text_passes}
    return row | {"of it the cheap towers (s)": towers} | memory.cells()


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
    """The seconds of a whole explanation's passes, projected from a few of each tower."""
    encoder = load(model, device)
    game, estimator = game_of(encoder), fixlip.get_estimator("banzhaf", interactions="cross")
    image, text = estimator.passes(game.n_image, game.n_text, Request())
    towers = ((game.image_embeddings, game.n_image), (game.text_embeddings, game.n_text))
    each = [timed(partial(embed, random_masks(n, FEW).numpy()), device)[0] / FEW for embed, n in towers]
    return {
        "patches": game.n_image,
        "pairs": "cross",
        "embedding": encoder.embed_dim,
        "image passes": image,
        "text passes": text,
        "seconds for an image pass": each[0],
        "seconds projected": image * each[0] + text * each[1],
    }
