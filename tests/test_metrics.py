import numpy as np
import pytest

from fixlip.metrics import coverage, pointing_hit, positive_share
from tests.oracles import assert_close


def test_coverage_counts_parts_of_patches():
    assert_close(coverage((0, 0, 224, 224), (224, 224), (7, 7)), np.ones((7, 7)), 1e-12)
    assert_close(coverage((16, 32, 48, 64), (224, 224), (7, 7))[:3, :3], [[0, 0, 0], [0.5, 0.5, 0], [0, 0, 0]], 1e-12)
    box = (13, 57, 101, 203)
    assert_close(coverage(box, (224, 224), (7, 7)).sum() / 49, 88 * 146 / 224**2, 1e-12)


def test_coverage_equals_counting_pixels():
    box, grid = (5, 9, 40, 31), (4, 8)
    pixels = np.zeros((64, 64))
    pixels[9:31, 5:40] = 1
    assert_close(coverage(box, (64, 64), grid), pixels.reshape(4, 16, 8, 8).mean((1, 3)), 1e-12)


def test_positive_share():
    cover = np.array([[1.0, 0.5], [0.0, 0.0]])
    assert positive_share(np.array([[2.0, 2.0], [-9.0, 4.0]]), cover) == pytest.approx(3 / 8)
    assert np.isnan(positive_share(-np.ones((2, 2)), cover))


def test_pointing_hit():
    cover = np.array([[1.0, 0.1], [0.0, 0.0]])
    assert pointing_hit(np.array([[0.0, 1.0], [0.5, 0.0]]), cover)
    assert not pointing_hit(np.array([[0.0, 1.0], [1.5, 0.0]]), cover)
