"""Every data set, in its official layout: what is found, which faults are counted, and what is said of wrong files."""

import json
import pickle
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from fixlip.datasets import list_datasets, load_dataset
from fixlip.datasets.base import BadItem, Item
from fixlip.datasets.boxes import orientation_of, turned
from fixlip.datasets.scenes import choose_names, kinds, make_scene
from fixlip.errors import InputError, OptionError
from fixlip.io.images import open_image
from tests.helpers.layouts import CALLED, FAULTS, WRITERS, plan

ON_DISK = tuple(WRITERS)


def tally(data):
    """Usable items, and those of each fault, pictures opened."""
    found = Counter()
    for item in data:
        if isinstance(item, BadItem):
            found[item.fault] += 1
            continue
        try:
            item.open()
            found["usable"] += 1
        except InputError:
            found["unreadable picture"] += 1
    return found


def shown(item):
    return item if isinstance(item, BadItem) else (item.id, item.captions, item.foil, item.open().tobytes())


def test_the_plan_has_every_fault_once_and_n_usable_entries():
    for n, faults in ((1, FAULTS), (6, FAULTS), (3, ()), (2, ("empty",))):
        entries = [fault for _, fault in plan(n, faults)]
        assert entries[0] == ""
        assert Counter(entries) == Counter([""] * n + list(faults))


@pytest.mark.parametrize("faults", [(), *[(fault,) for fault in FAULTS], FAULTS], ids=lambda f: "+".join(f) or "none")
@pytest.mark.parametrize("name", ON_DISK)
def test_planted_faults_are_counted_as_what_they_are(name, faults, tmp_path):
    layout = WRITERS[name](tmp_path / "data", faults=faults)
    data = load_dataset(layout.spec, **layout.options)
    assert len(data) == len(layout)
    assert tally(data) == Counter(usable=layout.good) + Counter(layout.bad)
    assert {CALLED[fault] for fault in faults} <= set(layout.bad)
    ids = [item.id for item in data]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", list_datasets())
def test_order_and_items_are_the_same_in_every_run(name, tmp_path):
    if name in WRITERS:
        layout = WRITERS[name](tmp_path / "data", faults=("missing", "duplicate"))
        make = lambda: load_dataset(layout.spec, **layout.options)  # noqa: E731
    else:
        make = lambda: load_dataset(f"{name}:2", size=64)  # noqa: E731
    one, two = make(), pickle.loads(pickle.dumps(make()))
    backwards = [shown(two[i]) for i in reversed(range(len(two)))][::-1]
    assert [shown(item) for item in one] == backwards
    assert shown(one[-1]) == backwards[-1]
    with pytest.raises(IndexError):
        one[len(one)]


@pytest.mark.parametrize("name", ["coco", "flickr30k"])
def test_captions_boxes_and_spans_are_those_of_the_scenes(name, tmp_path):
    layout = WRITERS[name](tmp_path / "data", 8, faults=("corrupt", "duplicate"))
    items = {item.id: item for item in load_dataset(layout.spec, **layout.options) if isinstance(item, Item)}
    assert set(items) == set(layout.scenes)
    for key, scene in layout.scenes.items():
        assert len(items[key].captions) == 5
        truth = {thing.name: (tuple(map(float, thing.box)),) for thing in scene.objects}
        for caption in items[key].captions:
            found = {caption.text[slice(*thing.span)].split(" ")[-1]: thing.boxes for thing in caption.objects}
            assert found == truth
        assert items[key].captions[0].text.replace(" ,", ",").removesuffix(" .") == scene.caption


def test_names_are_categories_in_coco_and_types_in_flickr30k(tmp_path):
    coco, flickr = (WRITERS[name](tmp_path / name, 12) for name in ("coco", "flickr30k"))
    names = {o.name for item in load_dataset(coco.spec) for c in item.captions for o in c.objects}
    assert names == {o.name for scene in coco.scenes.values() for o in scene.objects}
    types = {o.name for item in load_dataset(flickr.spec) for c in item.captions for o in c.objects}
    assert types == {"animals", "other"}


def test_loading_a_data_set_is_light():
    code = (
        "import sys; from fixlip.datasets import load_dataset; load_dataset('scenes:1')[0]; "
        "print([m for m in ('torch', 'scipy', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("spec", "options", "words"),
    [
        ("scene", {}, "Unknown data set 'scene'. Did you mean 'scenes'?"),
        ("", {}, "Unknown data set ''"),
        (
            "scenes",
            {"objects": 2},
            "Did you mean 'n_objects'? Valid: attributes, n, n_objects, pairs, seed, size, vocabulary.",
        ),
        ("coco:x", {"root": "y"}, "Unknown option of coco 'root'"),
        ("coco", {}, "coco:/path"),
        ("flickr30k:", {}, "flickr30k:/path"),
        ("scenes:many", {}, "a number of items, got 'many'"),
        ("scenes:-3", {}, "a number of items"),
        ("scenes:0", {}, "n must be a whole number from 1 on, got 0"),
        ("scenes:5", {"n": 6}, "give one"),
        ("scenes", {"n": 2.5}, "n must be a whole number"),
        ("scenes", {"n": True}, "n must be a whole number"),
        ("scenes", {"seed": -1}, "seed must be a whole number from 0 on"),
        ("scenes", {"pairs": "held out"}, "Did you mean 'held-out'?"),
        ("scenes", {"pairs": "held-out", "n_objects": 1}, "n_objects must be 2 to 4"),
        ("scenes", {"n_objects": "2"}, "n_objects must be 1 to 4"),
        ("scenes", {"n_objects": 2.0}, "n_objects must be 1 to 4"),
        ("scenes", {"n_objects": 5}, "n_objects must be 1 to 4"),
        ("scenes", {"attributes": "yes"}, "attributes must be true or false"),
        ("scenes", {"attributes": True, "n_objects": 3}, "n_objects must be 1 to 2"),
        ("scenes", {"attributes": True, "vocabulary": "new"}, "vocabulary must be 'bundled'"),
        ("scene-foils", {"twin": "color"}, "Did you mean 'colour'?"),
        ("scene-foils", {"twin": "size", "n_objects": 1}, "n_objects must be 2"),
        ("scene-mosaics", {"size": 225}, "size must be even"),
        ("scene-mosaics", {"template": "a photo"}, "template must have {} once"),
        ("scene-mosaics", {"separator": ""}, "separator must be"),
    ],
)
def test_wrong_names_and_options_are_one_line_that_says_what_is_right(spec, options, words):
    with pytest.raises(OptionError) as caught:
        load_dataset(spec, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ON_DISK)
def test_a_missing_folder_is_named(name, tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        load_dataset(f"{name}:{tmp_path / 'nowhere'}")


def test_scenes_are_the_same_as_one_by_one(tmp_path):
    data = load_dataset("scenes:6", seed=40, size=96, pairs="held-out")
    for item in data:
        assert item.open().size == (96, 96)
        for thing in item.captions[0].objects:
            assert item.captions[0].text[slice(*thing.span)] == thing.name
    assert [item.id for item in data] == [f"scene-{seed:06d}" for seed in range(40, 46)]
    assert load_dataset("scenes")[0].captions == load_dataset("scenes", n=7)[0].captions


def test_scene_mosaics_name_the_first_k_of_four_kinds_in_their_quadrants():
    data = load_dataset("scene-mosaics:6", size=160, separator=" and ", template="we see {}!")
    assert len(data) == 24
    places = Counter()
    for m in range(6):
        four = [data[4 * m + k] for k in range(4)]
        assert len({item.open().tobytes() for item in four}) == 1
        last = four[3].captions[0].objects
        assert len({thing.name for thing in last}) == 4
        assert sorted(b for thing in last for b in thing.boxes) == [
            (0, 0, 80, 80), (0, 80, 80, 160), (80, 0, 160, 80), (80, 80, 160, 160)
        ]  # fmt: skip
        places[last[0].boxes[0]] += 1
        for k, item in enumerate(four, start=1):
            (caption,) = item.captions
            assert caption.text == "we see " + " and ".join(thing.name for thing in last[:k]) + "!"
            assert [(o.name, o.boxes) for o in caption.objects] == [(o.name, o.boxes) for o in last[:k]]
            assert [caption.text[slice(*o.span)] for o in caption.objects] == [o.name for o in last[:k]]
    assert len(places) > 1


def test_a_quadrant_shows_the_scene_of_its_kind():
    rng = np.random.default_rng([0, 0])
    names, _ = choose_names(rng, 4, "any"), rng.permutation(4)
    item = load_dataset("scene-mosaics:1", size=128)[3]
    for seed, name, thing in zip(rng.integers(0, 10**9, 4), names, item.captions[0].objects, strict=True):
        assert thing.name == name
        alone = make_scene(int(seed), names=(name,), size=64).image
        assert item.open().crop(thing.boxes[0]).tobytes() == alone.tobytes()


def test_json_is_named_with_line_and_column(tmp_path):
    path = tmp_path / "foils.json"
    for text, words in (
        ('{"0": {"filename": "a.jpg",\n "caption": }', "line 2, column 13"),
        ("", "line 1, column 1"),
        ("3", "neither a list nor an object"),
        ("[]", "no records"),
        ('{"a": {}, "a": {}}', "key 'a' twice"),
        ("[" * 100_000, "nested too deeply"),
    ):
        path.write_text(text)
        with pytest.raises(InputError) as caught:
            load_dataset(f"foils:{path}")
        assert "foils.json" in str(caught.value)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_read_over_and_another_encoding_is_refused(tmp_path):
    path = tmp_path / "foils.json"
    record = json.dumps([{"image": "a.jpg", "caption": "ein Käse", "foil": "ein Bär"}], ensure_ascii=False)
    path.write_bytes(b"\xef\xbb\xbf" + record.encode())
    item = load_dataset(f"foils:{path}")[0]
    assert item.captions[0].objects[0].name == "Käse"
    assert item.foil.objects[0].name == "Bär"
    for encoding in ("latin-1", "utf-16"):
        path.write_bytes(record.encode(encoding))
        with pytest.raises(InputError, match="not UTF-8 text"):
            load_dataset(f"foils:{path}")


def test_a_picture_that_is_not_there_is_said_when_it_is_opened(tmp_path):
    layout = WRITERS["coco"](tmp_path / "data")
    item = load_dataset(layout.spec)[0]
    item.picture.unlink()
    again = load_dataset(layout.spec)[0]
    assert isinstance(again, Item)
    with pytest.raises(InputError, match="No picture"):
        again.open()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_turn_with_a_picture_that_is_stored_on_its_side(orientation, tmp_path):
    """A red rectangle in a stored picture: the upright box is where the upright picture is red."""
    stored = Image.new("RGB", (60, 40), "white")
    box = (8, 16, 24, 24)
    stored.paste((255, 0, 0), box)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    upright = open_image(tmp_path / "a.png")
    red = np.asarray(upright)[..., 1] == 0
    ys, xs = np.nonzero(red)
    truth = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    if upright.size == (40, 60):
        found = turned([box], orientation_of(tmp_path / "a.png", (60, 40)), (60, 40))
        assert found == (truth,)
    # boxes drawn on the upright picture stay as they are
    assert turned([truth], orientation_of(tmp_path / "a.png", upright.size), upright.size) == (truth,)


def test_foils_of_scenes_are_wrong_in_one_thing_that_is_not_in_the_picture():
    data = load_dataset("scene-foils:30", seed=5)
    for item, scene in zip(data, load_dataset("scenes:30", seed=5), strict=True):
        named = {o.name for o in scene.captions[0].objects}
        (true,), (wrong,) = item.captions[0].objects, item.foil.objects
        assert true.name in named
        assert wrong.name in set(kinds()) - named
        assert item.foil.text == item.captions[0].text.replace(true.name, wrong.name)
        assert item.id == scene.id
    assert data[3].foil == load_dataset("scene-foils:1", seed=8)[0].foil
