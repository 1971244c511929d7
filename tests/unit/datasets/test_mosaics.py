"""Mosaics of a folder for each class, and their lists and names."""

import json
from collections import Counter

import pytest
from PIL import Image

from fixlip.datasets import load_dataset
from fixlip.datasets.base import Item
from fixlip.errors import InputError, OptionError
from tests.helpers.layouts import write_mosaics

COLOURS = {"red_fox": (255, 0, 0), "green_snake": (0, 255, 0), "blue_bird": (0, 0, 255), "grey": (128, 128, 128)}


@pytest.fixture
def colours(tmp_path):
    """Four classes, each of its own colour; pictures of different shapes, no two alike."""
    for name, colour in COLOURS.items():
        (tmp_path / name).mkdir()
        for i in range(3):
            Image.new("RGB", (40 + i, 30 + 2 * i), colour).save(tmp_path / name / f"{i}.png")
    (tmp_path / "red_fox" / "notes.txt").write_text("not a picture")
    return tmp_path


def test_each_quadrant_shows_the_class_that_its_box_is_given_to(colours):
    data = load_dataset(f"mosaics:{colours}", lists=2, n=3, size=80, template="a {}.", separator=" and a ")
    assert len(data) == 4 * 2 * 3
    places = Counter()
    for i, item in enumerate(data):
        k = i % 4 + 1
        (caption,) = item.captions
        names = [thing.name for thing in caption.objects]
        assert len(set(names)) == k
        assert caption.text == "a " + " and a ".join(names) + "."
        assert [caption.text[slice(*thing.span)] for thing in caption.objects] == names
        picture = item.open()
        assert picture.size == (80, 80)
        for thing in caption.objects:
            (box,) = thing.boxes
            assert picture.crop(box).getcolors() == [(1600, COLOURS[thing.name.replace(" ", "_")])]
        places[caption.objects[0].boxes[0]] += 1
    assert len(places) == 4
    assert len({data[i].captions[0].text for i in range(3, 24, 4)}) <= 2  # of one list all name the same


def test_no_picture_comes_twice_in_a_list_and_the_seed_fixes_which(tmp_path):
    layout = write_mosaics(tmp_path / "data", 1, mosaics=4)
    one, two, other = (load_dataset(layout.spec, **layout.options, seed=s) for s in (0, 0, 1))
    shown = [
        [item.open().crop(item.captions[0].objects[0].boxes[0]).tobytes() for item in d] for d in (one, two, other)
    ]
    assert shown[0] == shown[1] != shown[2]
    assert len(set(shown[0])) == 4  # one for each mosaic, the same for each k


def write(root, name, text):
    (root / name).write_text(text, encoding="utf-8")
    return name


def test_lists_by_folder_or_name_in_text_or_json(colours):
    text = write(
        colours, "lists.txt", "grey, Red Fox, green_snake, blue bird\n\nblue_bird, grey, red_fox, GREEN SNAKE\n"
    )
    names = {key: key.split("_")[-1] for key in COLOURS}
    for lists in (text, write(colours, "l.json", json.dumps([["grey", "red_fox", "green_snake", "blue_bird"]]))):
        data = load_dataset(f"mosaics:{colours}", lists=lists, n=1)
        assert data[3].captions[0].text == "grey red fox green snake blue bird"
    by_name = write(colours, "m.json", json.dumps([["grey", "fox", "snake", "bird"]]))
    called = write(colours, "names.json", json.dumps(names))
    assert (
        load_dataset(f"mosaics:{colours}", lists=by_name, names=called, n=1)[3].captions[0].text
        == "grey fox snake bird"
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("n.txt", "﻿grey grey thing, gray\nred_fox  fox, Vulpes\ngreen_snake snake\nblue_bird blue_jay, jay\n"),
        ("n.json", '{"grey": "grey thing", "red_fox": "fox", "green_snake": "snake", "blue_bird": "blue jay"}'),
        ("n.json", '{"0": ["grey", "grey_thing"], "1": ["red_fox", "fox"], "2": ["green_snake", "snake"], '
                   '"3": ["blue_bird", "blue_jay"]}'),
    ],
)  # fmt: skip
def test_names_of_folders(colours, name, content):
    lists = write(colours, "lists.txt", "grey,red_fox,green_snake,blue_bird")
    data = load_dataset(f"mosaics:{colours}", lists=lists, names=write(colours, name, content), n=1, separator=", ")
    assert data[3].captions[0].text == "grey thing, fox, snake, blue jay"


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ("grey, red_fox, green_snake", "list 1: four different classes are needed"),
        ("grey, red_fox, green_snake, Grey", "list 1: four different classes are needed"),
        ("grey,red_fox,green_snake,blue_bird\ngrey,red_fox,green_snake,blue_birt", "list 2: Unknown class 'blue_birt'"),
        ("", "has no lists of classes"),
    ],
)  # fmt: skip
def test_wrong_lists_are_named(colours, lists, words):
    with pytest.raises(InputError) as caught:
        load_dataset(f"mosaics:{colours}", lists=write(colours, "lists.txt", lists), n=1)
    assert "lists.txt" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize("content", ["{}", "[3]", '[["grey", 1, 2, 3]]'])
def test_wrong_lists_in_json_are_named(colours, content):
    with pytest.raises(InputError, match=r"lists\.json"):
        load_dataset(f"mosaics:{colours}", lists=write(colours, "lists.json", content), n=1)


@pytest.mark.parametrize("content", ["[]", '{"grey": 3}', '{"0": ["grey", "a", "b"]}'])
def test_wrong_names_in_json_are_named(colours, content):
    with pytest.raises(InputError, match=r"names\.json"):
        load_dataset(f"mosaics:{colours}", names=write(colours, "names.json", content), n=1)


def test_too_few_classes_or_pictures_and_wrong_options(colours):
    with pytest.raises(InputError, match=r"has 0 folders with 50 pictures or more \(of 4\): four are needed"):
        load_dataset(f"mosaics:{colours}")
    lists = write(colours, "lists.txt", "grey,red_fox,green_snake,blue_bird")
    with pytest.raises(InputError, match="grey' has 3 pictures, 4 mosaics need as many: lower n"):
        load_dataset(f"mosaics:{colours}", lists=lists, n=4)
    with pytest.raises(InputError, match=r"No file .*nothing.txt'"):
        load_dataset(f"mosaics:{colours}", lists="nothing.txt", n=1)
    for options in ({"lists": 0}, {"n": 0}, {"size": 81}, {"separator": 3}):
        with pytest.raises(OptionError):
            load_dataset(f"mosaics:{colours}", **{"n": 1, **options})


def test_pictures_of_any_kind_are_shown_upright(colours):
    exif = Image.Exif()
    exif[0x0112] = 6
    tall = Image.new("RGB", (60, 20), "red")
    tall.paste("yellow", (0, 0, 30, 20))  # upright: the upper half
    for path in (colours / "red_fox").glob("*.png"):
        path.unlink()
    tall.save(colours / "red_fox" / "a.PNG", exif=exif)
    lists = write(colours, "lists.txt", "red_fox,grey,green_snake,blue_bird")
    item = load_dataset(f"mosaics:{colours}", lists=lists, n=1, size=40)[0]
    assert isinstance(item, Item)
    quadrant = item.open().crop(item.captions[0].objects[0].boxes[0])
    assert quadrant.getpixel((10, 1)) == (255, 255, 0)
    assert quadrant.getpixel((10, 18)) == (255, 0, 0)
