"""Fields for FiftyOne, where it is installed; else a stand-in that keeps what its labels are documented to take."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import fixlip
from fixlip import MissingExtraError
from fixlip.results.fiftyone_fields import SIDE
from tests.helpers.pictures import explanation


@pytest.fixture
def one(monkeypatch):
    try:
        import fiftyone  # noqa: F401
    except ImportError:

        def label(*names):
            return lambda **fields: SimpleNamespace(**{"interaction": None, **dict.fromkeys(names), **fields})

        labels = {
            "Heatmap": label("map", "range"),
            "Detection": label("label", "bounding_box"),
            "Detections": label("detections"),
        }
        monkeypatch.setitem(sys.modules, "fiftyone", SimpleNamespace(**labels))
    return explanation(words=["a", "dog"], caption="a dog")


def boxes(fields):
    return {box.label: (box.bounding_box, box.interaction) for box in fields["words"].detections}


def test_the_fields_hold_the_numbers(one):
    fields = one.to_fiftyone("dog")
    assert fields["similarity"] == one.full_value
    assert fields["explanation"] == one.summary()
    assert np.array_equal(fields["heatmap"].map, one.heatmap("dog"))
    assert fields["heatmap"].range == pytest.approx(
        [-np.abs(one.heatmap("dog")).max(), np.abs(one.heatmap("dog")).max()]
    )
    best = one.cross[:, 1].argmax()
    left, top, right, bottom = one.players.image[best].box
    place, value = boxes(fields)["dog"]
    assert place == pytest.approx([left, top, right - left, bottom - top])
    assert value == one.cross[best, 1]


def test_a_word_that_only_takes_away_has_no_box(one):
    pairs = one.second_order.copy()
    n = one.players.n_image
    pairs[:n, n + 1] = pairs[n + 1, :n] = -1.0
    assert "dog" not in boxes(replace(one, second_order=pairs).to_fiftyone())


@pytest.mark.parametrize(
    ("visible", "whole"), [((100.0, 0.0, 300.0, 200.0), (400, 200)), ((0.0, -50.0, 200.0, 150.0), (200, 100))]
)
def test_they_lie_on_the_picture_as_given(one, visible, whole):
    """A centre that is cropped out of a wide picture, and a picture that is padded above and below."""
    fields = replace(one, players=replace(one.players, visible=visible)).to_fiftyone()
    heat, grid, (width, height) = fields["heatmap"].map, one.heatmap(), whole
    for x, y in np.random.default_rng(0).uniform((0, 0), whole, size=(200, 2)):
        u, v = (x - visible[0]) / (visible[2] - visible[0]), (y - visible[1]) / (visible[3] - visible[1])
        expected = grid[int(v * grid.shape[0]), int(u * grid.shape[1])] if 0 <= u < 1 and 0 <= v < 1 else 0.0
        column, row = int(x / width * SIDE), int(y / height * SIDE)
        near = heat[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        assert expected in near
    for (left, top, wide, high), _ in boxes(fields).values():
        assert min(left, top, wide, high) >= 0
        assert max(left + wide, top + high) <= 1


def test_without_fiftyone_there_is_one_line(one, monkeypatch):
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(MissingExtraError, match="pip install fiftyone"):
        one.to_fiftyone()


def test_a_picture_of_a_data_set(tmp_path):
    fiftyone = pytest.importorskip("fiftyone")
    from fixlip.datasets.scenes import make_scene

    scene = make_scene(3)
    scene.image.save(tmp_path / "scene.png")
    data = fiftyone.Dataset()
    data.add_samples([fiftyone.Sample(filepath=str(tmp_path / "scene.png"))])
    for sample in data:
        found = fixlip.explain(sample.filepath, scene.caption, model="demo-clip", image_masks=64, progress=False)
        sample.update_fields(found.to_fiftyone())
        sample.save()
    data.reload()
    assert np.allclose(data.first().heatmap.map, found.heatmap())
    assert data.values("words.detections.interaction")[0]
    data.delete()
