"""Explanations that every version of fixlip must read alike: those of ``tests/helpers/data/v*-NAME.fixlip``."""

import numpy as np

from fixlip import Explanation, Player, Players
from fixlip.players.base import grid_players
from fixlip.results.provenance import Provenance, StandardErrors
from fixlip.results.removal_curves import RemovalCurves
from fixlip.results.spectrum import Spectrum
from fixlip.results.third_order import ThirdOrder
from tests.helpers.paths import ROOT

DATA = ROOT / "tests" / "helpers" / "data"
NAN = float("nan")
CAPTION = "a “red” dog ☂ <b>🐕</b>"
WORDS = (Player("text", "a", span=(0, 1)), Player("text", "dog", span=(8, 11)), Player("text", "☂", span=(12, 13)))


def symmetric(n):
    """Numbers without a pattern, a zero diagonal."""
    values = np.cos(np.add.outer(np.arange(n), np.arange(n)) ** 2 + 0.3)
    np.fill_diagonal(values, 0.0)
    return values


def full():
    """Everything that there is: standard errors, curves, a picture, a grid, provenance."""
    players = Players(
        grid_players(2, 2), WORDS, (2, 2), CAPTION, (np.arange(6 * 8 * 3) * 37 % 256).astype(np.uint8).reshape(6, 8, 3)
    )
    n = len(players)
    second = symmetric(n)
    second[0, 1] = second[1, 0] = NAN
    return Explanation(
        -1.25,
        np.sin(np.arange(n) + 0.1),
        second,
        -1.5,
        17.125,
        "FWBII(p=0.5)",
        players,
        stderr=StandardErrors(0.01, np.linspace(0.0, 0.3, n), abs(second) / 7),
        provenance=Provenance(
            model="demo-clip",
            weights="sha256:0123",
            logit_scale=100.0,
            logit_bias=NAN,
            removal="attention, attention",
            estimator="banzhaf",
            options={"p": 0.5, "interactions": "all", "nested": {"a": [1, None, True]}},
            budget=4096,
            image_passes=64,
            text_passes=32,
            seed=7,
            seconds=1.5,
            r2=0.987,
            details={"gap": 1e-9, "none": NAN},
            status="A sentence: with “quotes”.",
            versions={"fixlip": "0.1", "torch": "2"},
        ),
        curves=RemovalCurves(
            np.array([3, 1, 0, 2, 6, 4, 5]),
            np.array([0, 1, 3, 7]),
            np.array([17.125, 9.0, 2.0, -1.5]),
            np.array([-1.5, 4.0, 12.0, 17.125]),
            6,
            5,
        ),
    )


def third_order():
    """Interactions of three players, with errors, and the variance by orders."""
    image, text = (Player("image", k) for k in "abc"), (Player("text", k) for k in "de")
    pairs, words = symmetric(3)[:, :, None] * [1.0, -2.0], symmetric(2) * np.arange(3.0)[:, None, None]
    third = ThirdOrder(words, pairs)
    stderr = StandardErrors(0.5, np.ones(5), symmetric(5) ** 2, third.map(np.abs), np.full(5, 0.125))
    players = Players(tuple(image), tuple(text), None, "d e")
    values = 0.0, np.arange(5.0), symmetric(5), 0.0, 3.0, "FWBII(p=0.5)", players, stderr
    power = Spectrum(np.arange(6.0).reshape(3, 2), np.full((3, 2), 0.25), 17.5)
    return Explanation(*values, third_order=third, power=power)


def regions():
    """Regions of a label map, without a picture and without standard errors."""
    labels = np.array([[0, 0, -1], [1, 1, -1], [1, 1, 1]], dtype=np.int16)
    image = (Player("image", "sky", (0.0, 0.0, 2 / 3, 1 / 3)), Player("image", "dog", (0.0, 1 / 3, 1.0, 1.0)))
    players = Players(image, WORDS, None, CAPTION, None, labels)
    return Explanation(0.0, np.arange(5.0), symmetric(5), 0.0, 3.0, "FSII", players, unit="cosine")


def first_order():
    """Relevance of players that have no place, and no pairs."""
    players = Players.of(n_image=3, words=["two", "words"])
    second = np.where(np.eye(5, dtype=bool), 0.0, NAN)
    return Explanation(0.0, np.arange(5.0) - 2, second, 1.0, 2.0, "relevance", players, unit="relevance")


SAVED = {"full": full, "regions": regions, "first-order": first_order, "third-order": third_order}
SINCE = {"third-order": 3}  # version, where not from the first
