import numpy as np
import pytest
import torch

from fixlip import InputError, Players
from fixlip.games import CallableGame


def test_torch_functions_and_unnormalised_embeddings():
    a, b = torch.randn(3, 4), torch.randn(2, 4)
    game = CallableGame(
        lambda s: torch.from_numpy(s).float() @ a, lambda t: torch.from_numpy(t).float() @ b, 3, 2, 2.0, 1.0
    )
    masks = np.array([[True, False, True, False, True]])
    assert game.values(masks)[0] == pytest.approx(2 * float((a[0] + a[2]) @ b[1]) + 1, abs=1e-5)
    assert game.image_embeddings(masks[:, :3]).dtype == np.float64


@pytest.mark.parametrize(
    "masks", [np.ones((2, 4), dtype=bool), np.ones(3, dtype=bool), np.ones((2, 3)), [[1, 0, 1]]], ids=str
)
def test_masks_are_checked(masks):
    game = CallableGame(lambda s: s @ np.ones((3, 2)), lambda t: t @ np.ones((2, 2)), 3, 2)
    with pytest.raises(InputError, match="boolean"):
        game.image_embeddings(masks)


def test_functions_are_checked():
    game = CallableGame(lambda s: np.ones(3), lambda t: t @ np.ones((2, 2)), 3, 2)
    with pytest.raises(InputError, match="shape"):
        game.image_embeddings(np.ones((2, 3), dtype=bool))


@pytest.mark.parametrize(
    ("n_image", "n_text", "players"), [(0, 2, None), (2, 0, None), (2, 2, Players.of(n_image=3, n_text=2))]
)
def test_players_are_checked(n_image, n_text, players):
    with pytest.raises(InputError, match="both sides"):
        CallableGame(lambda s: s, lambda t: t, n_image, n_text, players=players)
