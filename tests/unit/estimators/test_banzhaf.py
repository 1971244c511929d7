import numpy as np
import pytest

import fixlip
from fixlip.errors import BudgetError, OptionError
from fixlip.fitting.sampling import make_design
from fixlip.games.base import CallableGame
from fixlip.games.closed_form import bilinear, random_towers
from tests.helpers.oracles import assert_close, banzhaf_fit, banzhaf_interaction, pairs_of


@pytest.mark.parametrize("p", [0.3, 0.5, 0.7])
@pytest.mark.parametrize(("order", "interactions"), [(1, None), (2, "cross"), (2, "all")])
def test_full_enumeration_equals_brute_force(p, order, interactions):
    game = random_towers(8, 5, scale=20.0, bias=-3.0)
    estimator = fixlip.get_estimator("banzhaf", p=p, order=order, interactions=interactions or "auto")
    found = estimator.explain(game, budget=2**13, progress=False)
    baseline, first, second, r2 = banzhaf_fit(game, p, pairs_of(8, 5, interactions))
    assert_close(found.baseline, baseline, 1e-8)
    assert_close(found.first_order, first, 1e-8)
    assert_close(found.second_order, second, 1e-8)
    assert_close(found.provenance.r2, r2, 1e-8)
    assert_close(np.nan_to_num(found.stderr.second_order), np.zeros((13, 13)), 0.0)


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_pairs_are_the_mean_second_derivative(p):
    game = random_towers(4, 3)
    found = fixlip.get_estimator("banzhaf", p=p, interactions="all").explain(game, budget=2**7, progress=False)
    for i, j in ((0, 1), (1, 5), (4, 6)):
        assert_close(found.second_order[i, j], banzhaf_interaction(game, i, j, p), 1e-9)


def test_main_effects_of_a_bilinear_game_shrink_with_p():
    """The value of an image player is p times its interactions; the surrogate splits it into main effect and pairs."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(3, 3))
    for p in (0.3, 0.6):
        values = fixlip.get_estimator("banzhaf", p=p, order=1).explain(bilinear(a, b), progress=False).first_order
        assert_close(values[:4], p * (a @ b.T).sum(1), 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("fit", ["gaussian-process", "least-squares"])
@pytest.mark.parametrize("sampling", ["paired", "independent"])
@pytest.mark.parametrize("interactions", ["cross", "all"])
def test_sampling_converges_to_the_exact_answer(sampling, interactions, fit):
    game = random_towers(12, 4)
    estimator = fixlip.get_estimator("banzhaf", sampling=sampling, interactions=interactions, fit=fit)
    exact = estimator.explain(game, budget=2**16, progress=False)
    found = estimator.explain(game, image_masks=2000, progress=False)
    assert np.corrcoef(found.cross.ravel(), exact.cross.ravel())[0, 1] > 0.98
    assert abs(found.provenance.r2 - exact.provenance.r2) < 0.05


@pytest.mark.parametrize(
    ("options", "p", "published"),
    [
        ({"fit": "least-squares", "sampling": "independent", "interactions": "cross"}, 0.5, 0.037),
        ({"fit": "least-squares", "sampling": "paired", "interactions": "cross"}, 0.5, 0.037),
        ({"fit": "gaussian-process"}, 0.5, 0.036),
        ({"fit": "gaussian-process", "sampling": "independent"}, 0.5, 0.036),
        ({"fit": "least-squares", "interactions": "all"}, 0.5, 0.036),
        ({"sampling": "joint"}, 0.5, 0.036),
        ({"fit": "least-squares", "interactions": "cross"}, 0.3, 0.0029),
        ({"fit": "least-squares", "interactions": "all"}, 0.3, 0.0043),
        ({"interactions": "cross"}, 0.3, 0.0043),
    ],
)
def test_nearly_all_masks_give_nearly_the_exact_answer_and_its_error(options, p, published):
    """240 of 256 masks of functions without structure: error of c_i (root mean square), and that of published sampling.

    The published sampling draws until 240 masks differ, and weights each by the times that it was drawn.
    """
    missed, claimed = [], []
    for seed in range(10):
        values = np.random.default_rng([9, seed]).normal(size=(256, 1))
        game = CallableGame(lambda s, v=values: v[s @ (1 << np.arange(8))], lambda t: t, 8, 1)
        estimator = fixlip.get_estimator("banzhaf", p=p, **options)
        masks = {"budget": 480} if options.get("sampling") == "joint" else {"image_masks": 240, "text_masks": 2}
        found = estimator.explain(game, seed=seed, progress=False, **masks)
        exact = estimator.explain(game, budget=512, progress=False)
        missed.append((found.cross - exact.cross) * np.sqrt(p * (1 - p)))
        claimed.append(found.cross_stderr * np.sqrt(p * (1 - p)))
    error = np.sqrt(np.mean(np.square(missed)))
    assert error < published
    assert 0.8 < np.sqrt(np.mean(np.square(claimed))) / error < 1.3


@pytest.mark.parametrize("interactions", ["cross", "all"])
def test_a_few_masks_less_than_all_determine_every_term(interactions):
    """A function of pairs that is 0 on three quarters of all masks is 0, so more than these determine it."""
    estimator = fixlip.get_estimator("banzhaf", interactions=interactions, fit="least-squares", sampling="independent")
    for n, masks in ((3, 7), (4, 13), (5, 25), (6, 49)):
        for seed in range(10):
            found = estimator.explain(random_towers(n, 2), image_masks=masks, seed=seed, progress=False)
            assert np.isfinite(found.cross).all()


@pytest.mark.parametrize("interactions", ["cross", "all"])
@pytest.mark.parametrize("p", [0.5, 0.7])
@pytest.mark.parametrize("text_masks", [28, 32])
def test_least_squares_are_those_of_a_dense_regression_on_the_grid_of_masks(interactions, p, text_masks):
    """The reference is as published: every value on the grid of masks, its weight, and its row of features."""
    game, grid = random_towers(7, 5, scale=20.0, bias=-3.0), (100, text_masks)
    estimator = fixlip.get_estimator(
        "banzhaf", p=p, interactions=interactions, fit="least-squares", sampling="independent"
    )
    found = estimator.explain(game, image_masks=grid[0], text_masks=grid[1], progress=False)
    image, text = (
        make_design(n, m, p, "independent", np.random.default_rng([0, side]))
        for side, (n, m) in enumerate(zip((7, 5), grid, strict=True))
    )
    masks = np.concatenate([np.repeat(image.masks, len(text.masks), 0), np.tile(text.masks, (len(image.masks), 1))], 1)
    root = np.sqrt(np.outer(image.weights, text.weights).ravel())
    i, j = np.array(pairs_of(7, 5, interactions)).T
    rows = np.concatenate([np.ones((len(masks), 1)), masks, masks[:, i] & masks[:, j]], axis=1)
    solution = np.linalg.lstsq(rows * root[:, None], game.values(masks) * root, rcond=None)[0]
    assert_close(found.baseline, solution[0], 1e-7)
    assert_close(found.first_order, solution[1:13], 1e-7)
    assert_close(found.second_order[i, j], solution[13:], 1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("fit", ["gaussian-process", "least-squares"])
@pytest.mark.parametrize("p", [0.5, 0.7])
@pytest.mark.parametrize("interactions", ["cross", "all"])
def test_standard_errors_cover(p, interactions, fit):
    """95 % intervals of the effects hold the exact value in 90 to 98.5 % of cases, on a nonlinear game."""
    game, covered = random_towers(12, 9, dim=8), []
    estimator = fixlip.get_estimator("banzhaf", p=p, interactions=interactions, fit=fit)
    exact = estimator.explain(game, budget=2**21, progress=False)
    for seed in range(12):
        found = estimator.explain(game, image_masks=600, text_masks=300, seed=seed, progress=False)
        z = (found.cross - exact.cross) / found.cross_stderr
        covered.append(np.abs(z) < 1.96)
    assert 0.90 <= np.mean(covered) <= 0.985


def test_too_small_a_budget_names_the_minimum():
    game = random_towers(12, 4)
    for sampling, interactions, fit, minimum in (
        ("paired", "cross", "auto", 32),
        ("independent", "cross", "auto", 13),
        ("independent", "all", "auto", 13),
        ("auto", "all", "least-squares", 79),
    ):
        estimator = fixlip.get_estimator("banzhaf", interactions=interactions, sampling=sampling, fit=fit)
        with pytest.raises(BudgetError, match=f"at least {minimum} are needed"):
            estimator.explain(game, image_masks=minimum - 1, progress=False)
    paired = fixlip.get_estimator("banzhaf", interactions="cross", sampling="paired")
    for seed in range(20):
        assert paired.explain(game, image_masks=32, seed=seed, progress=False).provenance.image_passes == 34


def test_a_singular_system_is_refused():
    with pytest.raises(BudgetError, match="singular"):
        for seed in range(20):
            fixlip.get_estimator(
                "banzhaf", interactions="cross", sampling="independent", fit="least-squares", p=0.9
            ).explain(random_towers(12, 4), image_masks=13, seed=seed, progress=False)


def test_ridge_answers_where_the_budget_is_too_small():
    game = random_towers(12, 4)
    exact = fixlip.get_estimator("banzhaf", interactions="cross").explain(game, budget=2**16, progress=False)
    found = fixlip.get_estimator("banzhaf", interactions="cross", ridge=0.3).explain(
        game, image_masks=20, progress=False
    )
    assert np.corrcoef(found.cross.ravel(), exact.cross.ravel())[0, 1] > 0.3


def test_auto_takes_all_pairs_only_where_the_masks_suffice():
    game = random_towers(12, 4)
    estimator = fixlip.get_estimator("banzhaf")
    few, many = (estimator.explain(game, image_masks=m, progress=False) for m in (60, 1000))
    assert few.provenance.options["interactions"] == "cross"
    assert np.isnan(few.second_order[0, 1])
    assert many.provenance.options["interactions"] == "all"
    assert not np.isnan(many.second_order).any()


@pytest.mark.parametrize("options", [{"p": 0.0}, {"p": 1.0}, {"p": -1}, {"p": float("nan")}, {"p": "x"}, {"order": 4}])
def test_options_out_of_range(options):
    with pytest.raises(OptionError):
        fixlip.get_estimator("banzhaf", **options)


@pytest.mark.parametrize("options", [{"interactions": "some"}, {"sampling": "sobol"}, {"ridge": -1.0}])
def test_more_options_out_of_range(options):
    with pytest.raises(OptionError):
        fixlip.get_estimator("banzhaf", **options)


def test_paired_sampling_is_for_one_half_only():
    with pytest.raises(OptionError, match=r"p = 0\.5 only"):
        fixlip.get_estimator("banzhaf", p=0.7, sampling="paired")


def test_a_constant_game_has_a_status():
    game = bilinear(np.zeros((3, 2)), np.zeros((2, 2)))
    found = fixlip.get_estimator("banzhaf").explain(game, progress=False)
    assert "does not depend" in found.provenance.status
    assert_close(found.cross, np.zeros((3, 2)), 0.0)


def test_one_player_on_each_side():
    found = fixlip.get_estimator("banzhaf").explain(bilinear(np.array([[2.0]]), np.array([[3.0]])), progress=False)
    assert_close(found.cross, [[6.0]], 1e-12)


def test_few_masks_are_remarked():
    estimator = fixlip.get_estimator("banzhaf", interactions="cross", sampling="independent")
    found = estimator.explain(random_towers(40, 4), image_masks=60, progress=False)
    assert "image_masks=120" in found.provenance.status


@pytest.mark.slow
@pytest.mark.parametrize("sampling", ["paired", "independent"])
def test_standard_errors_are_the_spread_over_seeds(sampling):
    game, estimator = random_towers(30, 4), fixlip.get_estimator("banzhaf", interactions="cross", sampling=sampling)
    runs = [estimator.explain(game, image_masks=128, seed=s, progress=False) for s in range(40)]
    spread = np.sqrt(np.var([run.cross for run in runs], axis=0, ddof=1).mean())
    claimed = np.sqrt(np.mean([run.cross_stderr**2 for run in runs]))
    assert 0.85 < claimed / spread < 1.15
