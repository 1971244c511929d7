"""Regions, phrases and words as players of a real game."""

import numpy as np
import pytest

import fixlip
from fixlip.errors import InputError
from fixlip.games.similarity import games
from tests.helpers.models import PREPROCESS, encoder_of, picture
from tests.helpers.oracles import assert_close

CHEAP = {"image_masks": 64, "options": {"interactions": "cross"}, "progress": False}


def explain(encoder, caption="a black dog and a yellow bus", **options):
    return fixlip.explain(picture(), caption, model=encoder, **{**CHEAP, **options})


def pixels_of(encoder, masks, **options):
    """The game, and the pixels that the image tower gets for these masks."""
    game, seen = next(games(encoder, [picture()], ["dog"], [(0, 0)], **options)), []
    inner = encoder.model.visual._embeds
    try:
        encoder.model.visual._embeds = lambda pixels: seen.append(pixels) or inner(pixels)
        game.image_embeddings(masks)
    finally:
        del encoder.model.visual._embeds
    return game, seen


def test_regions_that_cut_through_patches_remove_pixels(demo_clip):
    labels = np.full((60, 80), -1)
    labels[:, :33], labels[10:50, 41:77] = 4, 9
    game, seen = pixels_of(demo_clip, np.array([[True, False], [False, True]]), image_players=labels)
    assert game.players.labels[:2] == ("region 1", "region 2")
    assert game.players.grid is None
    x = demo_clip.image_input(picture())
    kept = np.stack([game.players.regions != 1, game.players.regions != 0])
    assert_close(seen[0].numpy(), x.pixels.numpy() * kept[:, None], 1e-6)
    assert (game.players.regions == -1).any()


def test_regions_of_whole_patches_are_groups_of_patches(demo_clip):
    whole = np.arange(7).repeat(16)[:, None] // 2 * np.ones(112, dtype=int)
    image = np.random.default_rng(1).integers(0, 255, (112, 112, 3), dtype=np.uint8)
    game = next(games(demo_clip, [image], ["dog"], [(0, 0)], image_players=whole))
    assert game.sides["image"].tower.owner.tolist() == (np.arange(7) // 2).repeat(7).tolist()
    masks = np.array([[True, False, True, True]])
    patches = next(games(demo_clip, [image], ["dog"], [(0, 0)]))
    assert_close(
        game.image_embeddings(masks), patches.image_embeddings(masks[:, game.sides["image"].tower.owner]), 1e-6
    )


@pytest.mark.parametrize("removal", ["attention", "drop"])
def test_tokens_go_with_the_region_of_most_of_their_pixels(demo_clip, removal):
    boxes = {"left": (0, 0, 41, 60), "right": (41, 0, 80, 60)}
    found = explain(demo_clip, removal={"image": removal}, image_players=boxes)
    assert found.players.labels[:2] == ("left", "right")
    assert found.players.regions.shape == (7, 7)
    assert found.players.regions[:, 0].tolist() == [0] * 7
    assert found.players.regions[:, -1].tolist() == [1] * 7
    with pytest.raises(InputError, match="No patch lies mostly in dot"):
        explain(demo_clip, removal={"image": removal}, image_players={"dot": (3, 3, 5, 5), "all": (0, 0, 80, 60)})


def test_regions_outside_of_the_crop_are_named():
    clip = encoder_of("open_clip CLIP, ViT")
    assert PREPROCESS["size"] == clip.image_input(picture()).pixels.shape[-1]
    wide = picture(48, 200)
    boxes = {"edge": (0, 0, 20, 48), "middle": (90, 0, 110, 48)}
    found = fixlip.explain(wide, "a dog", model=clip, image_players=boxes, progress=False)
    assert found.players.labels[0] == "middle"
    assert "does not see edge" in found.provenance.status
    with pytest.raises(InputError, match="sees none"):
        fixlip.explain(wide, "a dog", model=clip, image_players={"edge": (0, 0, 20, 48)}, progress=False)


SPECS = ["grid:3", "slic:9", [(0, 0, 40, 60), (30, 10, 60, 50)], np.ones((60, 80), dtype=bool)]


@pytest.mark.parametrize("spec", SPECS, ids=["grid", "slic", "boxes", "mask"])
def test_any_regions_are_explained_drawn_and_saved(demo_clip, tmp_path, spec):
    found = explain(demo_clip, image_players=spec)
    assert found.heatmap().shape == found.players.regions.shape
    assert np.isfinite(found.cross).all()
    found.save(tmp_path / "found")
    assert fixlip.Explanation.load(tmp_path / "found") == found
    assert found.to_html().startswith("<!doctype html>")
    assert len(fixlip.plots.heatmap(found, "dog").collections) + len(fixlip.plots.heatmap(found).images) >= 2


def test_phrases_and_content_words(demo_clip):
    found = explain(demo_clip, phrases=["black dog", "Yellow bus"])
    assert found.players.labels[49:] == ("a", "black dog", "and", "a", "yellow bus")
    assert found.players.text[1].span == (2, 11)
    by_span = explain(demo_clip, phrases=[(2, 11), (18, 28)])
    assert by_span.players == found.players
    content = explain(demo_clip, text_players="content")
    assert content.players.labels[49:] == ("a black", "dog", "and a yellow", "bus")
    assert content.heatmap("a black").shape == (7, 7)


def test_a_word_as_one_player_and_the_sum_of_its_tokens():
    """Two questions, with one answer only for two tokens at p = 0.5, where the Banzhaf index is 2-efficient."""
    caption = "a skateboarder and a dog"
    encoder = encoder_of("open_clip CLIP, ViT")

    def explained(kind, p):
        options = {"interactions": "cross", "p": p}
        return explain(encoder, caption, text_players=kind, image_masks=512, options=options)

    tokens, words = explained("tokens", 0.7), explained("words", 0.7)
    pieces = [i for i, p in enumerate(tokens.players.text) if p.span[0] >= 2 and p.span[1] <= 14]
    assert len(pieces) == 2
    assert_close(tokens.heatmap("skateboarder"), tokens.cross[:, pieces].sum(1).reshape(3, 3), 1e-12)
    assert_close(tokens.heatmap((2, 14)), tokens.heatmap("Skateboarder"), 1e-12)
    assert np.abs(words.heatmap("skateboarder") - tokens.heatmap("skateboarder")).max() > 1e-3
    half = [explained(kind, 0.5).heatmap("skateboarder") for kind in ("tokens", "words")]
    assert_close(half[0], half[1], 1e-12)
    with pytest.raises(InputError, match="skate"):
        tokens.heatmap("skateboards")


@pytest.mark.slow
def test_sensitivity(demo_clip):
    removals = [{}, {"image": "attention"}, {"image": "drop"}, {"text": "delete"}]
    found = fixlip.sensitivity(picture(), "a dog and a bus", model=demo_clip, removals=removals, **CHEAP)
    assert found.labels == (
        "image mean, text attention",
        "image attention, text attention",
        "image drop, text attention",
        "image mean, text delete",
    )
    agreement = found.agreement()
    assert_close(np.diag(agreement), np.ones(4), 1e-12)
    assert agreement[1, 2] > 1 - 1e-6
    assert agreement[0, 1] < 1 - 1e-3
    other = explain(demo_clip, "a dog and a bus", text_players="content")
    with pytest.raises(InputError, match="same players"):
        fixlip.Comparison((*found.explanations, other), (*found.labels, "content")).agreement()
