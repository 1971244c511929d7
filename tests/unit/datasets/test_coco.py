"""COCO's layout: what single wrong entries become, and what is said of wrong files."""

import json
import math

import pytest
from PIL import Image

from fixlip.datasets import load_dataset
from fixlip.datasets.base import BadItem, Item
from fixlip.errors import InputError
from tests.helpers.layouts import write_coco


@pytest.fixture
def edit(tmp_path):
    """Write a small data set, change one of its two files, and read it."""
    layout = write_coco(tmp_path / "data", 3)

    def apply(kind, change, **options):
        path = tmp_path / "data" / "annotations" / f"{kind}_val2017.json"
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))
        return load_dataset(layout.spec, **options)

    return apply


def boxes_of(item):
    return {thing.name: thing.boxes for caption in item.captions for thing in caption.objects}


def test_one_empty_caption_among_five_is_left_out(edit):
    data = edit("captions", lambda d: d["annotations"][0].update(caption="  "))
    assert [len(item.captions) for item in data] == [4, 5, 5]
    data = edit("captions", lambda d: d["annotations"][1].update(caption=" . "))
    assert [len(item.captions) for item in data] == [3, 5, 5]


def test_captions_in_any_script_keep_their_words_and_places(edit):
    data = edit("captions", lambda d: d["annotations"][0].update(caption="日本の犬 — ein Hündchen, a Frog's frogs 🐸"))
    (thing,) = data[0].captions[0].objects
    assert data[0].captions[0].text[slice(*thing.span)] == "Frog"


def test_boxes_are_cut_at_the_edge_and_those_without_area_are_left_out(edit):
    frog = [26, 32, 44, 39]

    def change(document):
        first = document["annotations"][0]
        assert first["bbox"] == frog
        first["bbox"] = [-10, 100.5, 30, 900]
        others = ([26, 32, 0, 39], [26, 32, 44, -1], [500, 0, 10, 10], frog)
        document["annotations"] += [{**first, "bbox": box, "iscrowd": int(box == frog)} for box in others]

    assert boxes_of(edit("instances", change)[0]) == {"frog": ((0, 100.5, 20, 112), (26, 32, 70, 71))}


def test_a_category_whose_boxes_have_no_area_is_no_object(edit):
    data = edit("instances", lambda d: d["annotations"][0].update(bbox=[5, 5, 0, 0]))
    assert isinstance(data[0], Item)
    assert boxes_of(data[0]) == {}


def test_pictures_without_a_size_in_the_file_keep_their_boxes(edit):
    data = edit("captions", lambda d: [image.pop("width") for image in d["images"]])
    assert boxes_of(data[0]) == {"frog": ((26, 32, 70, 71),)}


def test_a_category_named_twice_is_one_object_at_its_first_words(edit):
    data = edit("captions", lambda d: d["annotations"][0].update(caption="two frogs, one green frog"))
    (thing,) = data[0].captions[0].objects
    assert thing.span == (4, 9)


def test_a_thing_that_is_not_annotated_in_the_picture_is_no_object(edit):
    data = edit("captions", lambda d: d["annotations"][0].update(caption="a frog and an anchor"))
    assert [thing.name for thing in data[0].captions[0].objects] == ["frog"]


@pytest.mark.parametrize(
    ("kind", "change", "number", "words"),
    [
        ("captions", lambda d: d["annotations"][0].update(caption=3), 0, "annotations[0] has no text `caption`"),
        ("captions", lambda d: d["annotations"][0].pop("image_id"), 3, "annotations[0] has no image_id"),
        ("captions", lambda d: d["annotations"].append("x"), 3, "annotations[15] has no image_id"),
        ("captions", lambda d: d["images"][1].pop("file_name"), 1, "images[1] has no `id` and text `file_name`"),
        ("captions", lambda d: d["images"].insert(0, None), 0, "images[0] has no `id`"),
        ("instances", lambda d: d["annotations"][0].update(bbox=[1, 2, 3]), 0, "has no `bbox` of four numbers"),
        ("instances", lambda d: d["annotations"][0].update(bbox="1 2 3 4"), 0, "has no `bbox` of four numbers"),
        ("instances", lambda d: d["annotations"][0].update(bbox=[1, 2, 3, math.nan]), 0, "no `bbox` of four numbers"),
        ("instances", lambda d: d["annotations"][0].update(category_id=900), 0, "not in categories: 900"),
        ("instances", lambda d: d["annotations"][0].update(category_id=[1]), 0, "not in categories: [1]"),
    ],
)
def test_a_wrong_entry_is_one_bad_item_that_says_where(edit, kind, change, number, words):
    data = edit(kind, change)
    bad = {i: item for i, item in enumerate(data) if isinstance(item, BadItem)}
    assert list(bad) == [number]
    assert bad[number].fault == "malformed"
    assert words in bad[number].reason
    assert f"{kind}_val2017.json" in bad[number].reason


def test_a_file_under_two_ids_is_a_duplicate(edit):
    data = edit("captions", lambda d: d["images"].append({**d["images"][0], "id": 77}))
    assert data[3] == BadItem("77", "duplicate", "captions_val2017.json, images[3] has the file of 1000 again.")


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("captions", lambda d: d.pop("images"), "no list 'images'"),
        ("captions", lambda d: d.update(annotations={}), "no list 'annotations'"),
        ("captions", lambda d: d.update(images=[], annotations=[]), "has no pictures"),
        ("instances", lambda d: d.pop("categories"), "no list 'categories'"),
        ("instances", lambda d: d["categories"][2].update(name=None), "categories[2]: a category has"),
    ],
)
def test_a_wrong_file_is_named(edit, kind, change, words):
    with pytest.raises(InputError) as caught:
        edit(kind, change)
    assert f"{kind}_val2017.json" in str(caught.value)
    assert words in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path):
    layout = write_coco(tmp_path / "data", split="val2014")
    root = tmp_path / "data"
    with pytest.raises(InputError, match=r"No .*captions_val2017.json'. There are the splits val2014: choose"):
        load_dataset(layout.spec)
    data = load_dataset(layout.spec, **layout.options)
    assert data[0].picture.name == "COCO_val2014_000000001000.jpg"
    assert data.name == "coco val2014"
    (root / "val2014").rename(root / "photos")
    with pytest.raises(InputError, match=r"No folder .*val2014"):
        load_dataset(layout.spec, split="val2014")
    assert load_dataset(layout.spec, split="val2014", pictures="photos")[0].open().size == (112, 112)
    assert load_dataset(layout.spec, split="val2014", pictures=str(root / "photos"))[0].open().size == (112, 112)
    (root / "annotations" / "instances_val2014.json").unlink()
    with pytest.raises(InputError, match=r"No .*instances_val2014.json"):
        load_dataset(layout.spec, split="val2014")


def test_only_the_pictures_that_a_file_lists(tmp_path):
    layout = write_coco(tmp_path / "data", 4)
    (tmp_path / "data" / "test.txt").write_text("1003\n000000001001.jpg\n")
    data = load_dataset(layout.spec, only="test.txt")
    assert [item.id for item in data] == ["1001", "1003"]
    (tmp_path / "data" / "test.txt").write_text("1003\n9\n")
    with pytest.raises(InputError, match=r"test.txt' names '9', which is not in captions_val2017.json"):
        load_dataset(layout.spec, only="test.txt")


def test_boxes_for_another_size_than_the_picture_has_are_malformed(tmp_path):
    layout = write_coco(tmp_path / "data", 2)
    path = tmp_path / "data" / "val2017" / "000000001000.jpg"
    Image.open(path).resize((56, 56)).save(path)
    bad, good = load_dataset(layout.spec)
    assert bad.fault == "malformed"
    assert "for 112 x 112 pixels, the picture has 56 x 56" in bad.reason
    assert isinstance(good, Item)


def test_boxes_of_a_picture_stored_on_its_side_are_those_of_the_upright_one(edit, tmp_path):
    """The annotations give the size of the picture as the camera stored it, and its boxes are drawn on that."""
    path = tmp_path / "data" / "val2017" / "000000001000.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(path).crop((0, 0, 112, 80)).save(path, exif=exif)
    data = edit("captions", lambda d: d["images"][0].update(height=80))
    assert data[0].open().size == (80, 112)
    assert boxes_of(data[0]) == {"frog": ((80 - 71, 26, 80 - 32, 70),)}
    data = edit("captions", lambda d: d["images"][0].update(width=80, height=112))  # drawn on the upright one
    assert boxes_of(data[0]) == {"frog": ((26, 32, 70, 71),)}
