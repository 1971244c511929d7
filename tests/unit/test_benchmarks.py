"""The opponents of the benchmarks against fixlip, and the quick mode of every measurement."""

import json
import os
import time
from mmap import mmap
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import gpu, headline, passes, published_exclip, published_fixlip, runs, search_scale
from benchmarks.__main__ import MEASUREMENTS, main
from benchmarks.agreement import agree, effects_of
from benchmarks.clock import added_memory, in_child, interleaved
from benchmarks.dense import side_by_side
from benchmarks.gpu_encoders import best_batch, little_memory
from benchmarks.meter import Fresh, Recorded, metered
from benchmarks.output import markdown
from benchmarks.players import cheap_game
from benchmarks.runs import Settings, carry_out
from benchmarks.search_costs import bytes_of
from benchmarks.search_loss import FORMS
from benchmarks.subjects import game_of
from fixlip.errors import BudgetError
from fixlip.estimators.banzhaf import Banzhaf
from fixlip.estimators.exact import Exact
from fixlip.estimators.integrated_gradients import IntegratedGradients
from fixlip.fitting.surrogate import Effects
from fixlip.games.closed_form import random_towers
from fixlip.index.build import Explainer, facts_of
from tests.helpers.models import picture
from tests.helpers.published import of_published

FACTS = {"image_masks": 64, "image_players": "patches", "p": 0.5, "seed": 0, "dtype": "float16"}


def test_the_dense_opponent_is_faithful_banzhaf():
    """With all masks it is the minimiser that the definition asks for."""
    game = random_towers(5, 3)
    found = of_published(game)
    assert (found.values, found.terms) == (2**8, 1 + 8 + 28)
    masks = (np.arange(2**8)[:, None] >> np.arange(8)) % 2 == 1
    i, j = np.triu_indices(8, 1)
    truth = np.linalg.lstsq(
        np.column_stack([np.ones(2**8), masks, masks[:, i] & masks[:, j]]), game.values(masks), rcond=None
    )[0]
    pairs = np.zeros((8, 8))
    pairs[i, j] = pairs[j, i] = truth[9:]
    agree(found.effects, Effects(truth[0], truth[1:9], pairs), 1e-12)
    assert found.solve > 0


@pytest.mark.parametrize("pairs", ["all", "cross"])
def test_banzhaf_equals_the_dense_opponent_on_all_masks(pairs):
    row = side_by_side(random_towers(6, 4), pairs, 2**10, 1)
    assert row["largest difference"] < 1e-10
    assert (row["image masks"], row["text masks"]) == (64, 16)


@pytest.mark.parametrize("budget", [2**9, 2**11])
def test_cross_pairs_equal_the_dense_opponent_on_drawn_masks(budget):
    row = side_by_side(random_towers(12, 6), "cross", budget, 1)
    assert row["image masks"] * row["text masks"] <= budget
    assert row["largest difference"] < 1e-10


@pytest.mark.parametrize("wrong", ["scale", "weights", "pairs"])
def test_the_comparison_catches_a_wrong_opponent(wrong, monkeypatch):
    explain, given = published_fixlip.explain, published_fixlip.given

    def shifted(game, image, text, *, within):
        found = explain(game, image, text, within=within)
        first = found.effects.first_order * (1 + 1e-4 * (wrong == "scale"))
        second = found.effects.second_order if wrong == "scale" else -found.effects.second_order
        return found._replace(effects=Effects(found.effects.baseline, first, second))

    def reweighted(masks):
        weights = given(masks).weights * np.linspace(1, 1.1, len(np.unique(masks, axis=0)))
        return published_fixlip.Drawn(given(masks).masks, weights / weights.sum())

    monkeypatch.setattr(published_fixlip, *(("given", reweighted) if wrong == "weights" else ("explain", shifted)))
    with pytest.raises(AssertionError, match="The results differ by"):
        side_by_side(random_towers(12, 6), "cross", 2**11, 1)


def test_effects_that_one_side_lacks_are_a_difference():
    found = effects_of(Exact().explain(random_towers(3, 2), progress=False))
    lacking = found._replace(second_order=np.where(np.eye(5, dtype=bool), 0.0, np.nan))
    with pytest.raises(AssertionError, match="do not have the same effects"):
        agree(found, lacking, np.inf)


def test_masks_that_repeat_weigh_more():
    repeated = published_fixlip.given(np.array([[True, False], [True, False], [False, True], [True, True]]))
    assert sorted(repeated.weights.tolist()) == [0.25, 0.25, 0.5]


def test_integrated_gradients_equal_dense_jacobians(demo_clip):
    game = game_of(demo_clip)
    found = IntegratedGradients(steps=2, quadrature="right").explain(game, progress=False).cross
    whole = game_of(published_exclip.padded(demo_clip))
    assert len(whole.layers("text").state(1)) > len(game.layers("text").state(1))
    truth = published_exclip.explain(whole, steps=2)
    assert np.abs(truth).max() > 1e-2
    assert np.abs(found - truth).max() < 1e-6 * np.abs(truth).max()
    other = IntegratedGradients(steps=2).explain(game, progress=False).cross
    assert np.abs(other - truth).max() > 1e-3 * np.abs(truth).max()


def test_a_recorded_game_answers_again_without_its_towers(demo_clip):
    encoder, meter = metered(demo_clip)
    recorded = Recorded(game_of(encoder))
    call = {"image_masks": 64, "text_masks": 16, "progress": False}
    first = Banzhaf(interactions="cross").explain(recorded, **call)
    made = dict(meter.passes)
    assert made["image"] >= 64
    again = Banzhaf(interactions="cross").explain(recorded.rewind(), **call)
    assert meter.passes == made
    assert (first.cross == again.cross).all()
    assert recorded.masks("image").shape == (64, 49)
    Banzhaf(interactions="cross").explain(Fresh(recorded.game), **call)
    assert meter.passes["image"] >= made["image"] + 64
    with pytest.raises(AssertionError, match="others than those recorded"):
        Banzhaf(interactions="cross").explain(recorded.rewind(), seed=1, **call)


def test_memory_is_that_of_the_stretch():
    def added(mib):
        with added_memory() as memory, mmap(-1, mib * 2**20) as pages:  # malloc may have free pages: a map has none
            for start in range(0, len(pages), 4096):
                pages[start] = 1
        return memory.added

    added(256)  # what was there before does not count
    assert added(64) == pytest.approx(64, abs=8)


@pytest.mark.slow
def test_a_process_of_its_own():
    assert in_child(os.getpid) != os.getpid()


def test_only_a_trial_stays_in_this_process(monkeypatch):
    monkeypatch.setattr(runs, "in_child", lambda function, *args: ("elsewhere", *args))
    assert Settings().apart(divmod, 7, 2) == ("elsewhere", 7, 2)
    assert Settings(quick=True).apart(divmod, 7, 2) == (3, 1)


def test_calls_are_interleaved():
    order = []
    seconds = interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert "".join(order) == "ababab"
    assert set(seconds) == {"a", "b"}


class Fake:
    """A measurement of three cases, one of which needs more passes than it has, and one of which fails."""

    def __init__(self):
        self.TITLE, self.TARGETS = "A title", {"x": ("<=", 1.5, ""), "y": (">=", 1.0, "good")}
        self.made = []

    def cases(self, settings):
        def good():
            self.made.append("good")
            return {"x": 2.0, "y": 1.0}

        def bad():
            self.made.append("bad")
            raise AssertionError("The results differ.")

        def too_few():
            raise BudgetError("Too few masks.")

        return {"good": good, "too few": too_few, "bad": bad}


def test_what_was_measured_is_kept_and_what_failed_is_told(tmp_path, capsys):
    fake = Fake()
    assert carry_out("fake", fake, Settings(), tmp_path) == ["fake: bad"]
    assert carry_out("fake", fake, Settings(), tmp_path) == ["fake: bad"]
    assert fake.made == ["good", "bad", "bad"]
    carry_out("fake", fake, Settings(quick=True), tmp_path)
    carry_out("fake", fake, Settings(quick=True), tmp_path, again=True)
    assert fake.made[3:] == ["good", "bad", "good", "bad"]
    carry_out("fake", fake, Settings(), tmp_path, only="oo")
    assert len(fake.made) == 8
    found = json.loads((tmp_path / "fake.json").read_text())
    assert found["rows"] == [{"case": "good", "x": 2.0, "y": 1.0}]
    assert {"CPU", "cores", "threads", "memory", "torch", "numpy", "shapiq"} <= set(found["machine"])
    assert found["notes"] == ["Target: x <= 1.5: missed by good, 2.", "Target: y >= 1 (good): met."]
    page = (tmp_path / "fake.md").read_text()
    assert "| case | x | y |\n| --- | --- | --- |\n| good | 2.000 | 1.000 |" in page
    assert "- Target: x <= 1.5: missed by good, 2." in page
    assert capsys.readouterr().err.count("AssertionError: The results differ.") == 4


def test_a_table():
    assert markdown([["a", "b"], ["1", "2"]], numbers_from=1) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_a_name_that_is_not_there(capsys):
    with pytest.raises(SystemExit):
        main(["densest"])
    assert "no measurement densest; there are dense, exclip" in capsys.readouterr().err


def test_cheap_towers_are_a_game():
    game = cheap_game(9, 4, 16)
    found = Banzhaf(interactions="all").explain(game, budget=2**13, progress=False)
    norms = np.linalg.norm(game.image_embeddings(np.ones((2, 9), dtype=bool)), axis=1)
    assert norms == pytest.approx(1, abs=1e-6)
    agree(effects_of(found), of_published(game).effects, 1e-6)


QUICK = [pytest.param(name, marks=[pytest.mark.browser] * (name == "page")) for name in MEASUREMENTS]


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_quick_mode(name, tmp_path):
    assert main([name, "--quick", "--out", str(tmp_path)]) == 0
    (file,) = tmp_path.glob("*.json")
    found = json.loads(file.read_text())
    assert found["rows"]
    assert all(row["case"] for row in found["rows"])
    assert file.with_suffix(".md").read_text().startswith(f"# {found['title']}")


def test_a_stage_ends_in_time_and_the_next_goes_on(monkeypatch):
    monkeypatch.setattr(gpu, "SECONDS", dict.fromkeys(gpu.SECONDS, 0.05))
    monkeypatch.setattr(gpu, "alone", lambda *_: time.sleep(60))
    monkeypatch.setattr(gpu, "tests", lambda settings: {"note": "in time"})
    cases = gpu.cases(Settings(quick=True))
    first, second, *_ = (cases[name]() for name in cases if name.startswith("encoders"))
    assert first == second == {"note": "stopped after 0 s, the rest of its stage"}
    assert cases["tests: marked gpu"]() == {"note": "in time"}


def test_a_gpu_takes_six_minutes_and_a_cpu_is_not_asked():
    assert sum(gpu.SECONDS.values()) <= 350
    assert gpu.cases(Settings()) == {}
    stages = {case.partition(":")[0] for case in gpu.cases(Settings("cuda"))}
    assert stages == set(gpu.SECONDS)


@pytest.mark.parametrize("end", ["gain", "memory", "masks"])
def test_the_best_batch_is_doubled_while_it_gains(end):
    def embed(masks):
        if end == "memory" and len(masks) > 64:
            raise torch.OutOfMemoryError("no room")
        time.sleep(4e-3 if end == "gain" and len(masks) > 64 else 1e-3)

    masks = torch.zeros(64 if end == "masks" else 256, 1)
    batch, rate = best_batch(embed, masks, Settings(quick=True))
    assert batch == 64
    assert rate <= 64_000


def test_little_memory_is_noticed(demo_clip):
    with little_memory(demo_clip, "cpu") as cramped:
        x = cramped.encoder.image_input(picture())
        with pytest.raises(torch.OutOfMemoryError):
            cramped.encoder.embed_image(x, torch.ones(9, 49, dtype=bool))
        cramped.encoder.embed_image(x, torch.ones(8, 49, dtype=bool))
    assert (cramped.tried, cramped.fitted) == ([9, 8], [8])


class Converging:
    """An explanation of 2 + 1 players whose cross pairs have this error and this standard error."""

    def __init__(self, error, stderr):
        self.players, size = SimpleNamespace(n_image=1000), 1001
        rng, self.second_order = np.random.default_rng(0), np.zeros((size, size))
        self.second_order[:1000, 1000] = rng.normal(size=1000) + error * np.random.default_rng(1).normal(size=1000)
        self.stderr = SimpleNamespace(second_order=np.full((size, size), stderr))


@pytest.mark.parametrize(("stderr", "coverage"), [(0.0866, 0.95), (0.05, 0.834), (np.nan, "none")])
def test_error_and_coverage_against_what_converges(stderr, coverage):
    row = passes.compare([(Converging(0.1, stderr), Converging(0.0, 0.05))], "cross pairs")
    assert row["relative error"] == pytest.approx(0.0867, rel=0.05)  # the noise of what converges is taken off
    assert row["correlation"] == pytest.approx(0.9963, abs=3e-4)
    assert row["coverage of 95 % intervals"] == (coverage if coverage == "none" else pytest.approx(coverage, abs=0.02))


def test_the_tables_of_pages_are_those_measured():
    assert f"<!-- ratios -->\n{headline.headline()}\n<!-- /ratios -->" in headline.PAGE.read_text("utf-8")
    assert f"<!-- race -->\n{headline.race()}\n<!-- /race -->" in headline.PAGE.read_text("utf-8")
    assert f"<!-- race -->\n{headline.first()}\n<!-- /race -->" in headline.README.read_text("utf-8")
    assert f"<!-- masks -->\n{headline.masks()}\n<!-- /masks -->" in headline.CHOOSING.read_text("utf-8")


@pytest.mark.parametrize("name", ["scale", "losses"])
def test_the_tables_of_the_page_on_search_are_those_computed(name):
    table = getattr(search_scale, name)()
    assert f"<!-- {name} -->\n{table}\n<!-- /{name} -->" in search_scale.PAGE.read_text("utf-8")


def test_bytes_of_a_picture_are_computed_as_they_are_stored(demo_clip, scene):
    row = Explainer(demo_clip, facts_of(demo_clip, **FACTS)).row("a", scene.image, "0")
    assert search_scale.bytes_of(49, demo_clip.embed_dim) == bytes_of(row)


def test_coefficients_in_fewer_bytes():
    F = np.random.default_rng(0).normal(size=(50, 128))
    lost = {name: np.linalg.norm(form.kept(F, F) - F) / np.linalg.norm(F) for name, form in FORMS.items()}
    assert lost["float16"] < 1e-3 < lost["int8"] < 1e-2 < lost["16 directions of its own"] < 1
    assert lost["16 directions of its own"] < lost["8 directions of its own"]
    assert FORMS["int8"].bytes_of(50, 128) < FORMS["float16"].bytes_of(50, 128) == F.size * 2
