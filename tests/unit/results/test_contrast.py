"""The difference of two explanations: exactly additive, whatever is estimated."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fixlip import Explanation, InputError, Players, plots
from fixlip.results.contrast import Contrast
from fixlip.results.provenance import StandardErrors
from fixlip.results.word_alignment import aligned_words
from tests.helpers.oracles import assert_close
from tests.helpers.pictures import explanation, of_regions, of_tokens

CAPTIONS = ("a dog next to a bus", "a big black cat next to a red bus")


def made(caption, pairs="all", n_image=6, seed=0, stderr=True):
    """Random effects; `pairs`: which of them are known."""
    rng = np.random.default_rng([seed, len(caption)])
    players = Players.of(grid=(2, n_image // 2), words=caption.split())
    n = len(players)
    second = rng.normal(size=(n, n))
    second += second.T
    is_image = np.arange(n) < n_image
    within = is_image[:, None] == is_image
    second[within & (pairs != "all") | (pairs == "none")] = np.nan
    np.fill_diagonal(second, 0.0)
    errors = StandardErrors(0.3, rng.random(n), np.where(np.isnan(second), np.nan, rng.random((n, n))))
    return Explanation(
        *(rng.normal(), rng.normal(size=n), second, rng.normal(), rng.normal(), "X", players),
        stderr=errors if stderr else None,
    )


def together(contrast, masks, own):
    """Masks of one caption in the columns of the difference."""
    whole = np.zeros((len(masks), len(contrast.difference.players)), dtype=bool)
    whole[:, own] = masks
    return whole


@pytest.mark.parametrize(
    "known", [("all", "all"), ("cross", "cross"), ("none", "none"), ("all", "cross"), ("cross", "all")]
)
def test_the_difference_predicts_the_difference(known):
    found = Contrast(*(made(caption, pairs) for caption, pairs in zip(CAPTIONS, known, strict=True)))
    one, other, whole = found.first, found.second, found.difference
    n, a = 6, len(one.players)
    masks = np.random.default_rng(1).random((200, len(whole.players))) < 0.5
    expected = one.predict(masks[:, :a]) - other.predict(masks[:, np.r_[:n, a : len(whole.players)]])
    assert_close(whole.predict(masks), expected, 1e-10)
    assert np.isnan(whole.cross).all() == (known == ("none", "none"))
    parts = found.parts()
    rows = np.random.default_rng(2).random((200, n + len(parts))) < 0.5
    mine, theirs = (np.zeros((200, e.players.n_text), dtype=bool) for e in (one, other))
    for k, part in enumerate(parts):
        for words, i in ((mine, part.first), (theirs, part.second)):
            if i is not None:
                words[:, i] = rows[:, n + k]
    expected = one.predict(np.c_[rows[:, :n], mine]) - other.predict(np.c_[rows[:, :n], theirs])
    assert_close(found.aligned.predict(rows), expected, 1e-10)


@pytest.mark.parametrize("pairs", ["all", "cross", "none"])
def test_pairs_of_words_of_different_captions_are_0_only_where_pairs_of_words_were_estimated(pairs):
    found = Contrast(*(made(caption, pairs) for caption in CAPTIONS))
    whole, words = found.difference, slice(6, len(found.first.players))
    others = slice(words.stop, None)
    for matrix in (whole.second_order, whole.stderr.second_order):
        for block in (matrix[words, others], matrix[others, words].T):
            assert block.shape == (6, 9)
            assert (block == 0).all() if pairs == "all" else np.isnan(block).all()


@pytest.mark.parametrize("pairs", ["all", "cross", "none"])
def test_rows_add_up_exactly(pairs):
    found = Contrast(*(made(caption, pairs) for caption in CAPTIONS))
    for rows in (found.rows(), found.ordered(100), found.ordered(2)):
        for name, total in (
            ("first", found.first.full_value),
            ("second", found.second.full_value),
            ("difference", found.first.full_value - found.second.full_value),
        ):
            assert_close(sum(getattr(row, name) for row in rows), total, 1e-12)
    words = found.rows()[:-3]
    assert_close(np.array([row.cross for row in words]), np.nan_to_num(found.aligned.cross).sum(0), 1e-12)
    strongest = np.abs(np.nan_to_num(found.aligned.cross)).argmax(0)
    labels = [found.first.players.image[i].label for i in strongest]
    assert [row.where for row in words] == (["" for _ in words] if pairs == "none" else labels)


def test_few_rows_have_the_largest_first():
    found = Contrast(*(made(caption) for caption in CAPTIONS))
    *words, others, picture, empty, rest = found.ordered(3)
    assert [abs(row.difference) for row in words] == sorted(
        (abs(r.difference) for r in found.rows()[:-3]), reverse=True
    )[:3]
    assert others.part == f"{len(found.parts()) - 3} other words"
    assert [row.kind for row in (others, picture, empty, rest)] == ["others", "picture", "empty", "rest"]
    assert rest.first == pytest.approx(found.first.additive().rest)
    assert empty.second == found.second.empty_value


def test_it_turns_round_and_vanishes():
    one, other = (made(caption) for caption in CAPTIONS)
    there, back = Contrast(one, other), Contrast(other, one)
    assert_close([r.difference for r in there.ordered(99)], [-r.difference for r in back.ordered(99)], 1e-12)
    assert there.difference.full_value == -back.difference.full_value
    same = Contrast(one, one)
    assert {row.kind for row in same.rows()[:-3]} == {"shared"}
    assert not any(row.difference for row in same.rows())
    assert not np.nan_to_num(same.aligned.second_order).any()


@pytest.mark.parametrize(
    ("one", "other", "labels"),
    [
        ("a dog next to a bus", "a cat next to a bus", ["a", "dog vs cat", "next", "to", "a", "bus"]),
        ("a dog by a bus", "a big black cat by a bus", ["a", "– vs big", "– vs black", "dog vs cat", "by", "a", "bus"]),
        ("a dog", "Two DOGS and a Dog", ["– vs Two", "– vs DOGS", "– vs and", "a", "dog"]),
        ("a man with a dog", "a dog", ["a vs –", "man vs –", "with vs –", "a", "dog"]),
        ("dog", "cat", ["dog vs cat"]),
    ],
)
def test_words_are_aligned_by_what_they_are(one, other, labels):
    parts = aligned_words(*(Players.of(n_image=1, words=caption.split()) for caption in (one, other)))
    assert [part.label for part in parts] == labels
    for k, caption in enumerate((one, other)):
        used = [part[2 + k] for part in parts if part[2 + k] is not None]
        assert used == list(range(len(caption.split())))  # each word once, in order
    assert all((part.kind == "changed") == (" vs " in part.label) for part in parts)


def test_words_of_both_captions_are_found_in_the_difference():
    found = Contrast(*(made(caption) for caption in CAPTIONS))
    whole = found.difference
    assert_close(whole.patch_values("bus"), found.first.patch_values("bus") - found.second.patch_values("bus"), 1e-12)
    assert_close(whole.patch_values("cat"), -found.second.patch_values("cat"), 1e-12)
    assert_close(whole.patch_values(), found.first.patch_values() - found.second.patch_values(), 1e-12)
    assert_close(found.aligned.patch_values(), whole.patch_values(), 1e-12)
    for player in whole.players.text:
        assert whole.players.caption[slice(*player.span)] == player.label


def test_errors_add_in_quadrature_unless_they_are_known():
    found = Contrast(*(made(caption) for caption in CAPTIONS))
    one, other, n = found.first.stderr, found.second.stderr, 6
    errors = found.difference.stderr
    assert_close(errors.first_order[:n], np.hypot(one.first_order[:n], other.first_order[:n]), 1e-12)
    assert_close(errors.second_order[:n, n : n + 6], one.second_order[:n, n:], 1e-12)
    assert_close(errors.first_order[n + 6 :], other.first_order[n:], 1e-12)
    parts = len(found.parts())
    known = made(" ".join(f"w{k}" for k in range(parts)), seed=5)
    paired = replace(found, paired=known)
    assert paired.aligned.stderr is known.stderr
    assert_close(paired.difference.stderr.first_order[:n], known.stderr.first_order[:n], 0)
    assert_close(paired.difference.stderr.second_order[:n, n : n + 6], one.second_order[:n, n:], 1e-12)
    assert_close(paired.difference.second_order, found.difference.second_order, 0)
    assert paired.rows()[0].stderr == pytest.approx(np.sqrt((known.cross_stderr[:, 0] ** 2).sum()))
    without = Contrast(made(CAPTIONS[0], stderr=False), made(CAPTIONS[1]))
    assert without.difference.stderr is None
    assert np.isnan(without.rows()[0].stderr)
    with pytest.raises(InputError, match="9 parts"):
        replace(found, paired=made("a b"))


def test_what_cannot_be_subtracted():
    one = explanation()
    with pytest.raises(InputError, match="add up"):
        Contrast(one, replace(one, unit="relevance"))
    with pytest.raises(InputError, match="image players"):
        Contrast(one, explanation(grid=(8, 8)))
    with pytest.raises(InputError, match="image players"):
        Contrast(
            of_regions(), replace(of_regions(), players=replace(of_regions().players, regions=np.zeros((4, 4), int)))
        )
    with pytest.raises(InputError, match="index 'FWBII"):
        Contrast(one, replace(one, index="FSII"))
    with pytest.raises(InputError, match="model 'demo-clip' is not 'other'"):
        Contrast(one, explanation(model="other"))


def test_it_says_where_it_comes_from():
    one, other = explanation(words=["a", "dog"], status="few masks"), explanation(words=["a", "cat"])
    p = Contrast(one, other).difference.provenance
    assert (p.status, p.image_passes, p.text_passes, p.seconds) == ("few masks", 514, 132, 3.0)
    assert np.isnan(p.r2)
    seeds = replace(other, provenance=replace(other.provenance, seed=1))
    assert Contrast(one, seeds).difference.provenance.image_passes == 1028
    assert "'a dog' rather than 'a cat', +0.000 logit" in repr(Contrast(one, other))


def test_the_difference_is_saved(tmp_path):
    found = Contrast(explanation(words=["a", "dog"]), explanation(words=["a", "cat"])).difference
    found.save(tmp_path / "e")
    assert Explanation.load(tmp_path / "e") == found
    assert found.to_shapiq().n_players == len(found.players)


def drawn(figure):
    bars, *maps = figure.axes
    return bars, [ax for ax in maps if ax.images]


def test_the_figure_shows_the_rows_and_the_maps(tmp_path):
    one = explanation(words=["a", "dog", "bus"])
    found = Contrast(one, explanation(words=["a", "cat", "bus"], seed=1))
    figure = plots.contrast(found, tmp_path / "c.png")
    bars, maps = drawn(figure)
    rows = found.ordered(10)
    assert [bar.get_width() for bar in bars.patches] == [*(r.difference for r in rows), 0.0]
    assert [t.get_text() for t in bars.get_yticklabels()] == [*(r.part for r in rows), "difference"]
    shown = [np.asarray(ax.images[-1].get_array()) for ax in maps[:3]]
    assert_close(shown[0], found.first.heatmap(), 0)
    assert_close(shown[2], found.aligned.heatmap(), 0)
    assert len({ax.images[-1].get_clim() for ax in maps[:3]}) == 1
    with Image.open(tmp_path / "c.png") as image:
        assert image.width > 1000
    with pytest.raises(InputError, match="Cannot write"):
        plots.contrast(found, tmp_path / "none" / "c.png")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (explanation(first_only=True), explanation(first_only=True)),
        (explanation(scale=0.0), explanation(scale=0.0)),
        (explanation(words=["$x^2$", "dog"]), explanation(words=["dog"], stderr=False)),
        (of_regions(), of_regions(words=["dog"])),
        (of_tokens(), explanation(words=[f"w{i}" for i in range(40)])),
        (explanation(words=["one"], picture=False), explanation(words=["other"], picture=False)),
    ],
)
def test_every_shape_of_result_has_a_figure(one, other, tmp_path):
    same = replace(other, provenance=one.provenance)
    plots.contrast(Contrast(one, same), tmp_path / "c.png")
    assert Contrast(one, same)._repr_mimebundle_()["image/png"].startswith("iVBOR")
