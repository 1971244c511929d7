"""Backgrounds of scenes: six kinds, drawn from a random generator."""

from collections.abc import Callable

import numpy as np
from PIL import Image


def _colour(rng: np.random.Generator) -> np.ndarray:
    """A muted colour, so that the objects stand out to the eye."""
    colour = rng.uniform(20, 245, 3)
    return 0.6 * colour + 0.4 * colour.mean()


def _blend(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colour a map `t` [size, size] in 0..1 by two random colours."""
    first, second = _colour(rng), _colour(rng)
    return first + t[..., None] * (second - first)


def _axes(size: int) -> tuple[np.ndarray, np.ndarray]:
    line = (np.arange(size) + 0.5) / size
    return line[None, :], line[:, None]


def _plain(size: int, rng: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(_colour(rng), (size, size, 3))


def _gradient(size: int, rng: np.random.Generator) -> np.ndarray:
    x, y = _axes(size)
    angle = rng.uniform(0, 2 * np.pi)
    t = 0.5 + (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    return _blend(t.clip(0, 1), rng)


def _stripes(size: int, rng: np.random.Generator) -> np.ndarray:
    x, y = _axes(size)
    angle, waves = rng.uniform(0, np.pi), rng.uniform(2, 9)
    t = 0.5 + 0.5 * np.sin(2 * np.pi * waves * (x * np.cos(angle) + y * np.sin(angle)))
    return _blend(t, rng)


def _checker(size: int, rng: np.random.Generator) -> np.ndarray:
    x, y = _axes(size)
    cells, dx, dy = rng.uniform(2, 9), rng.uniform(), rng.uniform()
    t = (np.floor(x * cells + dx) + np.floor(y * cells + dy)) % 2
    return _blend(t, rng)


def _clouds(size: int, rng: np.random.Generator) -> np.ndarray:
    cells = int(rng.integers(3, 12))
    coarse = Image.fromarray(rng.uniform(0, 1, (cells, cells)).astype(np.float32))
    return _blend(np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC)).clip(0, 1), rng)


def _ground(size: int, rng: np.random.Generator) -> np.ndarray:
    """A sky and a ground, each a gentle gradient."""
    _, y = _axes(size)
    horizon = rng.uniform(0.3, 0.8)
    t = np.broadcast_to(y, (size, size))
    return np.where((t < horizon)[..., None], _blend(t, rng), _blend(t, rng))


KINDS: tuple[Callable[[int, np.random.Generator], np.ndarray], ...] = (
    _plain,
    _gradient,
    _stripes,
    _checker,
    _clouds,
    _ground,
)


def background(size: int, rng: np.random.Generator) -> Image.Image:
    """A random background of `size` x `size` pixels, RGB."""
    kind = KINDS[rng.integers(len(KINDS))]
    return Image.fromarray(kind(size, rng).clip(0, 255).astype(np.uint8))
