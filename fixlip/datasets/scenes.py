"""Scenes: pictures composed of emoji sprites, with captions whose grounding is known exactly.

A scene holds one to four different objects at random places and sizes on a random background, and a caption that names
each of them once. Boxes, words and their places in the caption are known, so that explanations can be scored against
the truth without any photo data set. Scenes with attributes (`fixlip.datasets.attributes`) show one or two coloured
things, and have wrong captions too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np
from PIL import Image

from fixlip.datasets.attributes import TINTED, TWINS, Attribute, Twin, describe
from fixlip.datasets.attributes import compose as compose_described
from fixlip.datasets.backgrounds import background
from fixlip.datasets.sprites import CELL, Vocabulary, kinds, sprite

Pairs = Literal["any", "train", "held-out"]

TEMPLATES: dict[int, tuple[str, ...]] = {
    1: ("a photo of {0}", "{0}", "there is {0} in the picture", "a picture of {0}", "look at {0}"),
    2: (
        "{0} and {1}",
        "{0} next to {1}",
        "a photo of {0} and {1}",
        "there is {0} with {1}",
        "{0} together with {1}",
    ),
    3: ("{0}, {1} and {2}", "a photo of {0}, {1} and {2}", "{0} with {1} and {2}", "there is {0}, {1} and also {2}"),
    4: ("{0}, {1}, {2} and {3}", "a picture of {0}, {1}, {2} and {3}", "{0} and {1} with {2} and {3}"),
}
SIDES = {1: (0.40, 0.80), 2: (0.36, 0.64), 3: (0.32, 0.54), 4: (0.30, 0.48)}  # longer side / picture side
TRAINING_SEEDS = 10**9  # seeds from here on are those of the training of the bundled models


@dataclass(frozen=True)
class SceneObject:
    """One object.

    Attributes:
        name: its kind, which is its word in the caption.
        box: left, top, right, bottom in pixels.
        span: start and end character of its word.
        attributes: what other words of the caption say of it, in their order.
    """

    name: str
    box: tuple[int, int, int, int]
    span: tuple[int, int]
    attributes: tuple[Attribute, ...] = field(default=(), repr=False)


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and what is known of it.

    Attributes:
        image: RGB, square.
        caption: names each object once.
        objects: in the order in which the caption names them.
        seed: what the scene was made from.
        relation: the words that say where the first object is, seen from the second; None where the caption has none.
        twins: wrong captions of scenes with attributes, by what is exchanged; see `attributes.Description.twins`.
    """

    image: Image.Image
    caption: str
    objects: tuple[SceneObject, ...]
    seed: int
    relation: Attribute | None = None
    twins: dict[Twin, str] = field(default_factory=dict)


def is_held_out(first: str, second: str) -> bool:
    """Return whether the two kinds never meet in a training scene (one pair in ten)."""
    everything = kinds("mixed")
    return (everything.index(first) + everything.index(second)) % 10 == 0


def held_out_pairs() -> list[tuple[str, str]]:
    """All pairs of kinds that never meet in a training scene."""
    return [pair for pair in combinations(kinds(), 2) if is_held_out(*pair)]


def prompt(name: str) -> str:
    """The zero-shot caption of one kind: ``a photo of a dog``."""
    return TEMPLATES[1][0].format(_with_article(name))


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def choose_names(
    rng: np.random.Generator, n: int, pairs: Pairs, vocabulary: Vocabulary = "bundled", attributes: bool = False
) -> tuple[str, ...]:
    """Draw `n` different kinds; see `make_scene` for `pairs`, `vocabulary` and `attributes`."""
    valid = TINTED if attributes else kinds(vocabulary)
    while True:
        names = _draw_mixed(rng, n) if vocabulary == "mixed" else _draw(rng, n, valid)
        held_out = any(is_held_out(a, b) for a, b in combinations(names, 2))
        if pairs == "any" or held_out == (pairs == "held-out"):
            return names


def _draw(rng: np.random.Generator, n: int, valid: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(valid[i] for i in rng.permutation(len(valid))[:n])


def _draw_mixed(rng: np.random.Generator, n: int) -> tuple[str, ...]:
    new = int(rng.integers(1, n))
    names = _draw(rng, new, kinds("new")) + _draw(rng, n - new, kinds())
    return tuple(names[i] for i in rng.permutation(n))


def caption_of(names: tuple[str, ...], rng: np.random.Generator) -> tuple[str, list[tuple[int, int]]]:
    """A caption that names each object once, and the character span of each name."""
    templates = TEMPLATES[len(names)]
    caption = templates[rng.integers(len(templates))].format(*map(_with_article, names))
    spans, end = [], 0
    for name in names:
        start = caption.index(_with_article(name), end) + len(_with_article(name)) - len(name)
        end = start + len(name)
        spans.append((start, end))
    return caption, spans


def _place(shapes: list[tuple[float, float]], rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """Boxes in fractions of the picture that overlap by less than an eighth of the smaller one."""
    shrink = 1.0
    while True:
        boxes: list[tuple[float, float, float, float]] = []
        for w, h in shapes:
            w, h = w * shrink, h * shrink
            x, y = rng.uniform(0, 1 - w), rng.uniform(0, 1 - h)
            boxes.append((x, y, x + w, y + h))
        if all(_overlap(a, b) < 0.125 for a, b in combinations(boxes, 2)):
            return boxes
        shrink = max(0.6, shrink * 0.99)


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return width * height / min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))


def compose(
    names: tuple[str, ...], size: int, rng: np.random.Generator
) -> tuple[Image.Image, list[tuple[int, int, int, int]]]:
    """Draw the named objects on a random background.

    Args:
        names: one to four kinds of objects.
        size: of the picture, in pixels a side.
        rng: draws the background, the places and the sizes.

    Returns:
        The picture, and one box (left, top, right, bottom) in pixels for each object.
    """
    image = background(size, rng)
    side = rng.uniform(*SIDES[len(names)], len(names))
    shapes = [(s * sprite(n).width / CELL, s * sprite(n).height / CELL) for s, n in zip(side, names, strict=True)]
    boxes = []
    for name, (left, top, right, bottom) in zip(names, _place(shapes, rng), strict=True):
        glyph = sprite(name)
        if rng.uniform() < 0.5:
            glyph = glyph.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        x, y = round(left * size), round(top * size)
        w, h = max(1, round((right - left) * size)), max(1, round((bottom - top) * size))
        glyph = glyph.resize((w, h), Image.Resampling.BICUBIC)
        image.paste(glyph, (x, y), glyph)
        boxes.append((x, y, min(x + w, size), min(y + h, size)))
    return image, boxes


def make_scene(
    seed: int,
    *,
    n_objects: int | None = None,
    names: tuple[str, ...] | None = None,
    size: int = 224,
    pairs: Pairs = "any",
    vocabulary: Vocabulary = "bundled",
    attributes: bool = False,
    twin: Twin | None = None,
) -> Scene:
    """Make one scene; the same arguments give the same scene.

    Args:
        seed: non-negative. The bundled models were trained on seeds from `TRAINING_SEEDS` on; smaller ones are unseen.
        n_objects: one to four, with attributes one or two; drawn at random when None.
        names: the kinds to show, instead of random ones; see `kinds("mixed")`, with attributes `attributes.TINTED`.
        size: side of the picture in pixels.
        pairs: "train" never shows two kinds whose pair is held out from training, "held-out" always shows such a pair
            (and so at least two objects), "any" does not care.
        vocabulary: where random kinds come from, see `kinds`; "mixed" scenes have at least one kind of each (and so at
            least two objects). With attributes "bundled" only.
        attributes: whether things are tinted, and captions say colours, sizes and relations; such scenes have `twins`.
        twin: a wrong caption that the scene must have; all but "object" take two objects. With attributes only.

    Returns:
        A `Scene` with boxes in pixels and word spans in characters.

    Raises:
        ValueError: an unknown kind, a number of objects outside its range, or options that exclude each other.

    Example:
        >>> scene = make_scene(7, names=("dog", "car"))
        >>> [scene.caption[slice(*o.span)] for o in scene.objects]
        ['dog', 'car']
        >>> make_scene(7, names=("dog", "car"), attributes=True).twins["colour"]
        'a green dog below a pink car'
    """
    rng = np.random.default_rng(seed)
    if attributes and vocabulary != "bundled":
        raise ValueError(f"vocabulary must be 'bundled' with attributes, got {vocabulary!r}")
    if twin is not None and not (attributes and twin in TWINS):
        raise ValueError(f"twin must be one of {', '.join(TWINS)}, with attributes, or None; got {twin!r}")
    fewest, most = counts(pairs, vocabulary, attributes, twin)
    valid = TINTED if attributes else kinds("mixed")
    if names is None:
        n = int(rng.integers(fewest, most + 1)) if n_objects is None else n_objects
        if not fewest <= n <= most:
            raise ValueError(f"n_objects must be {fewest} to {most}, got {n}")
        names = choose_names(rng, n, pairs, vocabulary, attributes)
    fewest = fewest if twin else 1
    if not (fewest <= len(names) <= most and set(names) <= set(valid) and len(set(names)) == len(names)):
        raise ValueError(f"names must be {fewest} to {most} different kinds of {', '.join(valid)}; got {names}")
    if not attributes:
        caption, spans = caption_of(names, rng)
        image, boxes = compose(names, size, rng)
        objects = tuple(SceneObject(n, b, s) for n, b, s in zip(names, boxes, spans, strict=True))
        return Scene(image, caption, objects, seed)
    description = describe(names, rng, twin)
    image, boxes = compose_described(description, size, rng)
    spans, said, relation = description.places()
    objects = tuple(SceneObject(*what) for what in zip(names, boxes, spans, said, strict=True))
    return Scene(image, description.caption, objects, seed, relation, description.twins())


def counts(
    pairs: Pairs, vocabulary: Vocabulary = "bundled", attributes: bool = False, twin: Twin | None = None
) -> tuple[int, int]:
    """The fewest and the most objects of scenes.

    Args:
        pairs, vocabulary, attributes, twin: as in `make_scene`.
    """
    two = pairs == "held-out" or vocabulary == "mixed" or twin not in (None, "object")
    return 2 if two else 1, 2 if attributes else 4


def scenes(
    n: int,
    *,
    seed: int = 0,
    n_objects: int | None = None,
    size: int = 224,
    pairs: Pairs = "any",
    vocabulary: Vocabulary = "bundled",
    attributes: bool = False,
    twin: Twin | None = None,
) -> Iterator[Scene]:
    """Scenes with the seeds `seed`, `seed + 1`, and so on.

    Args:
        n: how many.
        seed: of the first.
        n_objects, size, pairs, vocabulary, attributes, twin: as in `make_scene`.

    Yields:
        The scenes, one after the other.
    """
    for i in range(n):
        yield make_scene(
            seed + i,
            n_objects=n_objects,
            size=size,
            pairs=pairs,
            vocabulary=vocabulary,
            attributes=attributes,
            twin=twin,
        )
