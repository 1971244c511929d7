"""Scenes of coloured things: captions that say colour, size and place, and wrong twins of these captions.

A scene shows one or two things. Its caption says the colour of each, sometimes the sizes, and of two things sometimes
which one is where. A wrong twin says the same in the same words, except for one exchange that makes it false.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, get_args

import numpy as np
from PIL import Image

from fixlip.datasets.backgrounds import background
from fixlip.datasets.sprites import CELL, sprite

Twin = Literal["colour", "relation", "size", "object"]
Kind = Literal["colour", "relation", "size"]
TWINS: tuple[Twin, ...] = get_args(Twin)

COLOURS = {  # the middle of each ramp, RGB
    "red": (215, 30, 35),
    "yellow": (245, 205, 20),
    "green": (40, 160, 60),
    "blue": (35, 95, 220),
    "purple": (125, 50, 175),
    "pink": (250, 120, 180),
}
TINTED = (  # kinds that one knows by their shape alone
    *("dog", "cat", "butterfly", "fish", "crab", "turtle", "car", "bicycle"),
    *("rocket", "ball", "guitar", "hat", "key", "bell", "house", "star"),
)
SIZES = ("small", "big")
TURNED = {
    "to the left of": "to the right of",
    "to the right of": "to the left of",
    "above": "below",
    "below": "above",
}
TEMPLATES = {
    1: ("{0}", "a photo of {0}", "a picture of {0}"),
    2: ("{0} and {1}", "{0} next to {1}", "a photo of {0} and {1}", "there is {0} with {1}"),
}
RELATED = ("{0} {relation} {1}", "there is {0} {relation} {1}")
SIDES = {  # number of things, what is said of the size: longer side / picture side
    (1, ""): (0.40, 0.80),
    (1, "small"): (0.28, 0.36),
    (1, "big"): (0.66, 0.86),
    (2, ""): (0.38, 0.48),
    (2, "small"): (0.26, 0.34),
    (2, "big"): (0.48, 0.60),
}
SAID = {"relation": 1 / 2, "size": 1 / 3}  # share of the captions that say it
GAP = 0.04  # at least, between two things, of the picture's side
Span = tuple[int, int]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Attribute:
    """A word that says something of a thing: "colour" or "size"; of two things: "relation".

    Attributes:
        kind: what it says.
        word: the word, or the words "to the left of".
        span: its start and end in the caption, characters.
    """

    kind: Kind
    word: str
    span: Span


@dataclass(frozen=True)
class Thing:
    """One thing as its picture shows it and its caption calls it; `size` is "" where it is not said."""

    name: str
    colour: str
    size: str = ""

    @property
    def words(self) -> str:
        """Name in captions: ``a small red car``."""
        return " ".join(filter(None, ("a", self.size, self.colour, self.name)))


@dataclass(frozen=True)
class Description:
    """Things to draw, and what is said of them.

    Attributes:
        things: one or two, in the order of the caption; no two have the same colour.
        template: the caption, with places for things and relation.
        relation: where the first thing is, seen from the second; "" for one thing.
        stranger: number of a thing and another kind: the exchange of the twin "object".
    """

    things: tuple[Thing, ...]
    template: str
    relation: str
    stranger: tuple[int, str]

    @property
    def caption(self) -> str:
        """The true caption."""
        return self.template.format(*(thing.words for thing in self.things), relation=self.relation)

    @property
    def says_relation(self) -> bool:
        """Return whether the caption says which thing is where."""
        return "{relation}" in self.template

    def twins(self) -> dict[Twin, str]:
        """The wrong captions: colours or sizes of the two exchanged, the relation turned, one thing for another."""
        found: dict[Twin, str] = {}
        if len(self.things) == 2:
            one, two = self.things
            found["colour"] = self.exchanged(colours=True).caption
            if self.says_relation:
                found["relation"] = self.exchanged(relation=True).caption
            if one.size != two.size:
                found["size"] = self.exchanged(sizes=True).caption
        index, name = self.stranger
        things = tuple(replace(t, name=name) if i == index else t for i, t in enumerate(self.things))
        found["object"] = replace(self, things=things).caption
        return found

    def exchanged(self, colours: bool = False, sizes: bool = False, relation: bool = False) -> "Description":
        """Exchange the colours and the sizes of the things, and turn the relation: the same words, of other things."""
        by_colour, by_size = (self.things[::-1] if swap else self.things for swap in (colours, sizes))
        things = (
            replace(thing, colour=one.colour, size=other.size)
            for thing, one, other in zip(self.things, by_colour, by_size, strict=True)
        )
        turned = TURNED.get(self.relation, "") if relation else self.relation
        return replace(self, things=tuple(things), relation=turned)

    def places(self) -> tuple[list[Span], list[tuple[Attribute, ...]], Attribute | None]:
        """Spans of what the caption says: each thing's name, its attributes, and the relation."""
        names, attributes, end = [], [], 0
        relation: Attribute | None = None
        for number, thing in enumerate(self.things):
            start = self.caption.index(thing.words, end)
            if number and self.says_relation:
                relation = Attribute("relation", self.relation, (end + 1, start - 1))
            end = start + len(thing.words)
            names.append((end - len(thing.name), end))
            at = start + 2
            said = []
            words: tuple[tuple[Kind, str], ...] = (("size", thing.size), ("colour", thing.colour))
            for kind, word in words:
                if word:
                    said.append(Attribute(kind, word, (at, at + len(word))))
                    at += len(word) + 1
            attributes.append(tuple(said))
        return names, attributes, relation


def describe(names: tuple[str, ...], rng: np.random.Generator, twin: Twin | None = None) -> Description:
    """Draw what is said of one or two kinds of `TINTED`, so that there is a twin of the kind `twin`."""
    colours = [str(c) for c in rng.permutation(list(COLOURS))[: len(names)]]
    sizes = [str(s) for s in rng.permutation(SIZES)]
    relation = str(rng.choice(list(TURNED)))
    says = {kind: rng.uniform() < share or twin == kind for kind, share in SAID.items()}
    others = [kind for kind in TINTED if kind not in names]
    stranger = int(rng.integers(len(names))), str(rng.choice(others))
    templates = RELATED if says["relation"] and len(names) == 2 else TEMPLATES[len(names)]
    template = templates[rng.integers(len(templates))]
    things = (Thing(n, c, s if says["size"] else "") for n, c, s in zip(names, colours, sizes, strict=False))
    return Description(tuple(things), template, relation if len(names) == 2 else "", stranger)


def compose(description: Description, size: int, rng: np.random.Generator) -> tuple[Image.Image, list[Box]]:
    """Draw a description on a random background.

    Args:
        description: what to draw.
        size: of the picture, in pixels a side.
        rng: draws the background, the exact sizes and places.

    Returns:
        The picture, and one box (left, top, right, bottom) in pixels for each thing.
    """
    image = background(size, rng)
    things = description.things
    glyphs = [tinted(thing.name, thing.colour) for thing in things]
    sides = [rng.uniform(*SIDES[len(things), thing.size]) / CELL for thing in things]
    shapes = [(g.width * side, g.height * side) for g, side in zip(glyphs, sides, strict=True)]
    boxes = []
    for glyph, (left, top), (w, h) in zip(glyphs, _place(shapes, description.relation, rng), shapes, strict=True):
        if rng.uniform() < 0.5:
            glyph = glyph.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        x, y, w, h = round(left * size), round(top * size), max(1, round(w * size)), max(1, round(h * size))
        glyph = glyph.resize((w, h), Image.Resampling.BICUBIC)
        image.paste(glyph, (x, y), glyph)
        boxes.append((x, y, min(x + w, size), min(y + h, size)))
    return image, boxes


def _place(shapes: list[tuple[float, float]], relation: str, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Left and top of one or two shapes: a gap in the direction of the relation, and none in the other direction."""
    if len(shapes) == 1:
        return [(rng.uniform(0, 1 - shapes[0][0]), rng.uniform(0, 1 - shapes[0][1]))]
    along = 0 if relation.startswith("to the") else 1
    order = (0, 1) if relation in ("to the left of", "above") else (1, 0)
    first, second = (shapes[i] for i in order)
    room = 1 - first[along] - second[along]
    gap = rng.uniform(min(GAP, room), room)
    start = rng.uniform(0, room - gap)
    p, q = first[1 - along], second[1 - along]
    side = rng.uniform(0, 1 - p)
    centre = side + p / 2 + rng.uniform(-0.25, 0.25) * (p + q)
    places = [(start, side), (start + first[along] + gap, float(np.clip(centre - q / 2, 0, 1 - q)))]
    ordered = [places[order.index(i)] for i in (0, 1)]
    return [(a, b) if along == 0 else (b, a) for a, b in ordered]


@cache
def tinted(name: str, colour: str) -> Image.Image:
    """The sprite of a kind in one of `COLOURS`: its luminance on a ramp from a dark shade to a light tint."""
    pixels = np.asarray(sprite(name)).astype(float)
    luminance, alpha = pixels[..., :3] @ [0.299, 0.587, 0.114], pixels[..., 3:]
    low, middle, high = np.quantile(luminance[alpha[..., 0] > 127], [0.02, 0.5, 0.98])
    ends = [min(low, middle - 15), middle, max(high, middle + 15)]
    full = np.array(COLOURS[colour], float)
    ramp = np.stack([0.35 * full, full, 140 + 0.45 * full])
    rgb = np.stack([np.interp(luminance, ends, ramp[:, channel]) for channel in range(3)], -1)
    return Image.fromarray(np.concatenate([rgb, alpha], -1).round().astype(np.uint8), "RGBA")
