"""Games: what is explained, as a value of masks of players."""

from fixlip.games.base import CallableGame, DifferentiableGame, Game, JointGame, SeparableGame, Source

__all__ = ["CallableGame", "DifferentiableGame", "Game", "JointGame", "SeparableGame", "Source"]
