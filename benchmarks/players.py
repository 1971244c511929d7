"""From 49 to 1,024 patches: what the passes of real architectures cost, and what the rest costs without them.

The rest is measured on towers that are next to nothing (a random linear map and a cosine), of the size of embedding
that the architectures have, with all masks that are the default; each case in a process of its own.
"""

import os
import resource
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any

import numpy as np

import fixlip
from benchmarks.clock import added_memory, in_child, timed
from benchmarks.runs import Cases, Row, Settings
from benchmarks.subjects import game_of, load, picture_and_caption, random_masks
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
ALL_PAIRS = {196: 512, 256: 768}
FEW = 8  # masks to time a pass by, where the whole explanation would take longer than
PATIENCE = 600.0  # seconds
SPARE = 0.85  # share of the machine's memory that one case may take


def cases(settings: Settings) -> Cases:
    device, few = settings.device, settings.quick
    sizes = {49: 512} if few else dict(MODELS.values())
    found: Cases = {f"all else, cross, {n} patches": partial(algebra, n, dim, "cross") for n, dim in sizes.items()}
    found |= {
        f"all else, all pairs, {n} patches": partial(algebra, n, dim, "all")
        for n, dim in ({49: 512} if few else {49: 512} | ALL_PAIRS).items()
    }
    names = () if few else MODELS
    return found | {f"{name}, {MODELS[name][0]} patches": partial(in_child, passes, name, device) for name in names}


def algebra(n: int, dim: int, pairs: str) -> Row:
    """Seconds and memory of an explanation whose towers cost nothing."""
    try:
        row = in_child(without_towers, n, dim, pairs)
    except (MemoryError, BrokenProcessPool):
        return {"patches": n, "pairs": pairs, "embedding": dim, "outcome": "does not fit into memory"}
    if pairs == "all":
        return row
    some = in_child(without_towers, SOME, dim, pairs)  # the same size of embedding
    return row | {"for a patch, against 196": row["memory added (MiB)"] / n / (some["memory added (MiB)"] / SOME)}


def without_towers(n: int, dim: int, pairs: Any) -> Row:
    """The same in this process, which may not take more memory than the machine has."""
    limit = int(SPARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    game, estimator = cheap_game(n, WORDS, dim), fixlip.get_estimator("banzhaf", interactions=pairs)
    masks = random_masks(n, estimator.passes(n, WORDS, Request())[0]).numpy()
    towers, _ = timed(lambda: [game.image_embeddings(m) for m in np.array_split(masks, 64)])
    with added_memory() as memory:
        seconds, explanation = timed(partial(estimator.explain, game, progress=False))
    noted = explanation.provenance
    return {
        "patches": n,
        "pairs": pairs,
        "embedding": dim,
        "image passes": noted.image_passes,
        "text passes": noted.text_passes,
        "seconds": seconds,
        "of it the cheap towers (s)": towers,
        "memory added (MiB)": memory.added,
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
    game = game_of(encoder, *picture_and_caption())
    estimator = fixlip.get_estimator("banzhaf", interactions="cross")
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
    row |= {"seconds": seconds, "memory added (MiB)": memory.added, "outcome": "done"}
    return row | ({"added on the GPU (MiB)": memory.gpu} if memory.gpu else {})
