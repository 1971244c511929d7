"""Games: what is explained, as a value of masks of players."""

from fixlip.games.base import CallableGame, SeparableGame, Source

__all__ = ["CallableGame", "SeparableGame", "Source"]
