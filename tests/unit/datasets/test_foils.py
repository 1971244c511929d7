"""Hard-negative captions: the words that differ, the formats, and what is said of wrong records."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixlip.datasets import load_dataset
from fixlip.datasets.foils import differing
from fixlip.errors import InputError
from tests.helpers.layouts import FOIL_FIELDS, foil_of, save, write_foils


def words(caption):
    return [caption.text[slice(*thing.span)] for thing in caption.objects]


@pytest.mark.parametrize(
    ("true", "wrong", "in_true", "in_wrong"),
    [
        ("a dog on a mat", "a cat on a mat", ["dog"], ["cat"]),
        ("A dog on a mat.", "a Dog on the mat", ["a"], ["the"]),
        ("a red car and a blue bus", "a blue car and a red bus", ["red", "blue"], ["blue", "red"]),
        ("a man", "a man with a hat", [], ["with a hat"]),
        ("There are no people.", "There are people.", ["no"], []),
        ("two men's hats", "two man's hats", ["men's"], ["man's"]),
        ("a long-haired cat", "a short-haired cat", ["long-haired"], ["short-haired"]),
        ("ein Käse", "ein Bär", ["Käse"], ["Bär"]),
    ],
)
def test_the_words_that_differ(true, wrong, in_true, in_wrong):
    first, second = differing(true, wrong)
    assert (first.text, second.text) == (true, wrong)
    assert (words(first), words(second)) == (in_true, in_wrong)
    assert all(thing.boxes == () and thing.name == text for thing, text in zip(first.objects, in_true, strict=True))


@given(st.lists(st.sampled_from("abcde"), max_size=7), st.lists(st.sampled_from("abcde"), max_size=7))
def test_without_the_differing_words_both_captions_are_the_same(one, two):
    def rest(caption):
        keep = [True] * len(caption.text)
        for thing in caption.objects:
            keep[slice(*thing.span)] = [False] * (thing.span[1] - thing.span[0])
        return "".join(letter for letter, kept in zip(caption.text, keep, strict=True) if kept).split()

    first, second = differing(" ".join(one), " ".join(two))
    assert rest(first) == rest(second)
    assert (one == two) == (not first.objects and not second.objects)


@pytest.mark.parametrize("style", FOIL_FIELDS)
def test_the_formats(style, tmp_path):
    layout = write_foils(tmp_path / "data", 5, faults=("corrupt",), style=style)
    items = {item.id: item for item in load_dataset(layout.spec, **layout.options)}
    assert set(items) == set(layout.scenes)
    for key, scene in layout.scenes.items():
        assert items[key].captions[0].text == scene.caption
        assert items[key].foil.text == foil_of(scene)
        assert words(items[key].captions[0]) == [scene.objects[0].name]
        assert items[key].foil.objects[0].span[0] == scene.objects[0].span[0]


@pytest.fixture
def read(tmp_path):
    def make(records, **options):
        path = tmp_path / "foils.json"
        path.write_text(json.dumps(records))
        return list(load_dataset(f"foils:{path}", **options))

    return make


GOOD = {"image": "a.jpg", "caption": "a dog", "foil": "a cat"}


def test_records_that_two_annotators_did_not_confirm_are_left_out(read):
    votes = [{**GOOD, "image": f"{n}.jpg", "mturk": {"caption": n, "foil": 0}} for n in (0, 1, 2, 3)]
    assert [item.id for item in read([*votes, GOOD])] == ["foils/2", "foils/3", "foils/4"]
    assert len(read(votes, votes=0)) == 4
    with pytest.raises(InputError, match="has no records"):
        read(votes[:2])


@pytest.mark.parametrize(
    ("record", "fault", "reason"),
    [
        ("x", "malformed", "no text for its image"),
        ({**GOOD, "image": ""}, "malformed", "no text for its image"),
        ({**GOOD, "image": ["a.jpg"]}, "malformed", "no text for its image"),
        ({**GOOD, "caption": None}, "malformed", "no text for its caption"),
        ({**GOOD, "foil": 3}, "malformed", "no text for its foil"),
        ({**GOOD, "foil": "A dog."}, "malformed", "a foil that says the same"),
        ({"image": "a.jpg", "caption": "a dog"}, "no annotation", "no foil or negative_caption"),
        ({**GOOD, "caption": " . "}, "empty caption", "a caption without words"),
        ({**GOOD, "id": 9}, "duplicate", "says the same as foils.json[0]"),
        ({**GOOD, "image": "b.jpg", "id": 0}, "duplicate", "has its id again"),
    ],
)
def test_a_wrong_record_is_one_bad_item_that_says_where(read, record, fault, reason):
    good, bad = read([GOOD, record])
    assert good.foil.text == "a cat"
    assert bad.fault == fault
    assert bad.reason.startswith("foils.json[1]")
    assert reason in bad.reason
    assert bad.id != good.id


def test_one_picture_may_have_several_foils(read):
    assert [item.foil.text for item in read([GOOD, {**GOOD, "foil": "a pig"}])] == ["a cat", "a pig"]


def test_all_files_of_a_folder_in_the_order_of_their_names(tmp_path, scene):
    save(scene, tmp_path / "pictures" / "a.jpg")
    for name in ("swap", "add"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"0": {**GOOD, "foil": f"a {name}"}}))
    data = load_dataset(f"foils:{tmp_path}", pictures="pictures")
    assert [item.id for item in data] == ["add/0", "swap/0"]
    assert data[0].open().size == scene.image.size
    with pytest.raises(InputError, match=r"No folder .*elsewhere"):
        load_dataset(f"foils:{tmp_path}", pictures="elsewhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no records"):
        load_dataset(f"foils:{tmp_path / 'empty'}")
