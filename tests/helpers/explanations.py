"""Explanations made by hand."""

import numpy as np

from fixlip import Explanation, Players


def explained(players, *, image=None, text=None, cross=None, second=None, full=1.0, unit="logit", baseline=0.0):
    """An explanation with these first-order effects (0 when None) and pairs (not estimated when None)."""
    n_image, n = players.n_image, len(players)
    pairs = np.where(np.eye(n, dtype=bool), 0.0, np.nan)
    if cross is not None:
        pairs[:n_image, n_image:] = cross
        pairs[n_image:, :n_image] = np.transpose(cross)
    if second is not None:
        pairs = np.array(second, dtype=float)
    first = np.zeros(n)
    first[:n_image] = 0.0 if image is None else image
    first[n_image:] = 0.0 if text is None else text
    return Explanation(baseline, first, pairs, 0.0, full, "MADE", players, unit=unit)


def of_game(game, **values):
    """The same for the players of a game."""
    return explained(game.players or Players.of(n_image=game.n_image, n_text=game.n_text), **values)
