"""Outlines of regions, against counting pixels."""

import numpy as np
import pytest

from fixlip.players import outlines as shapes
from tests.helpers.oracles import assert_close
from tests.helpers.pictures import label_map

HOLE = np.array([[0, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, -1]])
CORNERS = np.array([[0, 1], [1, 0]])
NOISE = np.random.default_rng(0).integers(-1, 5, (12, 17))


@pytest.mark.parametrize("regions", [HOLE, CORNERS, NOISE, label_map(20), np.zeros((1, 1), int)])
def test_outlines_enclose_the_pixels_and_run_along_all_borders(regions):
    n = regions.max() + 2  # the last has no pixels
    for region, lines in enumerate(shapes.outlines(regions, n)):
        inside = np.pad(regions == region, 1)
        area = length = 0.0
        for line in lines:
            after = np.roll(line, -1, axis=0)
            assert ((line != after).sum(1) == 1).all()  # along the sides of pixels
            area += 0.5 * (line[:, 0] * after[:, 1] - after[:, 0] * line[:, 1]).sum()
            length += np.abs(after - line).sum()
        assert area == inside.sum()
        assert length == np.abs(np.diff(inside.astype(int), axis=0)).sum() + np.abs(np.diff(inside.astype(int))).sum()


def test_a_hole_is_a_line_of_its_own():
    assert [len(lines) for lines in shapes.outlines(HOLE, 2)] == [2, 2]


def test_a_reduced_map_has_all_regions():
    regions = label_map(20)
    regions[50, 51] = 20  # smaller than a pixel of the reduced map
    small = shapes.reduced(regions, 24)
    assert small.shape == (24, 24)
    assert set(np.unique(small)) == set(range(-1, 21))
    assert (small == regions[2::4, 2::4]).mean() > 0.99
    assert (shapes.reduced(regions, 224) == regions).all()
    assert shapes.reduced(regions[:48], 24).shape == (12, 24)


def test_centres():
    middle = shapes.centres(np.array([[0, 0, -1, 1], [0, 0, -1, 1]]), 3)
    assert_close(middle, [[0.25, 0.5], [0.875, 0.5], [0.5, 0.5]], 1e-12)
