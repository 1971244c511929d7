"""The answer in words: one or two sentences, made by rule, that say no more than the numbers and their errors hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from fixlip.players.base import Players
from fixlip.results.additive import Additive

NORMAL_95 = 1.96  # standard errors
MOST_NAMED = 3  # words in a sentence
CARRIES = 0.25  # of what the strongest word adds; words that add less are not named
MATTERS = 0.1  # the same, for a word that takes away
GATHERED = 0.5  # share of a word's positive interactions that lie around its place
REACH = 0.25  # of the sides of the picture, around the place
LITTLE = 0.5  # R2 below which the numbers are a hint
ROWS, COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")


@dataclass(frozen=True)
class Answer:
    """Parts that the sentences of `sentences` are made of.

    Attributes:
        additive: what each player adds.
        cross: interactions of image players and words, [n_image, n_text]; NaN where not estimated.
        full, empty: the similarity of the whole input, and of nothing shown.
        r2: share of the game's variance that the surrogate explains; NaN where it is not known.
        status: of the explanation.
    """

    additive: Additive
    cross: np.ndarray
    full: float
    empty: float
    r2: float
    status: str


def sentences(answer: Answer) -> str:
    """Say what carries the similarity and where, what speaks against it, what is not settled, and what not to trust."""
    additive, players = answer.additive, answer.additive.players
    rises = f"{number(additive.total, sign=True)} against nothing shown"
    said = f"Similarity {number(answer.full)} ({additive.unit}), {rises}"
    values, errors = additive.text, np.nan_to_num(additive.stderr[players.n_image :])
    sure, order, carrying = np.abs(values) > NORMAL_95 * errors, np.argsort(-values, kind="stable"), strongest(additive)
    if carrying and additive.total >= 0:
        said += f": {carried(carrying, players, answer.cross)}"
    elif carrying:
        said += f", in spite of {listed(named_at(carrying, players, answer.cross))}"
    else:
        said += "; no word carries it"
    last = int(order[-1]) if len(order) else -1
    largest = float(np.abs(values).max(initial=0.0))
    if last >= 0 and sure[last] and -values[last] >= MATTERS * largest > 0:
        said += f"{',' if carrying and additive.total >= 0 else ';'} “{players.text[last].label}” speaks against it"
    said += "."
    open_ = [k for k in np.argsort(-errors, kind="stable") if not sure[k] and NORMAL_95 * errors[k] > CARRIES * largest]
    if open_:
        unsettled = listed([f"“{players.text[k].label}”" for k in open_[:MOST_NAMED]], "or")
        said += f" Not settled: whether {unsettled} adds anything."
    if isfinite(answer.r2) and answer.r2 < LITTLE:
        said += f" Pairs explain only {max(answer.r2, 0.0):.0%} of how the similarity changes: take this as a hint."
    elif answer.status != "ok":
        said += " Read the note before trusting it."
    return said


def leading(additive: Additive, cross: np.ndarray) -> str:
    """Say which words carry the similarity and where, or that none does; arguments as in `Answer`."""
    carrying = strongest(additive)
    return carried(carrying, additive.players, cross) if carrying else "no word carries it"


def strongest(additive: Additive) -> list[int]:
    """Find the words that add most, the first first: those that surely add, and not much less than the first."""
    values, errors = additive.text, np.nan_to_num(additive.stderr[additive.players.n_image :])
    most = max(float(np.max(values, initial=0.0)), 0.0)
    order = np.argsort(-values, kind="stable")
    return [int(k) for k in order if values[k] > NORMAL_95 * errors[k] and values[k] >= CARRIES * most > 0][:MOST_NAMED]


def named_at(words: Sequence[int], players: Players, cross: np.ndarray) -> list[str]:
    """Write words with their places."""
    return [f"“{players.text[k].label}”{at(place_of(players, cross[:, k]))}" for k in words]


def carried(words: Sequence[int], players: Players, cross: np.ndarray) -> str:
    """Say that words carry a similarity."""
    return f"{listed(named_at(words, players, cross))} {'carries' if len(words) == 1 else 'carry'} it"


def ranking(players: Players, values: np.ndarray) -> str:
    """Say which players come first in a ranking [n], image players first."""
    n, said = players.n_image, []
    if players.n_text:
        said.append(f"“{players.text[int(values[n:].argmax())].label}” first among the words")
    if n:
        said.append(f"{players.image[int(values[:n].argmax())].label} first in the picture")
    return f"Ranked: {listed(said)}. The numbers have no unit, and do not add up."


def place_of(players: Players, values: np.ndarray) -> str:
    """Name the place where the positive values [n_image] gather, such as "upper left"; empty where there is none.

    Regions with names of their own are named; other places by thirds of the picture.
    """
    positive = np.maximum(np.nan_to_num(values), 0.0)
    if not positive.any() or any(player.box is None for player in players.image):
        return ""
    best = int(positive.argmax())
    if players.grid is None and not players.image[best].label.startswith(("row ", "region ", "box ")):
        return players.image[best].label
    boxes = np.array([player.box for player in players.image])
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    high = np.where(positive >= positive.max() / 2, positive, 0.0)
    x, y = high @ centres / high.sum()
    near = (np.abs(centres - (x, y)) <= REACH).all(1)
    if positive[near].sum() < GATHERED * positive.sum():
        return ""
    row, column = (min(int(3 * c), 2) for c in (y, x))
    if (row, column) == (1, 1):
        return "centre"
    return f"{ROWS[row]} {COLUMNS[column]}"


def at(place: str) -> str:
    """Write a place behind a word."""
    return f" ({place})" if place else ""


def number(value: float, *, sign: bool = False) -> str:
    """Write a similarity with three digits at least.

    Example:
        >>> number(22.314), number(6.8, sign=True), number(0.1234)
        ('22.3', '+6.8', '0.123')
    """
    places = 1 if abs(value) >= 1 else 3
    return f"{value:+.{places}f}" if sign else f"{value:.{places}f}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Join words as a sentence does.

    Example:
        >>> listed(["a"]), listed(["a", "b", "c"])
        ('a', 'a, b and c')
    """
    return f" {last} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
