"""The variance by orders against projections on all products of players, and what noise adds to it."""

from itertools import chain, combinations

import numpy as np
import pytest

import fixlip
from fixlip.datasets.scenes import make_scene
from fixlip.games import CallableGame
from fixlip.games.closed_form import additive, random_towers
from fixlip.results.spectrum import Spectrum
from tests.helpers.oracles import all_masks, assert_close, table


def decomposed(game, p):
    """Shares of the variance by orders, [n_image + 1, n_text + 1]: squares of the mean of v times each product."""
    n = game.n_image + game.n_text
    masks, values = all_masks(n), table(game)
    measure = p ** masks.sum(1) * (1 - p) ** (n - masks.sum(1))
    chi, parts = (masks - p) / np.sqrt(p * (1 - p)), np.zeros((game.n_image + 1, game.n_text + 1))
    for some in chain.from_iterable(combinations(range(n), k) for k in range(1, n + 1)):
        images = sum(i < game.n_image for i in some)
        parts[images, len(some) - images] += (measure @ (values * chi[:, list(some)].prod(1))) ** 2
    return parts / (measure @ (values - measure @ values) ** 2)


@pytest.mark.parametrize("p", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("players", [(2, 2), (3, 3), (6, 4)])
def test_it_is_the_decomposition_of_the_variance(players, p):
    game = random_towers(*players, seed=3)
    full = {"image_masks": 2 ** players[0], "text_masks": 2 ** players[1], "progress": False}
    truth = decomposed(game, p)
    for found in (
        fixlip.get_estimator("exact", p=p).explain(game, progress=False),
        fixlip.get_estimator("banzhaf", p=p).explain(game, **full),
        fixlip.get_estimator("banzhaf", p=p, order=3).explain(game, **full).in_cosine(),
    ):
        power = found.spectrum()
        assert_close(power.shares, truth, 1e-8)
        assert_close(power.rest, 0.0, 1e-8)
        assert_close(
            power.beyond(2),
            1 - found.provenance.r2
            if power[1, 2] and not found.third_order
            else truth[np.add.outer(*map(np.arange, truth.shape)) > 2].sum(),
            1e-8,
        )
        assert_close(sum(part.share for part in power.parts()), 1.0, 1e-12)


def test_noise_is_taken_off():
    """Least squares find something where there is nothing: squares of noise, which are taken off again."""
    rng = np.random.default_rng(0)
    signs = rng.normal(size=(12, 4))

    def image(masks):  # a parity of many players is a noise that no term explains
        return np.stack([np.ones(len(masks)), np.where((masks @ signs > 0).sum(1) % 2, 1.0, -1.0)], axis=1)

    game = CallableGame(image, lambda t: np.stack([np.ones(len(t)), 1.0 + t[:, 0]], axis=1), 12, 2)
    truth = fixlip.get_estimator("exact").explain(game, progress=False).spectrum()
    estimator = fixlip.get_estimator("banzhaf", fit="least-squares", interactions="cross")
    found = [estimator.explain(game, image_masks=128, seed=s, progress=False).spectrum() for s in range(30)]
    one = np.array([power[1, 0] for power in found])
    assert abs(one.mean() - truth[1, 0]) < 3 * one.std() / np.sqrt(len(one))
    assert np.mean([power.stderr[1, 0] for power in found]) > 0.5 * one.std()


@pytest.mark.parametrize("model", ["demo-clip", "demo-siglip"])
def test_few_passes_say_what_many_do(model):
    scene = make_scene(11_000_002)

    def power(masks, seed):
        call = {"image_masks": masks, "seed": seed, "progress": False}
        return fixlip.explain(scene.image, scene.caption, model=model, **call).spectrum()

    many, few = power(2048, 1), [power(256, seed) for seed in range(3)]
    for found in few:
        assert np.abs(found.shares - many.shares).max() < 0.03
        assert abs(found.rest - many.rest) < 0.03
    sure = np.hypot(few[0].stderr, many.stderr)[:3, :3] + 1e-12
    inside = [np.abs(found.shares - many.shares)[:3, :3] <= 1.96 * sure for found in few]
    assert np.mean(inside) > 0.9
    assert "three or more" in many.summary()


def test_what_has_no_spectrum_says_so():
    game = random_towers(4, 3)
    for name, options in (("shapley-owen", {}), ("banzhaf", {"sampling": "joint"}), ("banzhaf", {"ridge": 0.1})):
        found = fixlip.get_estimator(name, **options).explain(game, progress=False)
        with pytest.raises(fixlip.InputError, match=f"{name} does not say how much each order makes"):
            found.spectrum()
    nothing = additive(np.zeros(3), np.zeros(2), 1.0)
    for name in ("banzhaf", "exact"):
        assert fixlip.get_estimator(name).explain(nothing, progress=False).power is None


def test_a_square_has_what_is_there_and_says_what_is_beyond():
    variances = np.array([[0.0, 4.0], [2.0, 1.0], [0.5, 0.5], [1.0, 1.0]])
    power = Spectrum(variances, variances / 10, 10.0)
    shares, errors = power.square()
    assert_close(shares, np.pad(variances[:3] / 10, ((0, 0), (0, 1))), 1e-12)
    assert_close(errors, shares / 10, 1e-12)
    assert power.caption() == f"{power.summary()} 20.0% lies beyond these cells."
