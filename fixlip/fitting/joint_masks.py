"""Joint masks of image and text: their number, their cost in passes, and the game on them, nothing encoded twice."""

import numpy as np

from fixlip.errors import BudgetError, OptionError
from fixlip.fitting.sampling import few_enough
from fixlip.games.counted import CountedGame
from fixlip.games.memo import Memo
from fixlip.request import Request

CHUNK = 4096  # joint masks whose embeddings are held side by side


class JointValues:
    """The game on joint masks, in any number of calls; in a game of two towers each masked input is encoded once.

    Args:
        game: a game of two towers or of joint values.

    Example:
        >>> from fixlip.games import CallableGame
        >>> game = CountedGame(CallableGame(lambda s: s @ np.eye(2), lambda t: t @ np.ones((1, 2)), 2, 1), print)
        >>> values = JointValues(game)
        >>> values(np.array([[True, False, True], [True, True, True]])).tolist()
        2
        1
        [1.0, 2.0]
        >>> values(np.array([[True, True, True]])).tolist()
        [2.0]
    """

    def __init__(self, game: CountedGame) -> None:
        self.game = game
        if game.separable:
            self._image, self._text = Memo(game.image_embeddings), Memo(game.text_embeddings)

    def __call__(self, masks: np.ndarray) -> np.ndarray:
        """Evaluate joint masks, [B, n] -> [B]."""
        if not self.game.separable:
            return self.game.values(masks)
        chunks = [self._values(masks[start : start + CHUNK]) for start in range(0, len(masks), CHUNK)]
        return np.concatenate(chunks) if chunks else np.zeros(0)

    def _values(self, masks: np.ndarray) -> np.ndarray:
        game = self.game
        u, w = self._image(masks[:, : game.n_image]), self._text(masks[:, game.n_image :])
        values: np.ndarray = game.scale * (u * w).sum(1) + game.bias
        return values


def joint_passes(masks: np.ndarray, n_image: int, request: Request) -> tuple[int, int]:
    """Count the passes of each tower that `JointValues` makes for these masks, and two for the ends of the game."""
    if request.joint:
        return len(masks) + 2, len(masks) + 2
    return len(np.unique(masks[:, :n_image], axis=0)) + 2, len(np.unique(masks[:, n_image:], axis=0)) + 2


def most_passes(masks: int, n_image: int, n_text: int, request: Request, chunk: int) -> tuple[int, int]:
    """Bound the passes of each tower where `CountedGame.values` gets joint masks in chunks; two are for the ends."""
    if request.joint:
        return masks + 2, masks + 2
    chunks = -(-masks // chunk)
    image, text = (min(masks, 2 ** min(n, 62) * chunks) + 2 for n in (n_image, n_text))
    return image, text


def joint_budget(request: Request, n: int, *, default: int, needed: int, name: str) -> int:
    """Return the number of joint masks that a request stands for, 2^n at most.

    Args:
        request: the request; without a budget it stands for the default.
        n: number of players.
        default: number of masks without a budget.
        needed: smallest number of masks that will do.
        name: name of the estimator, for messages.

    Raises:
        OptionError: the request asks for masks of one tower.
        BudgetError: fewer masks than needed, or more than memory holds.
    """
    if request.image_masks is not None or request.text_masks is not None:
        raise OptionError(f"{name} takes joint masks of image and text: give budget=, not image_masks or text_masks.")
    masks = min(default if request.budget is None else request.budget, 2 ** min(n, 62))
    if masks < min(needed, 2 ** min(n, 62)):
        raise BudgetError(
            f"{masks} joint masks are too few for {name} and {n} players: at least {needed} are needed. "
            f"Give budget={needed} or more (default {default})."
        )
    return few_enough(masks, n, "joint masks")
