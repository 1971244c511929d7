"""Blue and orange stay apart for eyes that lack a kind of cone."""

import numpy as np
import pytest

from fixlip.plots import colours

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB
SIMULATED = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def hue_distance(one, other, seen):
    """Distance of two colours in the a*b* plane of CIELAB, whatever their lightness."""

    def ab(colour):
        part = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
        x, y, z = np.cbrt(XYZ @ np.clip(np.array(seen) @ linear, 0, 1) / XYZ.sum(1))
        return np.array([500 * (x - y), 200 * (y - z)])

    return np.linalg.norm(ab(one) - ab(other))


@pytest.mark.parametrize("kind", SIMULATED)
@pytest.mark.parametrize("pair", [(colours.NEGATIVE, colours.POSITIVE), (colours.NEGATIVE_DARK, colours.POSITIVE_DARK)])
def test_signs_stay_apart(kind, pair):
    assert hue_distance(*pair, SIMULATED[kind]) > 0.75 * hue_distance(*pair, np.eye(3)) > 40


def test_red_and_green_would_not():
    pair = "#d73027", "#1a9850"
    assert hue_distance(*pair, SIMULATED["protanopia"]) < 0.1 * hue_distance(*pair, np.eye(3))
