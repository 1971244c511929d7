import numpy as np
import pytest

import fixlip
from fixlip import OptionError
from fixlip.fitting.stopping import relative_error
from fixlip.games import CallableGame
from fixlip.games.memo import Memo

N_IMAGE, N_TEXT = 40, 4
SAMPLED = [
    ("banzhaf", {"interactions": "cross"}),
    ("banzhaf", {"interactions": "all"}),
    ("banzhaf", {"interactions": "cross", "sampling": "joint"}),
    ("shapley-owen", {}),
    ("shapley", {}),
    ("shapley", {"sampling": "joint"}),
]
WITH_ERRORS = pytest.mark.parametrize(
    ("name", "options"), SAMPLED, ids=lambda v: v if isinstance(v, str) else "-".join(v.values())
)


class Towers(CallableGame):
    """Two towers with effects of every order; counts the masks that are really encoded."""

    def __init__(self):
        rng = np.random.default_rng(0)
        maps = [rng.normal(size=(n, 6)) for n in (N_IMAGE, N_TEXT)]
        self.encoded, self.stop = [0, 0], np.inf

        def tower(side):
            def embed(masks):
                self.encoded[side] += len(masks)
                if self.encoded[0] > self.stop:
                    self.stop = np.inf
                    raise KeyboardInterrupt
                return np.tanh(0.5 * (masks @ maps[side])) + 0.1 * masks @ maps[side]

            return embed

        super().__init__(tower(0), tower(1), N_IMAGE, N_TEXT, batch_size=32)


class Curved(CallableGame):
    """Two towers that pairs explain all of; or, where `rare`, ten patches that count only all together."""

    def __init__(self, rare=False):
        rng = np.random.default_rng(0)
        weights, pairs = rng.normal(size=(49, 4)), rng.normal(size=(49, 49, 4)) / 20

        def image(s):
            x = s.astype(float)
            ten = np.repeat(x[:, :10].prod(1, keepdims=True), 4, axis=1)
            return ten if rare else x @ weights + np.einsum("mi,ijd,mj->md", x, pairs, x)

        words = rng.normal(size=(3, 4))
        super().__init__(image, lambda t: t @ words, 49, 3)


def test_by_default_it_stops_when_the_cross_pairs_are_settled():
    estimator, game = fixlip.get_estimator("banzhaf"), Curved()
    shown = []
    found = estimator.explain(game, progress=lambda *passes: shown.append(passes))
    spent = found.provenance.image_passes
    assert 130 <= spent < 1000
    assert relative_error(found) <= 0.1
    assert found.provenance.status == "ok"
    assert not np.isnan(found.second_order[0, 1])
    assert shown[-1][0] == shown[-1][1]
    asked = fixlip.get_estimator("banzhaf", interactions="all").explain(game, image_masks=spent - 2)
    np.testing.assert_array_equal(found.second_order, asked.second_order)


def test_by_default_it_goes_on_while_there_is_something_to_warn_of():
    found = fixlip.get_estimator("banzhaf").explain(Curved(rare=True), progress=False)
    assert found.provenance.image_passes == 2050
    assert "target_error" not in found.provenance.status
    assert found.provenance.status != "ok"


@WITH_ERRORS
def test_a_run_stops_when_the_errors_are_small_enough(name, options):
    estimator = fixlip.get_estimator(name, **options)
    for target in (0.5, 0.25):
        game, seen = Towers(), []
        found = estimator.explain(game, target_error=target, progress=lambda *shown, seen=seen: seen.append(shown))
        assert relative_error(found) <= target
        assert found.provenance.status.count("target_error") == 0
        assert seen[-1][0] <= seen[-1][1]
        spent = found.provenance.image_passes
        if options.get("sampling") != "joint":
            assert game.encoded[0] <= 1.15 * spent  # the last round alone, but for sizes that were enumerated later


def test_smaller_targets_take_more_masks():
    estimator = fixlip.get_estimator("banzhaf", interactions="cross")
    spent = [estimator.explain(Towers(), target_error=t).provenance.image_passes for t in (0.5, 0.2, 0.1)]
    assert spent == sorted(spent)
    assert spent[-1] > 2 * spent[0]


@pytest.mark.slow
def test_the_error_that_it_stops_at_is_that_of_the_answer():
    estimator = fixlip.get_estimator("banzhaf", interactions="cross", sampling="independent")
    truth = estimator.explain(Towers(), image_masks=2**15, seed=1).cross
    found = [estimator.explain(Towers(), target_error=0.2, seed=s) for s in range(20)]
    off = [np.sqrt(np.sum((f.cross - truth) ** 2) / np.sum(truth**2)) for f in found]
    assert 0.1 < np.mean(off) < 0.3


def test_a_target_out_of_reach_spends_the_budget_and_says_so():
    found = fixlip.get_estimator("banzhaf", interactions="cross").explain(Towers(), image_masks=256, target_error=1e-6)
    assert found.provenance.image_passes == 256 + 2
    assert "target_error=1e-06 is not reached; give more than 256 masks" in found.provenance.status
    whole = fixlip.get_estimator("banzhaf", interactions="cross").explain(Towers(), image_masks=256)
    np.testing.assert_array_equal(found.cross, whole.cross)


@pytest.mark.slow
@WITH_ERRORS
def test_an_interruption_gives_what_there_is(name, options):
    game = Towers()
    estimator = fixlip.get_estimator(name, **options)
    call = {"budget": 6000} if options.get("sampling") == "joint" else {"image_masks": 6000}
    game.stop = 3000
    found = estimator.explain(game, **call)
    assert found.provenance.status.startswith("interrupted: ")
    assert 0.35 * 6000 < found.provenance.image_passes < 3100
    assert relative_error(found) < 1
    assert game.encoded[0] < 3300


def test_an_interruption_of_the_first_round_gives_what_there_is():
    game = Towers()
    game.stop = 100
    found = fixlip.get_estimator("banzhaf").explain(game)
    assert found.provenance.status.startswith("interrupted: ")
    assert found.provenance.image_passes <= 100


def test_an_interruption_between_rounds_gives_the_round_before():
    game, estimator = Towers(), fixlip.get_estimator("banzhaf", interactions="cross")
    game.stop = 400
    found = estimator.explain(game, target_error=0.001)
    assert found.provenance.status.startswith("interrupted at an error of ")
    assert found.provenance.image_passes <= 400


@pytest.mark.parametrize(("name", "call"), [("banzhaf", {"image_masks": 4096}), ("rise", {"image_masks": 4096})])
def test_an_interruption_with_nothing_to_show_is_one(name, call):
    game = Towers()
    game.stop = 20 if name == "banzhaf" else 2000  # too few; no standard errors
    with pytest.raises(KeyboardInterrupt):
        fixlip.get_estimator(name).explain(game, **call)


def test_what_cannot_be_asked_for():
    with pytest.raises(OptionError, match="rise gives no standard errors"):
        fixlip.get_estimator("rise").explain(Towers(), target_error=0.1)
    with pytest.raises(OptionError, match=r"such as 0\.1, got -1"):
        fixlip.get_estimator("banzhaf").explain(Towers(), target_error=-1)


def test_an_enumerated_game_has_no_error():
    game = CallableGame(lambda s: s @ np.eye(3), lambda t: t @ np.ones((2, 3)), 3, 2)
    found = fixlip.get_estimator("banzhaf").explain(game, target_error=0.01)
    assert relative_error(found) == 0
    assert found.provenance.status == "ok"


def test_what_is_remembered_stays_within_its_room():
    seen = []
    embed = Memo(lambda masks: seen.append(len(masks)) or np.ones((len(masks), 4)), room=100)
    masks = np.arange(64)[:, None] >> np.arange(6) & 1 == 1
    for _ in range(2):
        for start in range(0, 64, 2):
            embed(masks[start : start + 2])
    assert len(embed.known) == 4  # two batches of 64 bytes each
    assert sum(seen) == 64 + 60
    assert masks[0].tobytes() in embed.known
    assert masks[9].tobytes() not in embed.known
