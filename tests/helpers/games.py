"""Games of a picture of noise and a caption."""

from fixlip.games.similarity import games
from tests.helpers.models import picture

CAPTION = "a unicorn and a bus"


def game_of(encoder, image=None, text=CAPTION, **options):
    """The game of one pair; options are those of `fixlip.games.similarity.games`."""
    return next(games(encoder, [picture() if image is None else image], [text], [(0, 0)], **options))
