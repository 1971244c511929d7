from dataclasses import replace

import numpy as np
import pytest

import fixlip
from fixlip import Explanation, InputError, Players
from fixlip.games.closed_form import random_towers
from fixlip.results.provenance import StandardErrors
from tests.helpers.oracles import all_masks, assert_close


@pytest.fixture
def small():
    players = Players.of(grid=(1, 2), words=["red", "dog", "red"])
    second = np.full((5, 5), np.nan)
    np.fill_diagonal(second, 0.0)
    second[:2, 2:] = [[1.0, -2.0, 3.0], [0.5, 0.0, -4.0]]
    second[2:, :2] = second[:2, 2:].T
    return Explanation(
        0.5,
        np.arange(5.0),
        second,
        0.4,
        9.0,
        "FWBII(p=0.5)",
        players,
        StandardErrors(0.1, np.ones(5), 0 * second + 0.2),
    )


def test_predict_is_the_sum_of_what_is_present(small):
    assert_close(small.predict(np.zeros((1, 5), dtype=bool)), [0.5], 0.0)
    assert_close(small.value_of([0, 3]), 0.5 + 0 + 3 - 2.0, 1e-12)
    assert_close(small.value_of([1, 2, 4]), 0.5 + 1 + 2 + 4 + 0.5 - 4.0, 1e-12)


def test_predict_reproduces_a_game_without_higher_orders():
    rng = np.random.default_rng(0)
    game = fixlip.games.CallableGame(
        lambda s: s @ rng.normal(size=(3, 2)) * 0 + s[:, :2], lambda t: t[:, :2] * 1.0, 3, 2
    )
    found = fixlip.get_estimator("banzhaf").explain(game, progress=False)
    assert_close(found.predict(all_masks(5)), game.values(all_masks(5)), 1e-9)


def test_cross_is_a_view(small):
    assert small.cross.base is small.second_order
    assert small.cross.shape == (2, 3)
    assert_close(small.cross_stderr, np.full((2, 3), 0.2), 0.0)


def test_as_first_order_adds_up_to_the_surrogate(small):
    assert_close(small.baseline + small.as_first_order().sum(), small.value_of([0, 1, 2, 3, 4]), 1e-12)


def test_top_pairs(small):
    assert [(p.image, p.text, p.value, p.stderr) for p in small.top_pairs(2)] == [(1, 2, -4.0, 0.2), (0, 2, 3.0, 0.2)]
    assert [p.value for p in small.top_pairs(9, sign="positive")] == [3.0, 1.0, 0.5]
    assert [p.value for p in small.top_pairs(9, sign="negative")] == [-4.0, -2.0]


def test_heatmap(small):
    assert_close(small.heatmap(), [[2.0, -3.5]], 1e-12)
    assert_close(small.heatmap("RED"), [[4.0, -3.5]], 1e-12)
    assert_close(small.heatmap((4, 7)), [[-2.0, 0.0]], 1e-12)
    assert_close(small.heatmap([0, "dog"]), [[-1.0, 0.5]], 1e-12)
    assert_close(small.heatmap(order=1), [[0.0, 1.0]], 1e-12)
    with pytest.raises(InputError, match="Did you mean 'dog'"):
        small.heatmap("dogs")
    boxes = replace(small, players=Players.of(n_image=2, words=["red", "dog", "red"]))
    assert_close(boxes.patch_values("red"), [4.0, -3.5], 1e-12)
    with pytest.raises(InputError, match="patch_values"):
        boxes.heatmap()


REGIONS = np.array([[0, 1, -1], [1, 1, 0]])


@pytest.fixture
def regions(small):
    return replace(small, players=replace(small.players, grid=None, regions=REGIONS))


def test_a_heatmap_of_regions_is_painted_on_the_label_map(regions):
    assert_close(regions.heatmap("RED"), [[4.0, -3.5, np.nan], [-3.5, -3.5, 4.0]], 1e-12)
    assert_close(regions.heatmap(order=1), [[0.0, 1.0, np.nan], [1.0, 1.0, 0.0]], 1e-12)


def test_pairs_that_are_not_estimated_count_as_0_in_a_sum(small):
    second = small.second_order.copy()
    second[0, 2:4] = second[2:4, 0] = second[1, 2:] = second[2:, 1] = np.nan
    found = replace(small, second_order=second)
    assert_close(found.patch_values(), [3.0, np.nan], 1e-12)
    assert_close(found.heatmap("dog"), [[np.nan, np.nan]], 1e-12)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"regions": REGIONS + 1}, "holds -1 to 1, got 0 to 2"),
        ({"regions": REGIONS - 1}, "got -2 to 0"),
        ({"regions": REGIONS.astype(float)}, "integers"),
        ({"regions": REGIONS[0]}, "integers"),
        ({"regions": REGIONS[:, :0]}, "integers"),
        ({"regions": REGIONS, "grid": (1, 2)}, "not both"),
    ],
)
def test_a_label_map_is_checked(regions, fields, message):
    with pytest.raises(InputError, match=message):
        replace(regions.players, **fields)


def test_a_label_map_is_part_of_what_is_equal_and_saved(small, regions, tmp_path):
    assert regions != replace(regions, players=replace(regions.players, regions=REGIONS[::-1]))
    assert regions != replace(regions, players=replace(regions.players, regions=None))
    regions.save(tmp_path / "x.fixlip")
    back = Explanation.load(tmp_path / "x.fixlip")
    assert back == regions
    assert back.players.regions.dtype == np.int16


@pytest.mark.parametrize("damaged", [REGIONS + 1, REGIONS.astype(float), REGIONS.ravel()])
def test_a_damaged_label_map_is_not_saved(regions, damaged, tmp_path):
    object.__setattr__(regions.players, "regions", damaged)
    with pytest.raises(InputError, match=r"cannot be saved: (regions|A label map)"):
        regions.save(tmp_path / "x.fixlip")
    assert not any(tmp_path.iterdir()), "what could not be read is not written"


def test_share_sums_to_one(small):
    share = small.share()
    assert_close(sum(share.values()), 1.0, 1e-12)
    assert_close(share["cross"], 10.5 / 20.5, 1e-12)
    assert share["within"] == 0.0


def test_equality_and_repr(small):
    assert small == replace(small)
    assert small != replace(small, baseline=0.6)
    assert small != replace(small, stderr=None)
    assert small != replace(small, first_order=small.first_order + 1e-9)
    assert "red dog red" in repr(small)


def test_shapes_are_checked(small):
    with pytest.raises(InputError, match="5 players"):
        replace(small, first_order=np.zeros(4))
    with pytest.raises(InputError, match=r"\[B, 5\]"):
        small.predict(np.ones((1, 4)))


def test_save_and_load(explanation, small, tmp_path):
    for name, original in (("a", explanation), ("b", small), ("c", replace(small, stderr=None))):
        path = tmp_path / f"{name}.fixlip"
        original.save(path)
        assert Explanation.load(path) == original
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.fixlip", "b.fixlip", "c.fixlip"]


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04K\x01.", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_load_refuses_other_files(tmp_path, content):
    path = tmp_path / "x.fixlip"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a saved explanation"):
        Explanation.load(path)


def test_load_refuses_missing_and_truncated(small, tmp_path):
    path = tmp_path / "x.fixlip"
    with pytest.raises(InputError, match="No file"):
        Explanation.load(path)
    small.save(path)
    for keep in (10, 100, -1):
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(InputError):
            Explanation.load(path)


def test_save_into_a_missing_folder(small, tmp_path):
    with pytest.raises(InputError, match="Cannot write"):
        small.save(tmp_path / "none" / "x.fixlip")


@pytest.mark.parametrize("interactions", ["cross", "all"])
def test_shapiq_keeps_every_number(interactions):
    found = fixlip.get_estimator("banzhaf", interactions=interactions).explain(random_towers(5, 3), progress=False)
    values = found.to_shapiq()
    back = Explanation.from_shapiq(
        values,
        found.players,
        empty_value=found.empty_value,
        full_value=found.full_value,
        stderr=found.stderr,
        provenance=found.provenance,
        power=found.power,
    )
    assert back == found
    assert values[(0, 6)] == found.second_order[0, 6]
    assert values.index == "FWBII(p=0.5)"


def test_shapiq_of_another_size_is_refused(small):
    with pytest.raises(InputError, match="5"):
        Explanation.from_shapiq(small.to_shapiq(), Players.of(n_image=2, n_text=2))


def test_it_shows_itself(explanation):
    bundle = explanation._repr_mimebundle_()
    assert {"text/html", "image/png", "text/plain"} <= set(bundle)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *(
            ("banzhaf", {"order": order, "fit": fit})
            for order in (2, 3)
            for fit in ("gaussian-process", "least-squares")
        ),
        ("shapley", {}),
    ],
)
def test_errors_of_what_players_add_are_those_between_seeds(name, options):
    """The errors of a player's effects cancel in what it adds; taken as independent they are too large."""
    game, estimator = random_towers(12, 3, seed=2), fixlip.get_estimator(name, interactions="all", **options)
    runs = [estimator.explain(game, image_masks=256, seed=s, progress=False) for s in range(20)]
    between = np.sqrt(np.mean(np.var([run.additive().values for run in runs], axis=0, ddof=1)))
    said = np.sqrt(np.mean([np.square(run.additive().stderr) for run in runs]))
    alone = [replace(run, stderr=replace(run.stderr, additive=None)) for run in runs]
    independent = np.sqrt(np.mean([np.square(run.additive().stderr) for run in alone]))
    assert 0.7 < said / between < 1.5
    assert independent > 1.5 * said
