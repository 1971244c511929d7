"""Scenes with attributes: the colours are what they are called, places and words are right, wrong captions wrong."""

import colorsys
import hashlib
import re
from collections import Counter

import numpy as np
import pytest
from PIL import ImageColor

from fixlip.datasets import load_dataset
from fixlip.datasets.attributes import COLOURS, GAP, TINTED, TURNED, TWINS, tinted
from fixlip.datasets.scenes import is_held_out, make_scene, scenes, sprite

CALLED = {"pink": "hotpink"}  # what the web calls a colour whose name means a paler one there
THING = re.compile(rf"a (?:(small|big) )?({'|'.join(COLOURS)}) ({'|'.join(TINTED)})")
RELATION = re.compile("|".join(TURNED))


def hue(rgb):
    return colorsys.rgb_to_hsv(*(value / 255 for value in rgb))[0]


def nearest(rgb):
    """The name of the colour with the nearest hue, by the web's values."""
    names = {name: hue(ImageColor.getrgb(CALLED.get(name, name))) for name in COLOURS}
    return min(names, key=lambda name: min(d := abs(hue(rgb) - names[name]), 1 - d))


@pytest.mark.parametrize("colour", COLOURS)
def test_a_tinted_sprite_has_the_hue_of_its_colour_and_its_own_shape(colour):
    for name in TINTED:
        pixels, before = np.asarray(tinted(name, colour)).astype(float), np.asarray(sprite(name)).astype(float)
        shown = pixels[..., 3] > 127
        assert nearest(pixels[shown][:, :3].mean(0)) == colour
        assert np.mean([nearest(rgb) == colour for rgb in pixels[shown][::37, :3]]) > 0.95
        assert np.array_equal(pixels[..., 3], before[..., 3])
        light, was = pixels[shown][:, :3].sum(1), before[shown][:, :3] @ [0.299, 0.587, 0.114]
        assert light.std() > 30
        assert np.corrcoef(light.argsort().argsort(), was.argsort().argsort())[0, 1] > 0.6


def test_no_two_tinted_sprites_look_alike():
    pictures = {tinted(n, c).resize((8, 8)).tobytes() for n in TINTED for c in COLOURS}
    assert len(pictures) == len(TINTED) * len(COLOURS)


def is_true(caption, scene):
    """Whether a caption is true of a scene: read by a parser of its own, checked against objects and boxes."""
    shown = {thing.name: thing for thing in scene.objects}
    said = THING.findall(caption)
    for size, colour, name in said:
        words = {a.kind: a.word for a in shown[name].attributes} if name in shown else {}
        if words.get("colour") != colour or (size and words.get("size") != size):
            return False
    related = RELATION.search(caption)
    return related is None or holds(related[0], *(shown[name].box for _, _, name in said))


def holds(relation, one, two):
    if relation in ("to the right of", "below"):
        relation, one, two = TURNED[relation], two, one
    side = 0 if relation == "to the left of" else 1
    return one[side + 2] < two[side]


@pytest.mark.parametrize("twin", [None, *TWINS])
def test_captions_are_true_and_twins_wrong_in_what_they_say(twin):
    seen = Counter()
    for scene in scenes(150, seed=300, size=96, attributes=True, twin=twin):
        assert is_true(scene.caption, scene)
        assert twin is None or twin in scene.twins
        assert len({a.word for thing in scene.objects for a in thing.attributes if a.kind == "colour"}) == len(
            scene.objects
        )
        for kind, wrong in scene.twins.items():
            seen[kind] += 1
            assert not is_true(wrong, scene)
            (true_words, wrong_words), (before, after) = exchanged(scene.caption, wrong)
            if kind in ("colour", "size"):
                own = [a.word for thing in scene.objects for a in thing.attributes if a.kind == kind]
                assert (true_words, wrong_words) == (own, own[::-1])
            elif kind == "relation":
                assert scene.relation.word in before
                assert after == before.replace(scene.relation.word, TURNED[scene.relation.word])
            else:
                assert len(true_words) == len(wrong_words) == 1
                assert true_words[0] in {thing.name for thing in scene.objects}
                assert wrong_words[0] in set(TINTED) - {thing.name for thing in scene.objects}
    assert seen["object"] == 150
    assert min(seen[kind] for kind in TWINS) > 10


def exchanged(true, wrong):
    """The words that differ, and both captions."""
    pairs = [(a, b) for a, b in zip(true.split(), wrong.split(), strict=True) if a != b]
    return [list(words) for words in zip(*pairs, strict=True)], (true, wrong)


def test_words_are_where_they_are_said_to_be():
    kinds = Counter()
    for scene in scenes(150, size=64, attributes=True):
        covered = []
        for thing in scene.objects:
            assert scene.caption[slice(*thing.span)] == thing.name
            start = thing.attributes[0].span[0]
            phrase = [said.word for said in thing.attributes] + [thing.name]
            assert scene.caption[start : thing.span[1]] == " ".join(phrase)
            covered += [*(said.span for said in thing.attributes), thing.span]
        if scene.relation:
            covered.insert(-len(scene.objects[1].attributes) - 1, scene.relation.span)
            assert scene.caption[slice(*scene.relation.span)] == scene.relation.word
        for start, end in covered:
            kinds[scene.caption[start:end]] += 1
        assert covered == sorted(covered)
        assert (scene.relation is None) == (RELATION.search(scene.caption) is None)
    assert set(kinds) == {*COLOURS, *TINTED, *TURNED, "small", "big"}


def test_two_things_are_apart_in_one_direction_only_and_sizes_differ():
    for scene in scenes(200, size=200, attributes=True, n_objects=2):
        one, two = (thing.box for thing in scene.objects)
        assert all(0 <= box[side] < box[side + 2] <= 200 for box in (one, two) for side in (0, 1))
        gaps = [max(two[side] - one[side + 2], one[side] - two[side + 2]) for side in (0, 1)]
        assert max(gaps) >= GAP * 200 - 2
        assert min(gaps) < 0
        longest = {
            said.word: max(thing.box[2] - thing.box[0], thing.box[3] - thing.box[1]) / longest_side(thing.name)
            for thing in scene.objects
            for said in thing.attributes
            if said.kind == "size"
        }
        assert not longest or longest["big"] > 1.25 * longest["small"]


def longest_side(name):
    return max(sprite(name).size)


def test_what_is_drawn_has_its_colour():
    for scene in scenes(40, size=128, attributes=True):
        picture = np.asarray(scene.image)
        for thing in scene.objects:
            left, top, right, bottom = thing.box
            (colour,) = (said.word for said in thing.attributes if said.kind == "colour")
            near = np.abs(picture[top:bottom, left:right].astype(float) - COLOURS[colour]).max(-1) < 40
            assert near.mean() > 0.04


def test_the_seed_fixes_the_scene():
    one, two = (make_scene(5, attributes=True, size=64) for _ in range(2))
    assert (one.caption, one.objects, one.relation, one.twins) == (two.caption, two.objects, two.relation, two.twins)
    assert np.array_equal(one.image, two.image)
    assert not np.array_equal(one.image, make_scene(6, attributes=True, size=64).image)


def test_layouts_do_not_change_between_versions():
    """The bundled models were trained on them."""
    some = scenes(50, size=64, attributes=True)
    found = [(s.caption, s.twins, [(o.box, o.attributes) for o in s.objects]) for s in some]
    assert hashlib.sha256(repr(found).encode()).hexdigest()[:16] == "bb54b8062005a40e"


def test_pairs_that_are_held_out():
    for pairs in ("train", "held-out"):
        for scene in scenes(60, size=32, attributes=True, pairs=pairs):
            names = [thing.name for thing in scene.objects]
            assert (len(names) == 2 and is_held_out(*names)) == (pairs == "held-out")


@pytest.mark.parametrize(
    "arguments",
    [
        {"n_objects": 3, "attributes": True},
        {"names": ("pizza",), "attributes": True},
        {"names": ("dog", "cat", "car"), "attributes": True},
        {"vocabulary": "new", "attributes": True},
        {"twin": "colour"},
        {"twin": "taste", "attributes": True},
        {"twin": "colour", "n_objects": 1, "attributes": True},
        {"twin": "colour", "names": ("dog",), "attributes": True},
    ],
)
def test_nonsense_is_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        make_scene(0, **arguments)


def test_the_data_set_grounds_every_word_that_says_something_of_a_thing():
    for item, scene in zip(load_dataset("scenes:20", attributes=True), scenes(20, attributes=True), strict=True):
        (caption,) = item.captions
        said = [(a.word, a.span, o.box) for o in scene.objects for a in o.attributes]
        said += [(o.name, o.span, o.box) for o in scene.objects]
        assert sorted((o.name, o.span, *o.boxes) for o in caption.objects) == sorted(said)
        assert [caption.text[slice(*o.span)] for o in caption.objects] == [o.name for o in caption.objects]


@pytest.mark.parametrize("twin", TWINS)
def test_foils_are_the_twins(twin):
    for seed, item in enumerate(load_dataset("scene-foils:15", seed=9, size=64, twin=twin), 9):
        scene = make_scene(seed, n_objects=2, size=64, attributes=True, twin=twin)
        assert (item.captions[0].text, item.foil.text) == (scene.caption, scene.twins[twin])
        assert len(item.foil.objects) == (1 if twin in ("object", "relation") else 2)
