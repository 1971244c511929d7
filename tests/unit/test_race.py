"""The race of the benchmarks: its ladders, its contestants, and its figure."""

import numpy as np
import pytest

from benchmarks import race, race_figure
from benchmarks.contestants import BANZHAF, Contestant, approximator, dense
from benchmarks.meter import Once, metered
from benchmarks.subjects import game_of
from fixlip.errors import BudgetError
from fixlip.games.closed_form import random_towers
from tests.helpers.published import of_published


def rungs(*errors, correlation=0.5):
    """A ladder from 64 passes on, 10 ms each."""
    names = ("passes", "seconds", "relative error", "correlation")
    return [dict(zip(names, (64 * 2**k, 0.64 * 2**k, off, correlation), strict=True)) for k, off in enumerate(errors)]


def test_accuracies_are_interpolated_between_rungs():
    ladder = rungs(0.8, 0.2, 0.05)  # the error falls with the square of the passes
    assert race.until(ladder, "relative error", 0.1) == pytest.approx((2**7.5, 1.28 * 2**0.5, False))
    assert race.until(ladder, "relative error", 0.9) == (64, 0.64, True)
    assert race.until(ladder, "relative error", 0.01) is None
    assert race.until(ladder, "correlation", 0.4) == (64, 0.64, True)
    assert race.cell(ladder, None) == "not within 256 passes"
    assert race.cell(ladder, race.Reached(1000.4, 2.345, True)) == "at most 1,000 passes, 2.35 s"


def test_a_ladder_ends_at_its_goal_or_without_hope(monkeypatch):
    assert race.finished(rungs(0.04, correlation=0.9995))
    assert not race.finished(rungs(0.04, correlation=0.99))
    assert not race.finished(rungs(100.0))
    assert race.finished(rungs(*[1.0] * 7))
    assert not race.finished(rungs(*[0.7] * 7))
    monkeypatch.setattr(race, "SECONDS", 1.0)
    assert race.finished(rungs(0.3))


def test_the_best_of_the_others_is_what_counts():
    def row(case, of, *errors, index=BANZHAF):
        return {"case": case, "of": of, "index": index, "ladder": rungs(*errors)}

    ours, second = row("a, banzhaf", "fixlip", 0.1), row("a, least squares", "fixlip", 0.1)
    others = [row("a, slow", "x", 0.4, 0.2, 0.1), row("a, fast", "x", 0.2, 0.1), row("b, elsewhere", "x", 0.1)]
    found = race.compared([ours, second, *others, row("a, other", "x", 0.1, index="another")])
    assert [found[0][name] for name in race.SOONER] == pytest.approx([2, 2])
    assert found[1:3] == [second, others[0]]
    assert race.compared([ours, row("a, slow", "x", 0.4)])[0][race.SOONER[0]] == "no other gets there"
    assert race.compared([ours]) == [ours]


def test_no_mask_is_encoded_twice(demo_clip):
    encoder, meter = metered(demo_clip)
    game, before = Once(game_of(encoder)), meter.passes["image"]
    masks = np.random.default_rng(0).random((6, game.n_image)) < 0.5
    assert len(game.image_embeddings(masks[[0, 1, 1]])) == 3
    game.image_embeddings(masks)
    assert meter.passes["image"] - before == len(game.image_embeddings.known) == 6


@pytest.mark.parametrize("run", [dense, approximator("RegressionFBII"), approximator("SVARMIQ", index="BII")])
def test_contestants_estimate_what_they_race_to(run):
    game = random_towers(5, 3)
    truth = of_published(game).effects.second_order[:5, 5:]
    assert run(game, 2**8, 0) == pytest.approx(truth, abs=1e-6)


def test_a_ladder_is_left_out_where_no_budget_is_enough(demo_clip, monkeypatch):
    def too_few(game, budget, seed):
        raise BudgetError("Too few masks.")

    monkeypatch.setattr(race, "scene_games", lambda *_: [random_towers(5, 3)])
    with pytest.raises(BudgetError, match="Too few masks"):
        race.climb("", Contestant(too_few, "x"), 1, 64)


def test_each_panel_of_the_race_has_its_lines():
    ladder = rungs(0.4, 0.2)
    rows = [{"case": f"{m}, banzhaf", "of": "fixlip", "index": i, "ladder": ladder} for m, i in race_figure.PANELS]
    *panels, legend = race_figure.draw(rows).axes
    for ax in panels:
        assert ax.lines[0].get_xydata().tolist() == [[0.64, 0.4], [1.28, 0.2]]
    assert [text.get_text() for text in legend.get_legend().get_texts()] == ["banzhaf (fixlip)"]
