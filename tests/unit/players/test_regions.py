import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from fixlip.errors import InputError, MissingExtraError, OptionError
from fixlip.players.regions import MAX_REGIONS, Regions, as_seen, drop_unseen, make_regions, patch_owner, region_box

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=12)
MAPS = arrays(np.int64, SHAPES, elements=st.integers(-3, 6))
LABELS = arrays(np.int16, SHAPES, elements=st.integers(-1, 5))
PICTURE = Image.new("RGB", (6, 4))
MASK = np.zeros((4, 6), dtype=bool)
MASK[1:3, 1:4] = True


def picture_of(array):
    return Image.new("RGB", array.shape[::-1])


def whole(shape):
    return (0, 0, shape[1], shape[0]), shape[::-1]


@given(MAPS)
def test_a_label_map_keeps_its_pixels(array):
    values = [v for v in np.unique(array) if v >= 0]
    assume(values)
    regions = make_regions(array, picture_of(array))
    assert regions.labels.dtype == np.int16
    assert len(regions.names) == len(values)
    for index, value in enumerate(values):
        assert ((regions.labels == index) == (array == value)).all()
    assert ((regions.labels == -1) == (array < 0)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_label_maps_of_any_integers(dtype):
    regions = make_regions(np.array([[200, 7], [7, 0]], dtype=dtype), Image.new("RGB", (2, 2)))
    assert regions.labels.tolist() == [[2, 1], [1, 0]]
    assert regions.names == ("region 1", "region 2", "region 3")


def test_grids():
    regions = make_regions("grid:2x3", PICTURE)
    assert regions.labels.tolist() == [[0, 0, 1, 1, 2, 2]] * 2 + [[3, 3, 4, 4, 5, 5]] * 2
    assert regions.names[0] == "row 1, column 1"
    assert regions.names[5] == "row 2, column 3"
    assert len(make_regions("grid:3", PICTURE).names) == 9
    assert np.unique(make_regions("grid:3", Image.new("RGB", (7, 5))).labels).tolist() == list(range(9))


def test_superpixels_follow_the_picture():
    pytest.importorskip("skimage")
    array = np.zeros((40, 1200, 3), dtype=np.uint8)
    array[:, 600:] = (255, 40, 0)
    regions = make_regions("slic:10", Image.fromarray(array))
    assert regions.labels.shape == (40, 1200)
    assert np.unique(regions.labels).tolist() == list(range(len(regions.names)))
    left, right = np.unique(regions.labels[:, :598]), np.unique(regions.labels[:, 602:])
    assert not np.intersect1d(left, right).size
    assert 2 <= len(regions.names) <= 20
    assert len(make_regions("slic", Image.fromarray(array)).names) > len(regions.names)
    assert make_regions("slic:1", Image.new("L", (1, 1))).labels.tolist() == [[0]]


def test_superpixels_without_scikit_image(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fixlip\[regions\]'"):
        make_regions("slic", PICTURE)


def test_a_mask_and_lists_of_masks_say_the_same():
    small = np.zeros_like(MASK)
    small[2, 2] = True
    expected = np.where(MASK, 0, -1)
    assert (make_regions(MASK, PICTURE).labels == expected).all()
    expected[2, 2] = 1
    both = [MASK, small]
    for spec in (both, tuple(both), np.stack(both), [{"segmentation": m, "area": 1} for m in both]):
        regions = make_regions(spec, PICTURE)
        assert (regions.labels == expected).all()
        assert regions.names == ("region 1", "region 2")
    assert (make_regions(both[::-1], PICTURE).labels == np.where(expected < 0, -1, 1 - expected)).all()


@given(st.data())
def test_the_smallest_mask_wins(data):
    shape = data.draw(array_shapes(min_dims=2, max_dims=2, max_side=6))
    masks = data.draw(st.lists(arrays(bool, shape).filter(np.any), min_size=1, max_size=5))
    slow = np.full(shape, -1)
    for pixel in np.ndindex(shape):
        here = [(mask.sum(), i) for i, mask in enumerate(masks) if mask[pixel]]
        if here:
            slow[pixel] = min(here)[1]
    if set(range(len(masks))) <= set(slow.ravel()):
        assert (make_regions(masks, picture_of(slow)).labels == slow).all()
    else:
        with pytest.raises(InputError, match="covered by smaller"):
            make_regions(masks, picture_of(slow))


def test_boxes_take_the_pixels_whose_centre_they_hold():
    regions = make_regions([(0.4, 0, 2.6, 1), (-5.0, 2.5, 1.5, 99)], PICTURE)
    assert np.argwhere(regions.labels == 0).tolist() == [[0, 0], [0, 1], [0, 2]]
    assert np.argwhere(regions.labels == 1).tolist() == [[2, 0], [3, 0]]
    boxes = np.array([[0, 0, 3, 2], [3, 2, 6, 4.0]])
    assert (make_regions(boxes, PICTURE).labels == make_regions(boxes.tolist(), PICTURE).labels).all()
    assert np.unique(make_regions(boxes, PICTURE).labels).tolist() == [-1, 0, 1]


def test_a_mapping_names_its_regions():
    regions = make_regions(
        {"sky": (0, 0, 6, 4), "dog": MASK, "nose": {"segmentation": MASK & (MASK.cumsum(1) > 2)}}, PICTURE
    )
    assert regions.names == ("sky", "dog", "nose")
    assert np.bincount(regions.labels.ravel()).tolist() == [18, 4, 2]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (np.zeros((6, 4), dtype=int), "A label map .* is 4 x 6 pixels, the picture 6 x 4"),
        (np.zeros((2, 6, 4), dtype=bool), "'region 1' is 4 x 6 pixels, the picture 6 x 4"),
        (np.zeros((4, 6), dtype=bool), "'region 1' is an empty mask"),
        (np.full((4, 6), -1), "1 to 4096 regions, got 0"),
        (np.zeros((4, 6)), "got an array of float64"),
        (np.zeros((2, 4, 6), dtype=np.uint8), "got an array of uint8 of shape"),
        (np.zeros((4, 6), dtype="U1"), "got ndarray for the regions"),
        ([], "got 0"),
        ({}, "got 0"),
        (np.zeros((0, 4, 6), dtype=bool), "got 0"),
        (None, "got NoneType"),
        (3, "got int for the regions"),
        (b"grid", "got bytes"),
        ([None], "got NoneType for 'region 1'"),
        ([3, 3, 4, 4], "got int for 'region 1'"),
        (["dog"], "got str for 'region 1'"),
        ([[(1, 2), 3]], "Cannot read 'region 1'"),
        ([{"mask": MASK}], "got dict for 'region 1'"),
        ([MASK.astype(np.uint8)], "boolean mask .* got uint8 of shape"),
        ([(0, 0, 1)], "got int64 of shape"),
        ([(True, True, True, True)], "got bool of shape"),
        ([(1, 1, 1, 2)], "left < right"),
        ([(2, 1, 1, 2)], "left < right"),
        ([(0, 0, float("nan"), 2)], "left < right"),
        ([(0, 0, float("inf"), 2)], "left < right"),
        ([(7, 0, 9, 2)], "holds no pixel of a picture of 6 x 4"),
        ([(0.6, 0, 1.4, 2)], "holds no pixel"),
        ([(0, 0, 2, 2), (0, 0, 2, 1), (0, 1, 2, 2)], "'region 1' is covered by smaller"),
        ({"dog": (0, 0, 2, 2), "pet": (0, 0, 2, 2)}, "'pet' is covered by smaller"),
        ({1: MASK}, "a text, got 1"),
        ({" ": MASK}, "a text, got ' '"),
        ([(0, 0, 1, 1)] * (MAX_REGIONS + 1), "got 4097"),
        ("grid:5", "6 x 4 pixels cannot be cut into 5 rows and 5 columns"),
        ("grid:100", "got 10000"),
    ],
)
def test_what_is_no_region(spec, message):
    with pytest.raises(InputError, match=message) as caught:
        make_regions(spec, PICTURE)
    assert "\n" not in str(caught.value)


def test_too_many_labels():
    array = np.arange(4098).reshape(2, -1)
    with pytest.raises(InputError, match="got 4098"):
        make_regions(array, picture_of(array))
    assert make_regions(np.maximum(array, 2), picture_of(array)).labels.max() == 4095


@pytest.mark.parametrize(
    "spec", ["grid", "grid:", "grid:0", "grid:2x", "grid:2x2x2", "grid:-1", "slic:", "slic:0", "slic:2x2", ""]
)
def test_strings_that_are_misspelt(spec):
    with pytest.raises(OptionError):
        make_regions(spec, PICTURE)


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(OptionError, match="Did you mean 'slic'"):
        make_regions("slick:40", PICTURE)


@given(LABELS)
def test_the_whole_picture_at_its_own_size_is_seen_as_it_is(labels):
    regions = Regions(labels, ())
    assert (as_seen(regions, *whole(labels.shape)) == labels).all()
    twice = as_seen(regions, (0, 0, labels.shape[1], labels.shape[0]), (2 * labels.shape[1], 2 * labels.shape[0]))
    assert (twice == labels.repeat(2, axis=0).repeat(2, axis=1)).all()


@given(LABELS, st.data())
def test_a_crop_and_a_padding_are_seen_pixel_by_pixel(labels, data):
    height, width = labels.shape
    left, top = data.draw(st.integers(-5, width)), data.draw(st.integers(-5, height))
    right, bottom = data.draw(st.integers(left + 1, width + 6)), data.draw(st.integers(top + 1, height + 6))
    padded = np.pad(labels, 7, constant_values=-1)
    seen = as_seen(Regions(labels, ()), (left, top, right, bottom), (right - left, bottom - top))
    assert seen.dtype == np.int16
    assert (seen == padded[top + 7 : bottom + 7, left + 7 : right + 7]).all()


@pytest.mark.parametrize(
    ("visible", "size"), [((0, 0, 0, 1), (2, 2)), ((0, 0, np.nan, 1), (2, 2)), ((0, 0, 1, 1), (0, 2))]
)
def test_a_view_without_area(visible, size):
    with pytest.raises(InputError, match="box with area"):
        as_seen(Regions(np.zeros((2, 2), dtype=np.int16), ("a",)), visible, size)


@given(LABELS)
def test_dropping_the_unseen_keeps_the_pixels(labels):
    names = tuple("abcdef")
    new, kept, lost = drop_unseen(labels, names)
    assert new.dtype == np.int16
    assert sorted(kept + lost) == list(names)
    assert [names.index(n) for n in kept] == sorted(v for v in np.unique(labels) if v >= 0)
    called = np.array([*names, "none"])
    assert (called[labels] == np.array([*kept, "none"])[new]).all()


@given(LABELS, st.data())
def test_the_owner_of_a_patch_agrees_with_a_slow_loop(labels, data):
    rows, columns = (data.draw(st.integers(1, side)) for side in labels.shape)
    owner, pure = patch_owner(labels, (rows, columns))
    y, x = (
        np.round(np.linspace(0, side, n + 1)).astype(int) for side, n in zip(labels.shape, (rows, columns), strict=True)
    )
    all_pure = True
    for r in range(rows):
        for c in range(columns):
            cell = labels[y[r] : y[r + 1], x[c] : x[c + 1]].ravel().tolist()
            assert cell
            best = max(set(cell), key=lambda v: (cell.count(v), v >= 0, -v))
            assert owner[r * columns + c] == best
            all_pure &= len(set(cell)) == 1
    assert pure == all_pure
    assert owner.dtype == np.int16


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 16))
def test_patches_that_divide_the_map_are_exact(rows, columns, side):
    labels = np.arange(rows * columns).reshape(rows, columns).repeat(side, axis=0).repeat(side, axis=1)
    owner, pure = patch_owner(labels, (rows, columns))
    assert owner.tolist() == list(range(rows * columns))
    assert pure


def test_more_patches_than_pixels():
    with pytest.raises(InputError, match="cannot be cut into 3 rows"):
        patch_owner(np.zeros((2, 2), dtype=int), (3, 1))


@given(LABELS)
def test_the_box_of_a_region_is_tight(labels):
    height, width = labels.shape
    for index in np.unique(labels):
        left, top, right, bottom = region_box(labels, index)
        rows, columns = np.nonzero(labels == index)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.allclose([left * width, top * height, right * width, bottom * height], box)
    with pytest.raises(InputError, match="no pixel"):
        region_box(labels, 9)
