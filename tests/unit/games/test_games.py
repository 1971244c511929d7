import numpy as np
import pytest
import torch

from fixlip import InputError, Players
from fixlip.encoders import Pixels, Strings, from_callables
from fixlip.games import CallableGame
from fixlip.games.similarity import games


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


def test_towers_of_thousands_of_tokens():
    """4,096 patches of one pixel and 2,100 words, in the values that their definition gives."""
    rng = np.random.default_rng(0)
    pixels, colours = rng.integers(0, 255, (64, 64, 3), np.uint8), rng.normal(size=(3, 8))
    words = [f"{k % 10}" for k in range(2100)]
    encoder = from_callables(
        Pixels(lambda x: (x.flatten(2).mean(2) + 0.1) @ torch.from_numpy(colours).float(), 64, (64, 64)),
        Strings(lambda texts: np.array([[1.0, len(t.split()), *map(t.count, "012345")] for t in texts])),
        logit_scale=10.0,
    )
    game = next(games(encoder, [pixels], [" ".join(words)], [(0, 0)]))
    masks = rng.uniform(size=(9, 4096 + 2100)) < rng.uniform(size=(9, 1))
    seen, read = masks[:, :4096], [[w for w, left in zip(words, mask, strict=True) if left] for mask in masks[:, 4096:]]
    u = ((pixels.reshape(-1, 3) / 127.5 - 1) * seen[:, :, None]).mean(1) @ colours + 0.1 * colours.sum(0)
    w = np.array([[1, len(left), *map(left.count, "012345")] for left in read])
    cosines = (u * w).sum(1) / np.linalg.norm(u, axis=1) / np.linalg.norm(w, axis=1)
    np.testing.assert_allclose(game.values(masks), 10 * cosines, atol=1e-4)
