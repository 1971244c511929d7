"""Bootstrap intervals against theory and a slow bootstrap by plain loops."""

import math

import numpy as np
import pytest
from scipy import stats

from fixlip import InputError, OptionError
from fixlip.metrics import bootstrap, by_class, paired
from tests.helpers.oracles import assert_close

NAN = float("nan")


def slow(groups, statistic, level=0.95, resamples=2000):
    """Percentiles of the statistic over resampled groups, one at a time."""
    rng, found = np.random.default_rng(99), []
    for _ in range(resamples):
        drawn = rng.integers(0, len(groups), len(groups))
        found.append(statistic([value for i in drawn for value in groups[i]]))
    return np.percentile(found, [50 * (1 - level), 50 * (1 + level)])


@pytest.mark.parametrize(("name", "statistic"), [("mean", np.mean), ("median", np.median)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_it_is_the_bootstrap_of_groups(name, statistic, level):
    rng = np.random.default_rng(0)
    groups = [rng.normal(rng.normal(), 0.3, size=rng.integers(1, 5)).tolist() for _ in range(40)]
    found = bootstrap(groups, name, level=level)
    pooled = [v for group in groups for v in group]
    assert found.value == pytest.approx(statistic(pooled))
    assert_close([found.low, found.high], slow(groups, statistic, level), 0.06)
    assert found == bootstrap(groups, name, level=level)
    assert bootstrap(groups, "mean") != bootstrap(groups, "mean", seed=1)


def test_the_interval_of_a_mean_is_that_of_theory():
    values = np.random.default_rng(0).normal(size=400)
    found = bootstrap(values, "mean")
    half = 1.96 * values.std() / math.sqrt(400)
    assert_close([found.low, found.high], [values.mean() - half, values.mean() + half], 0.1 * half)


def test_values_that_hang_together_are_not_taken_for_independent():
    values = np.random.default_rng(0).normal(size=50)
    single, repeated = bootstrap(values, "mean"), bootstrap([[v] * 4 for v in values], "mean")
    apart = bootstrap(np.repeat(values, 4), "mean")
    assert repeated == pytest.approx(single)
    assert apart.high - apart.low < 0.6 * (repeated.high - repeated.low)


def test_nan_and_degenerate_cases():
    assert bootstrap([[1.0, NAN], NAN, [], [3.0]], "mean") == bootstrap([1.0, 3.0], "mean")
    for groups, value in (([], NAN), ([NAN, []], NAN), ([[1.0, 2.0, 6.0]], 2.0)):
        assert_close(bootstrap(groups), [value, NAN, NAN], 0.0)
    assert bootstrap([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0)
    assert bootstrap([True, False, True, True], "mean").value == 0.75
    with pytest.raises(OptionError, match="Did you mean 'median'"):
        bootstrap([1.0], "medan")


def test_a_difference_keeps_items_together():
    hard = np.random.default_rng(0).normal(size=60) * 10
    noise = np.random.default_rng(1).normal(size=60)
    a = {i: [v + 1 + e, v + 1] for i, (v, e) in enumerate(zip(hard, noise, strict=True))}
    b = {i: [v, v] for i, v in reversed(list(enumerate(hard)))}
    found = paired(a, b, "mean")
    assert found.value == pytest.approx(1 + noise.mean() / 2)
    half = 1.96 * noise.std() / 2 / math.sqrt(60)
    assert_close([found.low, found.high], [found.value - half, found.value + half], 0.15 * half)
    assert paired(b, a, "mean").value == pytest.approx(-found.value)


def test_a_difference_is_of_the_statistics_on_common_items_and_values():
    a = {"x": [1.0, 9.0], "y": [5.0, NAN], "only a": [100.0]}
    b = {"y": [3.0, 50.0], "x": [2.0, 4.0], "only b": [-100.0]}
    assert paired(a, b).value == np.median([1, 9, 5]) - np.median([2, 4, 3])
    assert paired({**a, "z": [0.0, 9.0]}, {**b, "z": [NAN, 9.0]}, "mean").value == 24 / 4 - 18 / 4
    assert_close(paired(a, {"z": 1.0}), [NAN] * 3, 0.0)
    assert_close(paired({"x": 1.0}, {"x": 3.0}), [-2.0, NAN, NAN], 0.0)
    with pytest.raises(InputError, match="'x' has 2 and 1 values"):
        paired(a, {"x": 1.0})


def test_classes_have_intervals_of_their_own():
    rows = [(i, "dog", float(i)) for i in range(20)] + [(0, "cat", 1.0), (0, "cat", 2.0), (1, "axe", NAN)]
    found = by_class(rows)
    assert list(found) == ["axe", "cat", "dog"]
    assert found["dog"] == bootstrap(np.arange(20.0))
    assert_close(found["cat"], [1.5, NAN, NAN], 0.0)
    assert_close(found["axe"], [NAN, NAN, NAN], 0.0)


@pytest.mark.parametrize("name", ["mean", "median"])
@pytest.mark.parametrize("n", [2, 3, 40, 1001])
def test_the_interval_is_that_of_scipy(name, n):
    """Draw for draw: all values of the drawn items at once."""
    rng = np.random.default_rng(n)
    table = rng.normal(size=(n, 3)).round(2)  # with equal values
    table[rng.random(table.shape) < 0.3] = NAN
    table[:, 0] = rng.normal(size=n)
    of = {"mean": np.nanmean, "median": np.nanmedian}[name]
    found = stats.bootstrap(
        (np.arange(n),),
        lambda rows, axis: of(table[rows].reshape(*rows.shape[:-1], -1), axis=axis),
        n_resamples=300, method="percentile", random_state=np.random.default_rng(7),
    ).confidence_interval  # fmt: skip
    assert_close(bootstrap(table, name, resamples=300, seed=7), [of(table), *found], 1e-12)
