"""The posterior and the updates of its sizes against dense formulas over all terms."""

from dataclasses import replace
from itertools import combinations
from threading import Event, Thread

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from fixlip.fitting.deviations import Deviations
from fixlip.fitting.gaussian_process import LEAST_NOISE, Family, by_player, fit, together
from fixlip.runtime.threads import FEW, in_one_thread
from tests.helpers.oracles import assert_close

PAIRS = np.array(np.triu_indices(6, 1)).T
SINGLES = np.arange(6)[:, None]
WEIGHTS = np.linspace(0.5, 2, 6)


def signs(m, n, seed=0):
    return np.where(np.random.default_rng(seed).random((m, n)) < 0.5, 1.0, -1.0)


def families():
    rng = np.random.default_rng(1)
    common = [replace(c, size=0.01) for c in (together(PAIRS, WEIGHTS), by_player(PAIRS))]
    return (
        Family(np.zeros((1, 0), dtype=int), np.ones((1, 1)), np.ones(1)),
        Family(SINGLES, rng.random((1, 6)), np.ones(1), (together(SINGLES, np.ones(6)),)),
        Family(PAIRS, rng.random((2, len(PAIRS))), np.array([0.05, 0.1]), tuple(common)),
    )


@pytest.fixture
def targets():
    chi = signs(40, 6)
    signal = np.stack([chi[:, 0] + 0.3 * chi[:, 1] * chi[:, 2], chi[:, 3] - 0.5], axis=1)
    return signal + 0.1 * np.random.default_rng(2).normal(size=(40, 2))


@pytest.fixture
def process(targets):
    return fit(signs(40, 6), targets, families(), 0.05)


def products(chi, players):
    return np.stack([chi[:, list(term)].prod(1) for term in players], axis=1)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_what_moves_together_is_the_sum_of_its_terms(order):
    players, chi = np.array(list(combinations(range(6), order))), np.random.default_rng(0).normal(size=(9, 6))
    parts = [(together(players, WEIGHTS), WEIGHTS[players].prod(1)[None])]
    if order == 2:
        parts.append((by_player(players), (players[None] == SINGLES[:, None]).any(2).astype(float)))
    for common, weights in parts:
        assert_close(common.columns(chi), products(chi, players) @ weights.T, 1e-9)
        assert_close(common.spread(np.eye(len(weights))), weights.T, 1e-12)


def prior(family):
    """Its covariance of the terms, [t, t]."""
    of_common = (c.size * c.spread(np.eye(c.columns(np.zeros((1, 6))).shape[1])) for c in family.common)
    parts = zip(family.common, of_common, strict=True)
    return np.diag(family.variance) + sum(w @ (w / c.size).T for c, w in parts)


def rows(process):
    """The covariance of the rows, and of the terms of each family with them."""
    reach = [prior(f) @ f.products(process.chi).T for f in process.families]
    total = sum(f.products(process.chi) @ r for f, r in zip(process.families, reach, strict=True))
    return total + process.noise * np.eye(len(process.chi)), reach


def test_the_posterior_is_that_of_bayesian_regression(process, targets):
    total, reach = rows(process)
    assert_close(process.inverse, np.linalg.inv(total), 1e-8)
    for family, part in enumerate(reach):
        assert_close(process.mean(family), part @ np.linalg.solve(total, targets), 1e-8)


def test_rows_left_out_are_predicted_as_without_them(process, targets):
    total, reach = rows(process)
    for row in (0, 7, 39):
        rest = np.arange(40) != row
        dual = np.linalg.solve(total[np.ix_(rest, rest)], targets[rest])
        for family, part in enumerate(reach):
            alone = process.families[family].products(process.chi[row : row + 1]) @ part[:, rest] @ dual
            assert_close(process.fitted(family)[row], alone[0], 1e-8)


def evidence(chi, targets, terms, noise):
    """Log likelihood up to constants, where the columns of the targets share a covariance of one unknown size."""
    covariance = sum(f.products(chi) @ prior(f) @ f.products(chi).T for f in terms) + noise * np.eye(len(chi))
    size = np.trace(targets.T @ np.linalg.solve(covariance, targets))
    return -np.linalg.slogdet(covariance)[1] - len(chi) * np.log(size)


def test_learning_raises_the_evidence(targets, monkeypatch):
    chi, start = signs(40, 6), families()[1:]  # the constant keeps its size, which rescaling changes
    values = []
    for rounds in range(4):
        monkeypatch.setattr("fixlip.fitting.gaussian_process.ROUNDS", rounds)
        learnt = fit(chi, targets, start, 0.05)
        values.append(evidence(chi, targets, learnt.families, learnt.noise))
    assert (np.diff(values) > 0).all()


def test_one_update_is_that_of_the_paper(targets, monkeypatch):
    """``size sqrt(tr(Q' K Q) / tr(V^-1 K))``, for each part and the noise, up to what all have in common."""
    monkeypatch.setattr("fixlip.fitting.gaussian_process.ROUNDS", 1)
    chi, start, noise = signs(40, 6), families(), 0.05
    learnt = fit(chi, targets, start, noise)
    V = sum(f.products(chi) @ prior(f) @ f.products(chi).T for f in start) + noise * np.eye(40)
    inverse = np.linalg.inv(V)
    Q = inverse @ targets / np.sqrt(np.trace(targets.T @ inverse @ targets) / 40)

    def grown(K):
        return np.sqrt(np.trace(Q.T @ K @ Q) / np.trace(inverse @ K))

    for before, after in zip(start[1:], learnt.families[1:], strict=True):
        phi = before.products(chi)
        kernels = [phi @ np.diag(share) @ phi.T for share in before.shares]
        kernels += [c.columns(chi) @ c.columns(chi).T for c in before.common]
        expected = before.all_sizes * [grown(K) for K in kernels] / (noise * grown(np.eye(40)))
        assert_close(after.all_sizes / learnt.noise, expected, 1e-8)
    assert_close(learnt.families[0].variance, start[0].variance, 0.0)  # the constant does not shrink


def test_left_out_rows_are_foretold_as_well_as_claimed():
    """Errors on rows that are left out, in units of what the posterior claims for them, have the size of `spread`."""
    chi = signs(60, 6)
    targets = chi[:, :2] + 0.2 * np.random.default_rng(3).normal(size=(60, 2))
    process = fit(chi, targets, families()[:2], 0.05)
    total, errors = rows(process)[0], []
    for row in range(60):
        rest = np.arange(60) != row
        weights = np.linalg.solve(total[np.ix_(rest, rest)], total[rest, row])
        claimed = total[row, row] - weights @ total[rest, row]
        errors.append((targets[row] - weights @ targets[rest]) / np.sqrt(claimed))
    floor = LEAST_NOISE * targets.T @ targets
    assert_close(process.spread, (np.transpose(errors) @ errors + floor) / 60, 1e-8)


@pytest.mark.parametrize("noise", ["even", "where the first player is present"])
def test_deviations_are_as_large_as_the_errors(noise):
    """Also where the noise is not what the model takes it for."""
    truth = np.random.default_rng(0).normal(size=(6, 2))
    missed, claimed = [], []
    for seed in range(40):
        chi = signs(60, 6, seed)
        size = 1.0 if noise == "even" else 1.4 * (chi[:, :1] > 0)
        targets = chi @ truth + size * np.random.default_rng(100 + seed).normal(size=(60, 2))
        process = fit(chi, targets, families()[:2], 0.05)
        missed.append(np.square(process.mean(1) - truth))
        claimed.append(np.square(Deviations(process).draw({1: 2}, np.eye(2), 100)[0]).mean(1))
    ratio = np.mean(missed) / np.mean(claimed)
    assert 0.7 < ratio < 1.3


def test_targets_without_noise_and_constant_ones():
    chi = signs(60, 6)
    exact = fit(chi, chi[:, :1] - 2 * chi[:, 3:4], families()[1:2], 0.05)
    assert_close(exact.mean(0)[:, 0], [1, 0, 0, -2, 0, 0], 1e-4)
    assert exact.noise >= LEAST_NOISE
    nothing = fit(chi, np.zeros((60, 2)), families(), 0.05)
    assert_close(nothing.mean(1), np.zeros((6, 2)), 0.0)


def test_chunks_of_terms_change_nothing(targets, process, monkeypatch):
    along = np.eye(2)
    whole = process.mean(2), process.fitted(2), Deviations(process).draw({2: len(along)}, along, 3)[0]
    monkeypatch.setattr("fixlip.fitting.gaussian_process.CHUNK", 4)
    again = fit(signs(40, 6), targets, families(), 0.05)
    parts = again.mean(2), again.fitted(2), Deviations(again).draw({2: len(along)}, along, 3)[0]
    for one, other in zip(whole, parts, strict=True):
        assert_close(one, other, 1e-7)


def test_small_fits_take_one_thread_of_blas_and_give_the_others_back():
    """A second fit begins during the first and ends after it; a third is large."""
    begun, ended, found = Event(), Event(), {}

    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    @in_one_thread
    def later(rows):
        begun.set()
        ended.wait(10)

    @in_one_thread
    def fitted(rows, thread):
        thread.start()
        begun.wait(10)
        found[len(rows)] = threads()

    with threadpool_limits(2, user_api="blas"):
        second = Thread(target=later, args=(range(8),))
        fitted(range(FEW), second)
        ended.set()
        second.join()
        assert (found, threads()) == ({FEW: {1}}, {2})
        fitted(range(FEW + 1), Thread())
        assert found[FEW + 1] == {2}
