"""Bundled data sets: scenes, mosaics of scenes, wrong captions of scenes. Pictures are drawn on demand."""

from typing import get_args

import numpy as np

from fixlip.datasets import grid
from fixlip.datasets.base import Caption, GroundedObject, Item
from fixlip.datasets.foils import differing
from fixlip.datasets.options import at_least, caption_form
from fixlip.datasets.scenes import Pairs, Vocabulary, choose_names, kinds, make_scene
from fixlip.errors import OptionError, unknown

FOIL = 7  # sets the choice of the wrong word apart from that of the scene


class Scenes:
    """Scenes with one caption each; see `scenes.make_scene`.

    Args:
        n: how many; the seeds are `seed`, `seed + 1`, ... The bundled models have not seen those below 10^9.
        n_objects: one to four; drawn at random when None.
        size: side of the picture in pixels.
        pairs: "any", "train" (no two kinds whose pair is held out from training) or "held-out" (always such a pair).
        vocabulary: "bundled" kinds of objects, "new" ones that the bundled models have never seen, or "mixed": at least
            one of each.

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
    ) -> None:
        at_least(1, n=n)
        at_least(0, seed=seed)
        at_least(16, size=size)
        if pairs not in get_args(Pairs):
            raise OptionError(unknown("value of pairs", str(pairs), get_args(Pairs)))
        if vocabulary not in get_args(Vocabulary):
            raise OptionError(unknown("value of vocabulary", str(vocabulary), get_args(Vocabulary)))
        fewest = 2 if pairs == "held-out" or vocabulary == "mixed" else 1
        if n_objects is not None and (type(n_objects) is not int or not fewest <= n_objects <= 4):
            raise OptionError(
                f"n_objects must be {fewest} to 4 with pairs={pairs!r}, vocabulary={vocabulary!r}; got {n_objects!r}."
            )
        self.name = "scenes"
        self._seeds = range(seed, seed + n)
        self._n_objects, self._size, self._pairs, self._vocabulary = n_objects, size, pairs, vocabulary

    def __len__(self) -> int:
        return len(self._seeds)

    def __getitem__(self, index: int) -> Item:
        seed = self._seeds[index]
        scene = make_scene(
            seed, n_objects=self._n_objects, size=self._size, pairs=self._pairs, vocabulary=self._vocabulary
        )
        objects = tuple(GroundedObject(o.name, (o.box,), o.span) for o in scene.objects)
        return Item(f"scene-{seed:06d}", scene.image, (Caption(scene.caption, objects),))


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
    """Scenes with a caption that names one thing which is not in the picture, in the place of one that is.

    Args:
        n, seed, size: as in `Scenes`.
        n_objects: one to four; drawn at random when None.

    Raises:
        OptionError: a value outside its range.
    """

    def __init__(self, n: int = 100, *, seed: int = 0, n_objects: int | None = None, size: int = 224) -> None:
        self.name = "scene-foils"
        self._seed, self._scenes = seed, Scenes(n, seed=seed, n_objects=n_objects, size=size)

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int) -> Item:
        item = self._scenes[index]
        (caption,) = item.captions
        rng = np.random.default_rng([FOIL, self._seed + range(len(self))[index]])
        named = [thing.name for thing in caption.objects]
        target = caption.objects[rng.integers(len(named))]
        others = [kind for kind in kinds() if kind not in named and _article(kind) == _article(target.name)]
        start, end = target.span
        true, wrong = differing(caption.text, caption.text[:start] + str(rng.choice(others)) + caption.text[end:])
        return Item(item.id, item.picture, (true,), wrong)


def _article(name: str) -> bool:
    return name[0] in "aeiou"
