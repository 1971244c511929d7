"""Bundled data sets: scenes, mosaics of scenes, wrong captions of scenes. Pictures are drawn on demand."""

from collections.abc import Iterator
from typing import Any, get_args

import numpy as np

from fixlip.datasets import grid
from fixlip.datasets.attributes import TWINS, Twin
from fixlip.datasets.base import Caption, GroundedObject, Item
from fixlip.datasets.foils import differing
from fixlip.datasets.options import at_least, caption_form, flags
from fixlip.datasets.scenes import Pairs, Scene, Vocabulary, choose_names, counts, kinds, make_scene
from fixlip.errors import OptionError, unknown

FOIL = 7  # sets the choice of the wrong word apart from that of the scene


class Scenes:
    """Scenes with one caption each; see `scenes.make_scene`.

    Args:
        n: how many; the seeds are `seed`, `seed + 1`, ... The bundled models have not seen those below 10^9.
        n_objects: one to four, with attributes one or two; drawn at random when None.
        size: side of the picture in pixels.
        pairs: "any", "train" (no two kinds whose pair is held out from training) or "held-out" (always such a pair).
        vocabulary: "bundled" kinds of objects, "new" ones that the bundled models have never seen, or "mixed": at least
            one of each.
        attributes: whether things are tinted, and captions say colours, sizes and relations. Words of colour and size
            have the box of their thing.

    Raises:
        OptionError: a value outside its range.
    """

    def __init__(
        self,
        n: int = 200,
        *,
        seed: int = 0,
        n_objects: int | None = None,
        size: int = 224,
        pairs: Pairs = "any",
        vocabulary: Vocabulary = "bundled",
        attributes: bool = False,
    ) -> None:
        at_least(1, n=n)
        at_least(0, seed=seed)
        at_least(16, size=size)
        if pairs not in get_args(Pairs):
            raise OptionError(unknown("value of pairs", str(pairs), get_args(Pairs)))
        if vocabulary not in get_args(Vocabulary):
            raise OptionError(unknown("value of vocabulary", str(vocabulary), get_args(Vocabulary)))
        flags(attributes=attributes)
        if attributes and vocabulary != "bundled":
            raise OptionError(f"vocabulary must be 'bundled' with attributes=True; got {vocabulary!r}.")
        fewest, most = counts(pairs, vocabulary, attributes)
        if n_objects is not None and (type(n_objects) is not int or not fewest <= n_objects <= most):
            raise OptionError(
                f"n_objects must be {fewest} to {most} with pairs={pairs!r}, vocabulary={vocabulary!r}, "
                f"attributes={attributes}; got {n_objects!r}."
            )
        self.name = "scenes"
        self._seeds = range(seed, seed + n)
        self._options: dict[str, Any] = {"n_objects": n_objects, "size": size, "pairs": pairs}
        self._options |= {"vocabulary": vocabulary, "attributes": attributes}

    def __len__(self) -> int:
        return len(self._seeds)

    def __getitem__(self, index: int) -> Item:
        scene = make_scene(self._seeds[index], **self._options)
        return Item(_id(scene), scene.image, (Caption(scene.caption, tuple(_grounded(scene))),))


def _id(scene: Scene) -> str:
    return f"scene-{scene.seed:06d}"


def _grounded(scene: Scene) -> Iterator[GroundedObject]:
    for thing in scene.objects:
        for said in thing.attributes:
            yield GroundedObject(said.word, (thing.box,), said.span)
        yield GroundedObject(thing.name, (thing.box,), thing.span)


class SceneMosaics:
    """2 x 2 mosaics of scenes with one object each, of four different kinds: the pointing game without photos.

    Items 4m to 4m + 3 show mosaic m; their captions name the first 1, 2, 3 and 4 of its kinds. The kinds are in random
    quadrants. The box of an object is its quadrant.

    Args:
        n: how many mosaics; there are four items for each.
        seed: fixes all of them.
        size: side of the mosaic in pixels, even; a quadrant has half of it.
        template: the caption, with ``{}`` in the place of the names.
        separator: what is between two names.

    Raises:
        OptionError: a value outside its range.
    """

    def __init__(
        self, n: int = 50, *, seed: int = 0, size: int = 224, template: str = "{}", separator: str = " "
    ) -> None:
        at_least(1, n=n)
        at_least(0, seed=seed)
        at_least(32, size=size)
        caption_form(size, template, separator)
        self.name = "scene-mosaics"
        self._n, self._seed, self._size, self._template, self._separator = n, seed, size, template, separator

    def __len__(self) -> int:
        return 4 * self._n

    def __getitem__(self, index: int) -> Item:
        mosaic, before = divmod(range(len(self))[index], 4)
        rng = np.random.default_rng([self._seed, mosaic])
        names, places = choose_names(rng, 4, "any"), [int(place) for place in rng.permutation(4)]
        seeds = rng.integers(0, 10**9, 4)
        scenes = [make_scene(int(s), names=(n,), size=self._size // 2) for s, n in zip(seeds, names, strict=True)]
        picture = grid.compose([scene.image for scene in scenes], places, self._size)
        boxes = [grid.quadrant(place, self._size) for place in places]
        k = before + 1
        caption = grid.caption(names[:k], boxes[:k], self._template, self._separator)
        return Item(f"mosaic-{self._seed}-{mosaic:04d}-k{k}", picture, (caption,))


class SceneFoils:
    """Scenes with a caption that is wrong: it names a thing which is not in the picture, or exchanges words.

    Args:
        n, seed, size: as in `Scenes`.
        n_objects: one to four; drawn at random when None.
        twin: None for plain scenes, in whose captions one thing stands for another; else scenes of two things with
            attributes (`attributes.Description.twins`), and what their wrong captions do: "colour" and "size" exchange
            those of the two things, "relation" turns left and right or above and below, "object" says one thing for
            another.

    Raises:
        OptionError: a value outside its range.
    """

    def __init__(
        self,
        n: int = 100,
        *,
        seed: int = 0,
        n_objects: int | None = None,
        size: int = 224,
        twin: Twin | None = None,
    ) -> None:
        if twin is not None and twin not in TWINS:
            raise OptionError(unknown("value of twin", str(twin), TWINS))
        if twin is not None and n_objects not in (None, 2):
            raise OptionError(f"n_objects must be 2 with a twin, got {n_objects!r}.")
        self.name = "scene-foils"
        self._seed, self._size, self._twin = seed, size, twin
        self._scenes = Scenes(n, seed=seed, n_objects=n_objects, size=size)

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int) -> Item:
        number = range(len(self))[index]
        if self._twin is not None:
            scene = make_scene(self._seed + number, n_objects=2, size=self._size, attributes=True, twin=self._twin)
            true, wrong = differing(scene.caption, scene.twins[self._twin])
            return Item(_id(scene), scene.image, (true,), wrong)
        item = self._scenes[number]
        (caption,) = item.captions
        rng = np.random.default_rng([FOIL, self._seed + number])
        named = [thing.name for thing in caption.objects]
        target = caption.objects[rng.integers(len(named))]
        others = [kind for kind in kinds() if kind not in named and _article(kind) == _article(target.name)]
        start, end = target.span
        true, wrong = differing(caption.text, caption.text[:start] + str(rng.choice(others)) + caption.text[end:])
        return Item(item.id, item.picture, (true,), wrong)


def _article(name: str) -> bool:
    return name[0] in "aeiou"
