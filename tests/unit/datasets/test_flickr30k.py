"""Flickr30k Entities: the marked sentences, the XML, and what is said of wrong ones."""

import pytest
from PIL import Image

from fixlip.datasets import load_dataset
from fixlip.datasets.base import BadItem, Item
from fixlip.datasets.flickr30k import read_caption
from fixlip.errors import InputError
from tests.helpers.layouts import write_flickr30k


def official(line):
    """Captions and phrases as the data set's own tools read them, token by token."""
    words, phrases, current = [], [], None
    for token in line.split():
        if token.startswith("["):
            current = (token.split("/")[1][3:], token.split("/")[2], len(words))
        elif current and token.endswith("]"):
            words.append(token[:-1])
            phrases.append((current[0], current[1], " ".join(words[current[2] :])))
            current = None
        else:
            words.append(token)
    return " ".join(words), phrases


@pytest.mark.parametrize(
    "line",
    [
        "[/EN#137644/people A group of friends] with [/EN#137645/other cards] and [/EN#0/notvisual each other] .",
        "[/EN#255542/people A man] , and [/EN#255543/people a girl] holds [/EN#7/bodyparts/people a man 's arm]",
        "  A  caption   without any phrase ( or brackets ) . ",
        "[/EN#1/animals Déjà-vu] 犬 [/EN#2/scene 公園 ]",
    ],
)
def test_a_sentence_is_read_as_by_the_official_tools(line):
    text, phrases = read_caption(line)
    expected_text, expected = official(line.replace(" ]", "]"))
    assert text == expected_text
    assert [(p.chain, p.type, text[slice(*p.span)]) for p in phrases] == expected


@pytest.mark.parametrize("line", ["[/EN#1/people A man", "A man] waits", "[A man] waits", "[/EN#1/people ] waits"])
def test_a_broken_phrase_is_refused(line):
    with pytest.raises(InputError, match="A phrase is not of the form"):
        read_caption(line)


@pytest.fixture
def files(tmp_path):
    layout = write_flickr30k(tmp_path / "data", 2)
    root = tmp_path / "data"
    return root, root / "Sentences" / "2000.txt", root / "Annotations" / "2000.xml", layout.spec


def things(item, caption=0):
    text = item.captions[caption].text
    return {text[slice(*thing.span)]: (thing.name, thing.boxes) for thing in item.captions[caption].objects}


def test_chains_boxes_scenes_and_what_is_not_to_be_seen(files):
    _, sentences, annotation, spec = files
    sentences.write_text(
        "[/EN#5/people Two men] near [/EN#6/scene a lake] see [/EN#0/notvisual what] [/EN#7/other a cloud] "
        "of [/EN#8/people them] with [/EN#5/people their men] .\n\n[/EN#9/other Nothing] here\n"
    )
    box = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"
    annotation.write_text(
        "<annotation><size><width>112</width><height>112</height><depth>3</depth></size>"
        f"<object><name>5</name><name>8</name>{box.format(1, 1, 10, 20)}</object>"
        f"<object><name>5</name>{box.format(100, 50, 200, 60)}</object>"
        f"<object><name>5</name>{box.format(30, 30, 29, 60)}</object>"
        "<object><name>6</name><scene>1</scene><nobndbox>0</nobndbox></object>"
        "<object><name>7</name><scene>0</scene><nobndbox>1</nobndbox></object></annotation>"
    )
    item = load_dataset(spec)[0]
    assert [caption.text for caption in item.captions] == [
        "Two men near a lake see what a cloud of them with their men .",
        "Nothing here",
    ]
    assert things(item) == {
        "Two men": ("people", ((0, 0, 10, 20), (99, 49, 112, 60))),
        "a lake": ("scene", ()),
        "a cloud": ("other", ()),
        "them": ("people", ((0, 0, 10, 20),)),
    }
    assert things(item, 1) == {"Nothing": ("other", ())}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("Annotations/2000.xml", "<annotation>\n<size>", "line 2, column 7: no element found"),
        ("Annotations/2000.xml", "", "line 1, column 1"),
        ("Annotations/2000.xml", "<annotation/>", "<size/width> is not a whole number: None"),
        ("Annotations/2000.xml", '<?xml version="1.0" encoding="klingon"?><a/>', "2000.xml"),
        ("Sentences/2000.txt", "fine .\n[/EN#1 A man] .", "line 2: A phrase is not of the form"),
        ("Sentences/2000.txt", b"\xff\xfe a man", "not UTF-8 text (byte 0)"),
    ],
)
def test_a_broken_file_is_one_bad_item_that_says_where(files, name, content, words):
    root, *_, spec = files
    (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    bad, good = load_dataset(spec)
    assert isinstance(good, Item)
    assert bad.fault == "malformed"
    assert words in bad.reason
    assert name.split("/")[1] in bad.reason
    assert "\n" not in bad.reason


def test_a_number_that_is_none_is_named(files):
    _, _, annotation, spec = files
    annotation.write_text(annotation.read_text().replace("<xmin>27<", "<xmin>left<"))
    assert "<bndbox/xmin> is not a whole number: 'left'" in load_dataset(spec)[0].reason


def test_sentences_that_are_missing_are_no_annotation(files):
    _, sentences, _, spec = files
    sentences.unlink()
    assert load_dataset(spec)[0] == BadItem("2000", "no annotation", "No Sentences/2000.txt.")


def test_byte_order_marks_and_other_xml_encodings_are_read(files):
    _, sentences, annotation, spec = files
    sentences.write_text("﻿[/EN#1/animals Une grenouille âgée] .", encoding="utf-8")
    annotation.write_bytes(annotation.read_text().encode("utf-16"))
    item = load_dataset(spec)[0]
    assert item.captions[0].text == "Une grenouille âgée ."
    assert things(item) == {"Une grenouille âgée": ("animals", ((26, 32, 70, 71),))}


def test_splits(files):
    root, *_, spec = files
    (root / "val.txt").write_text("2001\n")
    assert [item.id for item in load_dataset(spec, split="val")] == ["2001"]
    assert [item.id for item in load_dataset(spec, split="all")] == ["2000", "2001"]
    with pytest.raises(InputError, match=r"No file .*train.txt'"):
        load_dataset(spec, split="train")
    (root / "val.txt").write_text("\n\n")
    with pytest.raises(InputError, match="has no pictures"):
        load_dataset(spec, split="val")
    (root / "Annotations").rename(root / "Boxes")
    with pytest.raises(InputError, match=r"No folder .*Annotations' \(the boxes of Flickr30k Entities\)"):
        load_dataset(spec)


def test_boxes_turn_with_a_picture_that_is_stored_on_its_side(files):
    root, _, annotation, spec = files
    path = root / "flickr30k-images" / "2000.jpg"
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.open(path).crop((0, 0, 112, 80)).save(path, exif=exif)
    annotation.write_text(annotation.read_text().replace("<height>112<", "<height>80<"))
    item = load_dataset(spec)[0]
    assert item.open().size == (80, 112)
    assert [boxes for _, boxes in things(item).values()] == [((32, 112 - 70, 71, 112 - 26),)]
    annotation.write_text(annotation.read_text().replace("<height>80<", "<height>81<"))
    assert "for 112 x 81 pixels, the picture has 80 x 112" in load_dataset(spec)[0].reason
