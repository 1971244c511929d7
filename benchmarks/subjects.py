"""The inputs of the measurements: models by name, pictures and captions, games and masks."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
import open_clip
import torch
from open_clip.factory import get_model_config

import fixlip
from fixlip.datasets.scenes import make_scene
from fixlip.games.similarity import SimilarityGame, games

SIX_WORDS = 6  # seed of a scene whose caption has so many
CROSS: dict[str, Any] = {"options": {"interactions": "cross"}, "progress": False}


@lru_cache(maxsize=1)
def load(name: str, device: str = "cpu", dtype: str | None = None) -> Any:
    """A bundled model; or a real architecture with random weights, which cost the same as trained ones.

    The tokenizer is that of CLIP, also where the architecture has another, which would have to be downloaded.
    """
    if name in fixlip.list_models()["bundled"]:
        return fixlip.load_model(name, device=device, dtype=dtype)
    torch.manual_seed(0)
    with torch.device(device):  # where weights are drawn sooner
        model = open_clip.create_model(name, pretrained=None, device=device)
    tokenizer = open_clip.SimpleTokenizer(context_length=get_model_config(name)["text_cfg"]["context_length"])
    config = open_clip.get_model_preprocess_cfg(model)
    return fixlip.load_model(model, preprocess=config, tokenizer=tokenizer, device=device, dtype=dtype)


def picture_and_caption(seed: int = SIX_WORDS) -> tuple[Any, str]:
    """A scene that no model was trained on."""
    scene = make_scene(seed)
    return scene.image, scene.caption


def game_of(encoder: Any, image: Any = None, caption: str = "") -> SimilarityGame:
    """The game of a picture and a caption, by default of the scene with six words."""
    if image is None:
        image, caption = picture_and_caption()
    return next(games(encoder, [image], [caption], [(0, 0)]))


def short_games(model: str, number: int, seed: int) -> Iterator[SimilarityGame]:
    """Games of unseen scenes from this seed on, whose captions are short enough to have all their masks enumerated."""
    scenes = map(picture_and_caption, range(seed, seed + 1000))
    for image, caption in islice((s for s in scenes if len(s[1].split()) <= 8), number):
        yield game_of(load(model), image, caption)


def random_masks(n: int, m: int, device: str = "cpu") -> torch.Tensor:
    """[m, n], each player present with probability 1/2."""
    return torch.from_numpy(np.random.default_rng(0).random((m, n)) < 0.5).to(device)
