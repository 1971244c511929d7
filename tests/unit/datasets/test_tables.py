"""Tables in memory as data: `datasets.Dataset`, pandas, Arrow."""

import io

import datasets
import numpy as np
import pandas
import pyarrow
import pytest
from PIL import Image

import fixlip
from fixlip.datasets.base import BadItem
from fixlip.datasets.scenes import scenes
from fixlip.datasets.tables import Table
from fixlip.errors import InputError, OptionError
from fixlip.evaluation import Plan, evaluate, read
from fixlip.index.pictures import pictures

SOME = list(scenes(3, seed=20, n_objects=2))
KINDS = sorted({thing.name for scene in SOME for thing in scene.objects})


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def box(thing):
    left, top, right, bottom = thing.box
    return [left, top, right - left, bottom - top]


@pytest.fixture(params=["lists of objects", "objects of lists", "objects of lists, fixed"])
def detection(request):
    """Scenes as data sets of detection on the hub have them, in each form of their columns."""
    numbers, kind = datasets.List(datasets.Value("float32")), datasets.ClassLabel(names=KINDS)
    type_ = {
        "lists of objects": datasets.List({"bbox": numbers, "category": kind}),
        "objects of lists": {"bbox": datasets.List(numbers), "category": datasets.List(kind)},
        "objects of lists, fixed": {
            "bbox": datasets.List(datasets.List(datasets.Value("int64"), length=4)),
            "category": datasets.List(kind),
        },
    }[request.param]
    lists = request.param == "lists of objects"
    rows = []
    for scene in SOME:
        things = [{"bbox": [round(edge) for edge in box(t)], "category": t.name} for t in scene.objects]
        objects = things if lists else {key: [thing[key] for thing in things] for key in ("bbox", "category")}
        rows.append({"image": scene.image, "sentences": [" ", scene.caption], "objects": objects})
    features = datasets.Features(
        {"image": datasets.Image(), "sentences": datasets.List(datasets.Value("string")), "objects": type_}
    )
    return datasets.Dataset.from_list(rows, features=features)


def test_pictures_captions_and_boxes_of_a_data_set(detection):
    data = Table(detection, objects="objects")
    assert len(data) == len(list(data)) == 3
    for item, scene in zip(data, SOME, strict=True):
        assert [caption.text for caption in item.captions] == [scene.caption]
        assert np.array_equal(np.asarray(item.open()), np.asarray(scene.image))
        found = {thing.name: thing.boxes for thing in item.captions[0].objects}
        assert found == {t.name: (pytest.approx([round(edge) for edge in t.box], abs=1),) for t in scene.objects}
        assert all(scene.caption[slice(*thing.span)] == thing.name for thing in item.captions[0].objects)


def test_a_data_set_is_evaluated(detection, tmp_path):
    call = {"metrics": ("grounding",), "models": ("demo-clip",), "estimators": ("grad-eclip",)}
    evaluate(Plan(data=Table(detection, objects="objects"), **call), tmp_path, progress=False)
    measured = [row.metrics["grounding"] for row in read(tmp_path) if row.estimator]
    named = [[thing["name"] for thing in metric["objects"]] for metric in measured]
    assert list(map(sorted, named)) == [sorted(thing.name for thing in scene.objects) for scene in SOME]
    plain = Plan(data=detection.remove_columns("objects"), **call)  # the usual names of columns need no `Table`
    assert [item.captions[0].text for item in plain.dataset] == [scene.caption for scene in SOME]
    assert not plain.dataset[0].captions[0].objects


@pytest.mark.parametrize("form", ["pandas", "arrow", "bytes not decoded", "paths"])
def test_every_form_holds_the_same(form, tmp_path):
    for number, scene in enumerate(SOME):
        scene.image.save(tmp_path / f"{number}.png")
    paths, texts = [str(tmp_path / f"{number}.png") for number in range(3)], [scene.caption for scene in SOME]
    rows = {
        "pandas": lambda: pandas.DataFrame({"path": paths, "caption": texts}, index=[2, 0, 1]),  # as after a shuffle
        "arrow": lambda: pyarrow.table({"jpg": [png(scene.image) for scene in SOME], "txt": texts}),
        "bytes not decoded": lambda: datasets.Dataset.from_dict({"image": paths, "text": texts}).cast_column(
            "image", datasets.Image(decode=False)
        ),
        "paths": lambda: datasets.Dataset.from_dict({"file_name": paths, "text": texts}),
    }[form]()
    for item, scene in zip(Table(rows), SOME, strict=True):
        assert item.captions[0].text == scene.caption
        assert np.array_equal(np.asarray(item.open()), np.asarray(scene.image))


def test_rows_that_cannot_be_used_are_named():
    good = png(SOME[0].image)
    rows = pandas.DataFrame(
        {
            "image": [good, b"no picture", good, good, good, None],
            "text": ["a dog", "a dog", None, {"raw": "a dog"}, "a dog", "a dog"],
            "objects": [{"bbox": [[0, 0, 9, 9]], "category": ["dog"]}] * 4
            + [{"bbox": [[0, 0, 9]], "category": ["dog"]}, []],
        }
    )
    found = list(Table(rows, objects="objects"))
    assert found[0].captions[0].objects[0].boxes == ((0, 0, 9, 9),)
    faults = [item.fault if isinstance(item, BadItem) else "" for item in found]
    assert faults == ["", "unreadable picture", "empty caption", "empty caption", "malformed", "unreadable picture"]
    for thing in ({"bbox": None, "category": "dog"}, {"bbox": [0, 0, 9, 9], "category": None}, "dog"):
        odd = pandas.DataFrame({"image": [good], "text": ["a dog"], "objects": [[thing]]})
        assert Table(odd, objects="objects")[0].fault == "malformed"
    broken = datasets.Dataset.from_dict({"image": [{"bytes": b"no picture", "path": None}], "text": ["a dog"]})
    assert Table(broken.cast_column("image", datasets.Image()))[0].fault == "unreadable picture"


def test_what_is_no_table_of_rows_is_refused():
    rows = datasets.Dataset.from_dict({"image": ["a.png"], "text": ["a dog"], "objects": [[]]})
    with pytest.raises(InputError, match=r"several tables: take one, such as \['train'\]"):
        Table(datasets.DatasetDict({"train": rows}))
    with pytest.raises(InputError, match="streams has no length"):
        Table(rows.to_iterable_dataset())
    with pytest.raises(InputError, match="no rows"):
        Table(rows.select([]))
    with pytest.raises(OptionError, match=r"captions\? Name one of image, objects: caption=\."):
        Table(rows.remove_columns("text"))
    with pytest.raises(OptionError, match=r"Unknown column 'txet'.*'text'"):
        Table(rows, caption="txet")
    with pytest.raises(OptionError, match="form of boxes 'xyhw'"):
        Table(rows, boxes="xyhw")
    unnamed = Table(rows.map(lambda row: {"objects": [{"bbox": [0, 0, 1, 1], "category": 3}]}), objects="objects")
    assert isinstance(unnamed[0], BadItem)
    assert "no name: give categories=" in unnamed[0].reason


def test_an_index_of_a_data_set(detection, tmp_path):
    found = fixlip.build_index(detection, tmp_path / "a", model="demo-clip", image_masks=64, progress=False)
    assert len(found) == 3
    streamed = dict(pictures(detection.to_iterable_dataset()))
    assert sorted(streamed) == ["0", "1", "2"]
    assert all(isinstance(picture, Image.Image) for picture in streamed.values())


def test_results_become_data_sets():
    scene = SOME[0]
    found = fixlip.explain(scene.image, scene.caption, model="demo-clip", estimator="itsm", progress=False)
    table = pyarrow.table(found)
    assert table.num_rows == found.cross.size
    assert datasets.Dataset(table)[0]["word"] == found.to_pandas()["word"][0]
