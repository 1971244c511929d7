"""Games: what is explained, as a value of masks of players."""

from fixlip.games.base import CallableGame, DifferentiableGame, Game, JointGame, SeparableGame, Source
from fixlip.games.shapiq_game import to_shapiq

__all__ = ["CallableGame", "DifferentiableGame", "Game", "JointGame", "SeparableGame", "Source", "to_shapiq"]
