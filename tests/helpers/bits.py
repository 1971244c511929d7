"""Explanations bit by bit: what must be the same, and how far apart two are where it cannot be."""

import hashlib
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache

import numpy as np
import torch

import fixlip
from fixlip.errors import InputError, UnsupportedModelError
from fixlip.games.similarity import games
from tests.conformance.test_conformance import ALL, ask
from tests.helpers.models import FAMILIES, encoder_of, picture

CAPTION = "a dog and a bus"
BUNDLED = ("demo-clip", "demo-siglip")
MODELS = (*BUNDLED, *FAMILIES)
OF_TOKENS = [m for m in MODELS if m not in ("open_clip CLIP, ResNet", "open_clip CoCa", "callables")]
TOLERANCE = 1e-4  # of the largest effect, between batch sizes or numbers of threads


def bits(found):
    """A hash of every number in an explanation, and of all that its provenance says but the seconds."""
    total = hashlib.sha256(repr(replace(found.provenance, seconds=0.0)).encode())
    for array in arrays(found):
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:16]


def arrays(found):
    """All numbers of an explanation."""
    parts, kept = [found.baseline, found.first_order, found.second_order, found.empty_value, found.full_value], []
    parts += [found.stderr, found.curves, found.third_order, found.power]
    while parts:
        part = parts.pop(0)
        if is_dataclass(part):
            parts += [getattr(part, field.name) for field in fields(part)]
        elif part is not None:
            kept.append(np.asarray(part))
    return kept


def apart(one, other):
    """The largest difference of an effect, relative to the largest effect."""
    a, b = (np.concatenate([f.first_order, np.nan_to_num(f.second_order).ravel()]) for f in (one, other))
    return float(np.abs(a - b).max() / np.abs(a).max())


@contextmanager
def threads(n):
    """So many threads of torch."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def model_of(name):
    """A bundled model, loaded once, or the little one of a family."""
    return bundled(name) if name in BUNDLED else encoder_of(name)


@lru_cache
def bundled(name):
    return fixlip.load_model(name, device="cpu")


def game_of(model, removal=None, **options):
    """A picture and a caption; four regions where there are many patches, so that all estimators are quick."""
    encoder = model if not isinstance(model, str) else model_of(model)
    if encoder.image_input(picture()).n_patches > 16:
        options = {"image_players": "grid:2"} | options
    encoder = encoder.with_removal(**removal) if removal else encoder
    return next(games(encoder, [picture()], [CAPTION], [(0, 0)], **options))


def run(name, game, **call):
    """A cheap explanation, or None where the estimator cannot explain this model."""
    if ALL[name].sampled:
        call = ask(name, 64, game.n_image, game.n_text) | call
    try:
        return fixlip.get_estimator(name).explain(game, **{"progress": False} | call)
    except (UnsupportedModelError, InputError):
        assert ALL[name].gradients
        return None
