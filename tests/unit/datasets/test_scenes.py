import hashlib

import numpy as np
import pytest

from fixlip.datasets.scenes import TEMPLATES, held_out_pairs, is_held_out, kinds, make_scene, prompt, scenes, sprite

PICTURES = [  # mean green of 4 x 4 cells of the first three
    [[117, 103, 102, 100], [115, 102, 111, 100], [101, 113, 131, 103], [77, 96, 141, 116]],
    [[179, 182, 190, 179], [175, 183, 173, 175], [171, 172, 166, 168], [166, 166, 131, 158]],
    [[132, 125, 119, 115], [145, 138, 124, 97], [120, 122, 141, 139], [122, 122, 122, 135]],
]


def test_the_seed_fixes_the_scene():
    one, two, other = make_scene(5), make_scene(5), make_scene(6)
    assert (one.caption, one.objects) == (two.caption, two.objects)
    assert np.array_equal(one.image, two.image)
    assert not np.array_equal(one.image, other.image)


def test_there_are_enough_kinds_templates_and_held_out_pairs():
    assert len(kinds()) >= 48
    assert len(set(kinds())) == len(kinds())
    assert set(TEMPLATES) == {1, 2, 3, 4}
    assert all(len(t) >= 3 for t in TEMPLATES.values())
    assert 100 < len(held_out_pairs()) < 250


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_words_and_boxes_are_where_they_are_said_to_be(n):
    for scene in scenes(40, seed=100 * n, n_objects=n, size=112):
        assert len(scene.objects) == n
        for item in scene.objects:
            assert scene.caption[slice(*item.span)] == item.name
            left, top, right, bottom = item.box
            assert 0 <= left < right <= 112
            assert 0 <= top < bottom <= 112
        spans = [item.span for item in scene.objects]
        assert spans == sorted(spans)


def test_an_object_is_drawn_inside_its_box_only():
    """Without the object the picture is the same outside its box, and differs inside."""
    scene = make_scene(3, names=("cactus",))
    left, top, right, bottom = scene.objects[0].box
    other = np.asarray(make_scene(3, names=("cactus",), size=224).image).copy()
    assert np.array_equal(other, scene.image)
    inside = np.asarray(scene.image)[top:bottom, left:right].reshape(-1, 3).astype(int)
    green = (inside[:, 1] > inside[:, 0] + 20) & (inside[:, 1] > inside[:, 2] + 20)
    assert green.mean() > 0.2


def test_pairs():
    for scene in scenes(60, pairs="train", size=32):
        names = [o.name for o in scene.objects]
        assert not any(is_held_out(a, b) for a in names for b in names if a != b)
    for scene in scenes(60, pairs="held-out", size=32):
        names = [o.name for o in scene.objects]
        assert any(is_held_out(a, b) for a in names for b in names if a != b)


def test_names_articles_and_sprites():
    assert make_scene(0, names=("owl", "dog")).objects[0].name == "owl"
    assert prompt("owl") == "a photo of an owl"
    assert sprite("owl").mode == "RGBA"


def test_new_kinds_are_others():
    assert len(kinds("new")) == len(set(kinds("new"))) == 12
    assert set(kinds("new")).isdisjoint(kinds("bundled"))
    assert kinds("mixed") == kinds() + kinds("new")
    pictures = {sprite(name).resize((16, 16)).tobytes() for name in kinds("mixed")}
    assert len(pictures) == 72


def test_vocabularies():
    new, shown = set(kinds("new")), {"bundled": set(), "new": set(), "mixed": set()}
    for vocabulary, names in shown.items():
        for scene in scenes(80, size=32, vocabulary=vocabulary):
            own = {o.name for o in scene.objects}
            names |= own
            assert vocabulary != "mixed" or (own & new and own - new)
    assert shown["new"] == new
    assert not shown["bundled"] & new
    assert shown["mixed"] >= new


@pytest.mark.parametrize(
    "arguments",
    [
        {"n_objects": 1, "vocabulary": "mixed"},
        {"n_objects": 5},
        {"n_objects": 0},
        {"names": ("zebra",)},
        {"names": ()},
        {"names": ("dog", "dog")},
    ],
)
def test_nonsense_is_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        make_scene(0, **arguments)


def test_layouts_do_not_change_between_versions():
    """The drawing depends on Pillow; the captions and boxes are fixed for good."""
    text = repr([(s.caption, s.objects) for s in scenes(50, size=64)])
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "4d424e0411957037"
    pairs = [(s.caption, s.objects) for p in ("train", "held-out") for s in scenes(25, seed=7, size=64, pairs=p)]
    assert hashlib.sha256(repr(pairs).encode()).hexdigest()[:16] == "8fe9608592448013"
    new = [(s.caption, s.objects) for v in ("new", "mixed") for s in scenes(25, size=64, vocabulary=v)]
    assert hashlib.sha256(repr(new).encode()).hexdigest()[:16] == "97739ebe57a347ec"


def test_pictures_do_not_change_between_versions():
    """Up to the last bits of Pillow's resizing."""
    found = [np.asarray(s.image).reshape(4, 24, 4, 24, 3).mean((1, 3))[..., 1] for s in scenes(3, size=96)]
    assert np.abs(np.round(found) - PICTURES).max() <= 1
