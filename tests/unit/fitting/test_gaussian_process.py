"""The posterior and the updates of its variances against dense formulas over all terms."""

import numpy as np
import pytest

from fixlip.fitting.gaussian_process import LEAST_NOISE, Family, fit
from fixlip.fitting.moments import features
from tests.helpers.oracles import assert_close

PAIRS = np.array(np.triu_indices(6, 1)).T


def signs(m, n, seed=0):
    return np.where(np.random.default_rng(seed).random((m, n)) < 0.5, 1.0, -1.0)


def families(n=6):
    rng = np.random.default_rng(1)
    return (
        Family(np.zeros((1, 0), dtype=int), np.ones(1)),
        Family(np.arange(n)[:, None], rng.random(n)),
        Family(PAIRS, 0.1 * rng.random(len(PAIRS))),
    )


@pytest.fixture
def targets():
    chi = signs(40, 6)
    signal = np.stack([chi[:, 0] + 0.3 * chi[:, 1] * chi[:, 2], chi[:, 3] - 0.5], axis=1)
    return signal + 0.1 * np.random.default_rng(2).normal(size=(40, 2))


@pytest.fixture
def process(targets):
    return fit(signs(40, 6), targets, families(), 0.05)


def dense(process):
    """Features of all terms, their prior variances, and the slices of the families."""
    phi = features(process.chi > 0, 0.5, 2)
    return phi, np.concatenate([f.variance for f in process.families]), (slice(0, 1), slice(1, 7), slice(7, None))


def test_the_posterior_is_that_of_bayesian_regression(process, targets):
    phi, prior, parts = dense(process)
    precision = phi.T @ phi / process.noise + np.diag(1 / prior)
    mean = np.linalg.solve(precision, phi.T @ targets / process.noise)
    for family, part in enumerate(parts):
        assert_close(process.mean(family), mean[part], 1e-8)
        assert_close(process.covariance(family), np.linalg.inv(precision)[part, part], 1e-8)
        assert_close(process.variance(family), np.diagonal(np.linalg.inv(precision))[part], 1e-8)


def test_draws_have_the_posterior_covariance(process):
    drawn = process.draws(2, 40_000, np.random.default_rng(0))
    expected = process.covariance(2)
    assert np.abs(drawn @ drawn.T / 40_000 - expected).max() < 0.05 * np.abs(expected).max()


def evidence(chi, targets, terms, noise):
    """Log likelihood up to constants, where the columns of the targets share a covariance of one unknown size."""
    covariance = sum(f.kernel(chi) for f in terms) + noise * np.eye(len(chi))
    size = np.trace(targets.T @ np.linalg.solve(covariance, targets))
    return -np.linalg.slogdet(covariance)[1] - len(chi) * np.log(size)


def test_learning_raises_the_evidence(process, targets):
    chi, start = process.chi, families()
    found = [fit(chi, targets, start, 0.05, rounds=r) for r in range(3)]
    values = [evidence(chi, targets, start, 0.05), *(evidence(chi, targets, f.families, f.noise) for f in found)]
    assert (np.diff(values) > 0).all()


@pytest.mark.parametrize("alone", [False, True])
def test_one_update_is_that_of_the_paper(targets, monkeypatch, alone):
    """``gamma sqrt(tr(Q' M Q) / tr(V^-1 M))``, for the size of each family and the noise, then for each term alone."""
    monkeypatch.setattr("fixlip.fitting.gaussian_process.ROUNDS", 0 if alone else 1)
    monkeypatch.setattr("fixlip.fitting.gaussian_process.SINGLE_PRECISION", 1.0)
    chi, start, noise = signs(40, 6), families(), 0.05
    found = fit(chi, targets, start, noise, rounds=1 if alone else 0)
    phi = features(chi > 0, 0.5, 2)
    parts = phi[:, :1], phi[:, 1:7], phi[:, 7:]
    V = sum(part @ np.diag(f.variance) @ part.T for part, f in zip(parts, start, strict=True)) + noise * np.eye(40)
    inverse = np.linalg.inv(V)
    Q = inverse @ targets / np.sqrt(np.trace(targets.T @ inverse @ targets) / 40)

    def grown(M):
        return np.sqrt(np.trace(Q.T @ M @ Q) / np.trace(inverse @ M))

    for part, before, after in zip(parts[1:], start[1:], found.families[1:], strict=True):
        if alone:
            growth = np.array([grown(np.outer(column, column)) for column in part.T])
        else:
            growth = grown(part @ np.diag(before.variance) @ part.T)
        assert_close(after.variance, before.variance * growth, 1e-9)
    assert_close(found.families[0].variance, start[0].variance, 0.0)  # the constant does not shrink
    assert_close(found.noise, noise * grown(np.eye(40)), 1e-9)


def test_terms_that_matter_keep_their_variance(process, targets):
    learnt = fit(process.chi, targets, families(), 0.05, rounds=5).families[2].variance
    assert learnt.argmax() == np.flatnonzero((PAIRS == (1, 2)).all(1))[0]
    assert learnt.max() > 5 * np.median(learnt)


def test_left_out_rows_are_foretold_as_well_as_claimed():
    """Errors on rows that are left out, in units of what the posterior claims for them, have the size of `spread`."""
    chi = signs(60, 6)
    targets = chi[:, :2] + 0.2 * np.random.default_rng(3).normal(size=(60, 2))
    terms = families()[:2]
    process = fit(chi, targets, terms, 0.05)
    errors = []
    for row in range(60):
        rest = np.arange(60) != row
        covariance = sum(f.kernel(chi) for f in process.families) + process.noise * np.eye(60)
        weights = np.linalg.solve(covariance[np.ix_(rest, rest)], covariance[rest, row])
        claimed = covariance[row, row] - weights @ covariance[rest, row]
        errors.append((targets[row] - weights @ targets[rest]) / np.sqrt(claimed))
    assert_close(process.spread, np.transpose(errors) @ errors / 60, 1e-8)


def test_targets_without_noise_and_constant_ones():
    chi = signs(60, 6)
    exact = fit(chi, chi[:, :1] - 2 * chi[:, 3:4], families()[1:2], 0.05)
    assert_close(exact.mean(0)[:, 0], [1, 0, 0, -2, 0, 0], 1e-4)
    assert exact.noise >= LEAST_NOISE
    nothing = fit(chi, np.zeros((60, 2)), families(), 0.05, rounds=2)
    assert_close(nothing.mean(1), np.zeros((6, 2)), 0.0)


def test_chunks_of_terms_change_nothing(process, monkeypatch):
    whole = process.mean(2), process.variance(2), process.families[2].kernel(process.chi)
    monkeypatch.setattr("fixlip.fitting.gaussian_process.CHUNK", 4)
    parts = process.mean(2), process.variance(2), process.families[2].kernel(process.chi)
    for one, other in zip(whole, parts, strict=True):
        assert_close(one, other, 1e-9)
