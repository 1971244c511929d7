"""Hostile annotation files: each gives an item, a bad item, or an error of one line; nothing outside is read."""

import json
import os
import time

import pytest

from fixlip.datasets import load_dataset
from fixlip.datasets.base import BadItem
from fixlip.datasets.boxes import numbers, stored
from fixlip.datasets.flickr30k import read_caption
from fixlip.datasets.foils import differing
from fixlip.datasets.options import LONGEST
from fixlip.datasets.reading import json_of, text_of, within, xml_of
from fixlip.errors import FixlipError, InputError, OptionError
from fixlip.io.images import opened
from fixlip.players.base import MAX_CAPTION
from tests.helpers import layouts

LINE = "an error of one line"
SECTION = "Data sets and other files"
DIGITS = "9" * 5000
JSONS = {
    "empty": b"",
    "thousands of digits": b"[" + DIGITS.encode() + b"]",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "not UTF-8": b'{"a": "\xff"}',
    "a key twice": b'{"a": 1, "a": 2}',
    "cut short": b'{"a": [1, 2',
    "two documents": b"{} {}",
    "a pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07builtin.",
    "NUL": b'{"a": 1}\0',
}
LAUGHS = "".join(f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 10))
XMLS = {
    "a billion laughs": f'<!DOCTYPE a [<!ENTITY l0 "lol">{LAUGHS}]><a>&l9;</a>'.encode(),
    "a long entity, often": b'<!DOCTYPE a [<!ENTITY x "' + b"x" * 100_000 + b'">]><a>' + b"&x;" * 20_000 + b"</a>",
    "an external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "an entity of a parameter": b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><a>&y;</a>',
    "empty": b"",
    "an unknown encoding": b'<?xml version="1.0" encoding="rot13"?><a/>',
    "cut short": b"<a><b>",
    "NUL": b"<a>\0</a>",
}


@pytest.mark.parametrize("name", JSONS)
def test_json(name, tmp_path):
    (tmp_path / "a.json").write_bytes(JSONS[name])
    with pytest.raises(InputError, match=r"a\.json") as caught:
        json_of(tmp_path / "a.json")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("keys", [lambda k: k // 2, lambda k: 39_999 if k in (0, 39_999) else k, lambda k: 0])
def test_many_keys_of_which_some_come_twice(keys, tmp_path):
    pairs = ", ".join(f'"{keys(k):0300}": {k}' for k in range(40_000))
    (tmp_path / "a.json").write_text(f'[{{"b": {{{pairs}}}}}]')
    start = time.process_time()
    with pytest.raises(InputError, match=r"a\.json.*the key '0{20,}.* twice in one object") as caught:
        json_of(tmp_path / "a.json")
    assert time.process_time() - start < 1
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


@pytest.mark.parametrize("name", XMLS)
def test_xml(name, tmp_path):
    (tmp_path / "a.xml").write_bytes(XMLS[name])
    start = time.process_time()
    with pytest.raises(InputError, match=r"a\.xml") as caught:
        xml_of(tmp_path / "a.xml")
    assert time.process_time() - start < 2
    assert len(str(caught.value).splitlines()) == 1


def test_deep_xml_is_read(tmp_path):
    (tmp_path / "a.xml").write_bytes(b"<a>" * 100_000 + b"</a>" * 100_000)
    assert xml_of(tmp_path / "a.xml").tag == "a"


@pytest.mark.parametrize("reader", [text_of, json_of, xml_of])
def test_no_files(reader, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "pipe", tmp_path / "loop", tmp_path, tmp_path / "missing", tmp_path / ("a" * 9999)):
        with pytest.raises(InputError) as caught:
            reader(path)
        assert len(str(caught.value).splitlines()) == 1
    (tmp_path / "zero").symlink_to("/dev/zero")
    with pytest.raises(InputError):
        reader(tmp_path / "zero")


OUTSIDE = ("/etc/passwd", "../secret.jpg", "a/../../secret.jpg", "..", "a\0b.jpg", "../../../../dev/zero", "//host/a")
STRANGE = (
    "C:\\a.jpg",
    "..\\secret.jpg",
    "CON",
    "a" * 300,
    "\udcff.jpg",
    " ",
    "~/a.jpg",
    "%2e%2e/a",
    "a\nb.jpg",
    "\ud800",
)


def test_names_lead_nowhere_else(tmp_path):
    for name in OUTSIDE:
        with pytest.raises(InputError, match="leads out"):
            within(tmp_path, name)
    for name in STRANGE:
        assert tmp_path in within(tmp_path, name).parents


def _coco(root, change):
    """A data set of one picture, changed, and what its item is then."""
    layout = layouts.write_coco(root, 1, size=32)
    for kind in ("captions", "instances"):
        path = root / "annotations" / f"{kind}_val2017.json"
        document = json.loads(path.read_text())
        change(kind, document)
        path.write_text(json.dumps(document))
    return load_dataset(layout.spec)[0]


@pytest.mark.parametrize("name", OUTSIDE)
def test_coco_reads_nothing_outside(name, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(b"")

    def change(kind, document):
        document["images"][0]["file_name"] = name

    item = _coco(tmp_path / "coco", change)
    assert isinstance(item, BadItem)
    assert item.fault == "malformed"


@pytest.mark.parametrize("name", [*STRANGE, "pipe.jpg", "dangling.jpg"])
def test_strange_pictures(name, tmp_path):
    def change(kind, document):
        document["images"][0]["file_name"] = name
        (tmp_path / "coco" / "val2017").mkdir(exist_ok=True, parents=True)
        if name == "pipe.jpg" and kind == "captions":
            os.mkfifo(tmp_path / "coco" / "val2017" / name)
        if name == "dangling.jpg" and kind == "captions":
            (tmp_path / "coco" / "val2017" / name).symlink_to(tmp_path / "nothing")

    item = _coco(tmp_path / "coco", change)
    with pytest.raises(InputError):
        item.open()
    assert stored(item.picture) is None


LINKED = [
    *(
        ("coco", place)
        for place in ("annotations", "annotations/captions*", "annotations/inst*", "val2017", "val2017/*")
    ),
    *(("flickr30k", place) for place in ("Sentences", "Annotations", "flickr30k-images", "test.txt", "Sentences/*")),
    *(("flickr30k", place) for place in ("Annotations/*", "flickr30k-images/*")),
    *(("mosaics", place) for place in ("n00000001", "n00000001/*", "names.txt", "lists.json")),
    *(("foils", place) for place in ("images", "images/*")),
    ("foils folder", "foils.json"),
]


def _linked(root, place, target):
    """Move what is at a place of a data set, and leave a link."""
    path = sorted(root.glob(place))[0]
    target.mkdir()
    path.resolve().rename(target / path.name)
    path.unlink(missing_ok=True)
    path.symlink_to(target / path.name)


def _loaded(spec, options):
    data = load_dataset(spec, **options)
    return [data[k] for k in range(len(data))]


@pytest.mark.parametrize(("name", "place"), LINKED)
def test_links_stay_in_the_folder_of_the_data(name, place, tmp_path):
    root = tmp_path / "data"
    layout = layouts.WRITERS[name.split()[0]](root, 2, size=32)
    if name == "foils folder":
        layout = layouts.Layout(f"foils:{root}", layout.options, layout.good, layout.bad)
    (tmp_path / "link").symlink_to(root)
    _linked(root, place, root / "within")
    for spec in (layout.spec, layout.spec.replace(str(root), str(tmp_path / "link"))):
        items = _loaded(spec, layout.options)
        assert len(items) == layout.good
        assert all(item.open().size for item in items)
    _linked(root, place, tmp_path / "outside")
    try:
        refused = [item.reason for item in _loaded(layout.spec, layout.options) if isinstance(item, BadItem)]
    except InputError as error:
        refused = [str(error)]
    assert len(refused) == 1
    assert "leads out of the folder" in refused[0]


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan"), -(10**12), 1e300, "3", None, True, [], {}])
def test_boxes(value, tmp_path):
    assert numbers([1, 2, 3, value], 4) is None

    def change(kind, document):
        if kind == "instances":
            document["annotations"][0]["bbox"][2] = value

    item = _coco(tmp_path / "coco", change)
    assert isinstance(item, BadItem)
    assert item.fault == "malformed"


@pytest.mark.parametrize("text", [DIGITS, "9" * 12, "-" + "9" * 12, "1e999", "nan", "", "0x10", "\u0663\u0663"])
def test_boxes_of_flickr30k(text, tmp_path):
    layout = layouts.write_flickr30k(tmp_path / "data", 1, size=32)
    path = next((tmp_path / "data" / "Annotations").iterdir())
    path.write_text(path.read_text().replace("<xmax>", f"<xmax>{text}</xmax><xmax>", 1))
    item = load_dataset(layout.spec)[0]
    assert isinstance(item, BadItem) is (not text.isdecimal() or len(text) > 4)


@pytest.mark.parametrize("name", OUTSIDE)
def test_flickr30k_reads_nothing_outside(name, tmp_path):
    layout = layouts.write_flickr30k(tmp_path / "data", 1, size=32)
    (tmp_path / "data" / "test.txt").write_text(name)
    item = load_dataset(layout.spec)[0]
    assert (item.fault, "leads out" in item.reason) in {("malformed", True), ("no annotation", False)}
    assert item.fault == "malformed" or name == ".."  # "...txt" is a name


def test_nothing_takes_the_square_of_its_length():
    start = time.process_time()
    with pytest.raises(InputError):
        read_caption("[/EN#1/" * 100_000)
    with pytest.raises(InputError):
        read_caption("[/EN#1/x " + "a " * 300_000)
    differing("a " * (MAX_CAPTION // 4), "a " * (MAX_CAPTION // 4) + "b")
    assert time.process_time() - start < 4


def test_a_caption_too_long_to_compare(tmp_path):
    record = {"image": "a.jpg", "caption": "a " * MAX_CAPTION, "foil": "b " * MAX_CAPTION}
    (tmp_path / "foils.json").write_text(json.dumps([record]))
    item = load_dataset(f"foils:{tmp_path / 'foils.json'}")[0]
    assert (item.fault, str(MAX_CAPTION) in item.reason) == ("malformed", True)


BAD_OPTIONS = [
    ("coco:/", {"split": 5}),
    ("coco:/", {"pictures": ["a"]}),
    ("flickr30k:/", {"split": None, "pictures": 3}),
    ("foils:/", {"pictures": 3}),
    ("mosaics:/", {"names": 3}),
    ("mosaics:/", {"size": 10**9}),
    ("scenes", {"size": LONGEST + 2}),
    ("scenes", {"n": 10**30}),
    ("scenes", {"seed": -1}),
    ("scenes:" + "9" * 5000, {}),
    ("scene-mosaics", {"template": "{}{}"}),
    ("scenes:\u0663\u0663\u0663x", {}),
    ("coco:~nobody-of-this-name/x", {}),
    ("coco:/a\0b", {}),
    ("coco:" + "a" * 9999, {}),
    ("foils:/dev/zero", {}),
    ("\ud800:", {}),
]


@pytest.mark.parametrize(("spec", "options"), BAD_OPTIONS)
def test_options(spec, options):
    with pytest.raises((OptionError, InputError)) as caught:
        load_dataset(spec, **options)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", layouts.WRITERS)
def test_files_in_each_others_places(name, tmp_path):
    layout = layouts.WRITERS[name](tmp_path / "data", 1, size=32)
    files = [p for p in (tmp_path / "data").rglob("*") if p.suffix in (".json", ".txt", ".xml")]
    for path in files:
        before = path.read_bytes()
        for content in (
            b"",
            b"[]",
            b"{}",
            b"null",
            b"[[]]",
            b'{"a": []}',
            b"<a/>",
            b"a\nb\n",
            b"\xff",
            b'{"images": [1]}',
        ):
            path.write_bytes(content)
            try:
                data = load_dataset(layout.spec, **layout.options)
                for index in range(len(data)):
                    data[index]
            except FixlipError as error:
                assert len(str(error).splitlines()) == 1  # noqa: PT017
        path.write_bytes(before)


def test_opened_is_what_reads_the_head(tmp_path):
    with pytest.raises(InputError, match="is not a file"), opened(tmp_path):
        pass
