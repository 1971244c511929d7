"""Hits of an index: their explanations are those of fixlip.explain, and their words add up."""

import re

import numpy as np
import pytest

import fixlip
from fixlip.datasets.scenes import make_scene
from fixlip.errors import InputError, OptionError
from fixlip.fitting import tower_gp
from fixlip.fitting.sampling import all_masks
from fixlip.games.similarity import game_input, games
from fixlip.index import build_index, open_index, tower
from fixlip.index import search as searching

pytest.importorskip("lance")
LONG = "a pizza and a dog and a cat and a lemon and an owl"  # 12 words, too many to enumerate by default


def built(folder, model, n=1, **options):
    scenes = [make_scene(k + 3, n_objects=2) for k in range(n)]
    options = {"image_masks": 64, "image_players": "grid:3", "progress": False} | options
    return scenes, build_index([scene.image for scene in scenes], folder, model=model, **options)


@pytest.fixture(scope="module")
def few(tmp_path_factory, demo_clip):
    return built(tmp_path_factory.mktemp("index"), demo_clip, 5)


@pytest.mark.parametrize(
    ("text", "options", "tolerance"),
    [
        ("a pizza next to a dog", {"image_players": "patches", "dtype": "float32"}, 1e-5),
        ("a dog", {}, 1e-2),
        ("a pizza", {"p": 0.7, "dtype": "float32"}, 1e-5),
        (LONG, {"dtype": "float32"}, 1e-5),
        ("a pizza", {"image_players": "grid:2", "dtype": "float32"}, 1e-5),  # all masks of the picture
        ("a pizza", {"removal": {"image": "drop"}, "p": 0.2, "dtype": "float32"}, 1e-5),  # by least squares
    ],
)
def test_a_hit_explains_itself_as_explain_does(tmp_path, demo_clip, monkeypatch, text, options, tolerance):
    [scene], index = built(tmp_path, demo_clip, **options)
    p = options.pop("p", 0.5)
    masks = {"text_masks": 64} if text == LONG else {}
    ours = index.search(text, 1, **masks)[0].explanation()
    call = {name: value for name, value in options.items() if name != "dtype"}
    call = {"image_masks": 64, "image_players": "grid:3"} | call | masks
    monkeypatch.setattr(tower_gp.TowerProcess.__init__, "__defaults__", (300,))  # draws: else errors vary by 9 %
    theirs = fixlip.explain(
        scene.image, text, model=demo_clip, progress=False, options={"p": p, "interactions": "cross"}, **call
    )
    for name in ("cross", "first_order", "baseline", "full_value", "empty_value"):
        a, b = (np.asarray(getattr(e, name)) for e in (ours, theirs))
        assert np.abs(a - b).max() <= tolerance * max(np.abs(b).max(), np.abs(theirs.cross).max()), name
    assert np.isnan(ours.second_order[:2, 1]).any()
    assert ours.provenance.r2 == pytest.approx(theirs.provenance.r2, abs=0.03)
    for part in (slice(None), slice(ours.players.n_image), slice(ours.players.n_image, None)):
        errors = [e.cross_stderr if part == slice(None) else e.stderr.first_order[part] for e in (ours, theirs)]
        a, b = (np.sqrt(np.square(error).mean()) for error in errors)
        assert a == pytest.approx(b, rel=0.12)
    assert (ours.players.image, ours.players.text, ours.players.grid, ours.players.visible) == (
        theirs.players.image,
        theirs.players.text,
        theirs.players.grid,
        theirs.players.visible,
    )
    assert np.array_equal(ours.players.regions, theirs.players.regions)
    assert ours.players.picture.mean((0, 1)) == pytest.approx(theirs.players.picture.mean((0, 1)), abs=2)
    for name in ("model", "weights", "removal", "image_passes", "text_passes", "seed", "logit_scale"):
        assert getattr(ours.provenance, name) == getattr(theirs.provenance, name), name
    assert re.sub(r"\d+%", "", ours.provenance.status) == re.sub(r"\d+%", "", theirs.provenance.status)
    ours.save(tmp_path / "one.fixlip")
    assert fixlip.Explanation.load(tmp_path / "one.fixlip") == ours
    assert "pizza" in ours.to_html() or "dog" in ours.to_html()


def test_hits_come_in_the_order_of_the_models_own_scores(few, demo_clip):
    scenes, index = few
    hits = index.search("a dog", 4)
    ranked = [fixlip.rank(scene.image, ["a dog"], model=demo_clip).captions[0].similarity for scene in scenes]
    order = np.argsort(ranked)[::-1]
    assert [int(hit.name) for hit in hits] == order[:4].tolist()
    assert [hit.similarity for hit in hits] == pytest.approx([ranked[k] for k in order[:4]], abs=0.01)


def test_contributions_are_banzhaf_values_with_the_picture_whole(few, demo_clip):
    scenes, index = few
    hit = index.search("a pizza and a dog", 2)[1]
    [game] = games(demo_clip, [scenes[int(hit.name)].image], ["a pizza and a dog"], [(0, 0)])
    masks = all_masks(5)  # player k is bit k
    values = game.values(np.concatenate([np.ones((32, game.n_image), dtype=bool), masks], axis=1))
    banzhaf = [(values[masks[:, k]] - values[~masks[:, k]]).mean() for k in range(5)]
    assert hit.contributions == pytest.approx(banzhaf, abs=0.01)
    assert (hit.no_words, hit.similarity) == pytest.approx((values[0], values[-1]), abs=0.01)
    assert hit.contributions.sum() + hit.no_words + hit.together == pytest.approx(hit.similarity)
    assert not hit.contribution_errors.any()


def test_a_query_is_encoded_once_and_queries_go_together(few, demo_clip, monkeypatch):
    _, index = few
    made = []
    monkeypatch.setattr(searching, "make_query", lambda *a, **k: made.append(a) or searching_make(*a, **k))
    together = index.search_many(["one owl", "one lemon", "one owl"], 3)
    assert len(made) == 2
    assert [hit.name for hit in together[0]] == [hit.name for hit in index.search("one owl", 3)]
    assert len(made) == 2


searching_make = searching.make_query


def test_words_that_the_model_never_learned_are_named(few):
    hits = few[1].search("a zebra", 1)
    assert "never learned 'zebra'" in hits.notes[0]
    assert "never learned" in hits[0].explanation().provenance.status


def test_the_model_of_the_index_is_asked_for(few, tmp_path, demo_clip):
    _, index = few
    folder = index.store.folder
    assert open_index(folder).search("a dog", 1)[0].name == index.search("a dog", 1)[0].name
    with pytest.raises(OptionError, match=r"^The index was built with demo-clip.*this is demo-siglip"):
        open_index(folder, model="demo-siglip").search("a dog")
    other = open_index(folder)
    other.store.facts = other.facts.model_copy(update={"model": "/etc/model"})
    with pytest.raises(OptionError, match="give that model"):
        other.search("a dog")  # no path of an index is opened


def test_the_vector_index_is_asked_where_pictures_are_many(few, monkeypatch):
    _, index = few
    exact, proposed = (index.search("a dog", 2, exact=exact) for exact in (True, False))  # no vector index: all
    assert [hit.name for hit in exact] == [hit.name for hit in proposed]
    assert (exact.exact, proposed.exact) == (True, False)
    assert index.recall(["a dog", "an owl"], 2) == 1.0


def test_an_empty_index_says_so(tmp_path, demo_clip):
    index = build_index([b"no picture"], tmp_path, model=demo_clip, progress=False)
    with pytest.raises(InputError, match="no picture in the index"):
        index.search("a dog")
    assert list(index.errors()) == ["0"]


def test_what_is_kept_of_the_errors_is_within_a_tenth(demo_clip, scene):
    """Along directions of words, against many draws; see the docstring of fixlip.index.tower."""
    picture, words = (game_input(demo_clip, side, raw) for side, raw in (("image", scene.image), ("text", "a dog")))
    fit = tower.fit_tower(demo_clip, "image", picture, 0.5, 128, 0).fit
    along = tower.fit_tower(demo_clip, "text", words, 0.5, None, 0).fit.coefficients(0.0)[1:]
    ours = np.sqrt(tower.keep(fit, 0.5).variances(along))[:-1]
    theirs = np.sqrt(sum(part[1:] ** 2 for part in tower_gp.replace(fit, draws=300).errors(along)))
    assert np.median(ours / theirs) == pytest.approx(1, abs=0.1)
    assert np.median(np.abs(np.log(ours / theirs))) < 0.12
