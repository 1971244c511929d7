"""A game of fixlip as a game of shapiq."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import shapiq

    from fixlip.games.base import Game


def to_shapiq(game: "Game") -> "shapiq.Game":
    """The game for shapiq's own approximators, exact computer and plots.

    Players keep their order and their labels; a label that comes twice gets its number behind it. shapiq centres the
    values on the empty mask, whose value is asked for here, once.

    Args:
        game: of two towers or of joint values.

    Returns:
        A `shapiq.Game`: boolean coalitions [B, n] -> values [B].

    Example:
        >>> from fixlip.games import CallableGame
        >>> game = CallableGame(lambda s: s @ np.eye(2), lambda t: 1 + t @ np.ones((1, 2)), 2, 1, bias=3.0)
        >>> other = to_shapiq(game)
        >>> other.n_players, float(other.normalization_value), other(np.array([[True, True, True]])).tolist()
        (3, 3.0, [4.0])
    """
    import shapiq

    class _Game(shapiq.Game):
        def value_function(self, coalitions: np.ndarray) -> np.ndarray:
            return game.values(np.asarray(coalitions, dtype=bool))

    labels = game.players.labels
    names = [label if labels.count(label) == 1 else f"{label} ({i})" for i, label in enumerate(labels)]
    empty = float(game.values(np.zeros((1, len(labels)), dtype=bool))[0])
    return _Game(n_players=len(labels), normalize=True, normalization_value=empty, player_names=names)
